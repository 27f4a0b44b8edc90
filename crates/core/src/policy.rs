//! Which tools exist and what they may do. Every source that says something about a key can only
//! narrow it; without any source a server is read-only.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::effect::Effect;
use crate::outside::{Outside, Secrets};
use crate::state::hex;

/// What a call may do that could lose data for good: `--destroy`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Destroy {
    /// Refused, and tools that always do are not listed.
    Never,
    /// Done once a person has confirmed it through the agent host.
    Ask,
    /// Done.
    Allow,
}

/// What one source (a configuration file, the environment, the command line) says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicySource {
    pub(crate) write: Option<bool>,
    pub(crate) destroy: Option<Destroy>,
    pub(crate) secrets: Option<Secrets>,
    pub(crate) tools: ToolNames,
}

/// Globs over tool names; deny wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ToolNames {
    pub(crate) allow: Option<Vec<String>>,
    pub(crate) deny: Vec<String>,
}

/// The policy in force: the intersection of all its sources.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    write: bool,
    destroy: Destroy,
    outside: Outside,
    allow: Vec<GlobSet>,
    deny: GlobSet,
    hash: String,
}

/// What the policy says to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Go on.
    Allow,
    /// Go on once a person has confirmed it.
    Ask,
    /// Refuse, and say that the effect is not allowed: the tool is listed for weaker calls.
    Refuse,
    /// Answer as if the tool did not exist.
    Hide,
}

impl Policy {
    /// Intersects `sources`.
    pub(crate) fn new(sources: &[PolicySource]) -> Result<Self, globset::Error> {
        let said = |key: fn(&PolicySource) -> Option<bool>| sources.iter().filter_map(key);
        let write =
            said(|source| source.write).count() > 0 && said(|source| source.write).all(|w| w);
        let destroy = sources.iter().filter_map(|source| source.destroy).min();
        let destroy = if write { destroy.unwrap_or(Destroy::Ask) } else { Destroy::Never };
        let secrets = sources.iter().filter_map(|source| source.secrets).min();
        let allow = sources.iter().filter_map(|source| source.tools.allow.as_deref());
        let deny: Vec<String> =
            sources.iter().flat_map(|source| source.tools.deny.iter().cloned()).collect();
        let stated = serde_json::to_vec(sources).unwrap_or_default();
        Ok(Self {
            write,
            destroy,
            outside: Outside::new(secrets.unwrap_or_default()),
            allow: allow.map(globs).collect::<Result<_, _>>()?,
            deny: globs(&deny)?,
            hash: hex(&Sha256::digest(stated)),
        })
    }

    /// Whether a call of `tool` with this effect goes on.
    pub(crate) fn decide(&self, tool: &str, effect: Effect) -> Decision {
        if self.deny.is_match(tool) || !self.allow.iter().all(|globs| globs.is_match(tool)) {
            return Decision::Hide;
        }
        match (effect, self.destroy) {
            (Effect::Read, _) => Decision::Allow,
            _ if !self.write => Decision::Hide,
            (Effect::Add | Effect::Change, _) => Decision::Allow,
            (Effect::Destroy, Destroy::Never) => Decision::Refuse,
            (Effect::Destroy, Destroy::Ask) => Decision::Ask,
            (Effect::Destroy, Destroy::Allow) => Decision::Allow,
        }
    }

    /// Whether some call of `tool` with this effect at the least would go on.
    pub(crate) fn lists(&self, tool: &str, weakest: Effect) -> bool {
        matches!(self.decide(tool, weakest), Decision::Allow | Decision::Ask)
    }

    /// Whether tools that alter something exist.
    pub(crate) fn writes(&self) -> bool {
        self.write
    }

    /// What happens to calls that destroy.
    pub(crate) fn destroy(&self) -> Destroy {
        self.destroy
    }

    /// How text from outside is shown.
    pub(crate) fn outside(&self) -> Outside {
        self.outside
    }

    /// Hash over all that the sources said.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

fn globs<T: AsRef<[String]> + ?Sized>(patterns: &T) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns.as_ref() {
        set.add(Glob::new(pattern)?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(write: Option<bool>, destroy: Option<Destroy>) -> PolicySource {
        PolicySource { write, destroy, ..Default::default() }
    }

    #[test]
    fn without_a_source_nothing_is_altered() {
        let policy = Policy::new(&[]).unwrap();
        assert_eq!(policy.decide("read_file", Effect::Read), Decision::Allow);
        for effect in [Effect::Add, Effect::Change, Effect::Destroy] {
            assert_eq!(policy.decide("edit_file", effect), Decision::Hide);
        }
    }

    #[test]
    fn a_source_never_widens() {
        let flags = source(Some(true), Some(Destroy::Allow));
        let file = source(Some(false), None);
        let policy = Policy::new(&[file, flags.clone()]).unwrap();
        assert_eq!(policy.decide("edit_file", Effect::Change), Decision::Hide);
        let careful = source(None, Some(Destroy::Never));
        let policy = Policy::new(&[careful, flags.clone()]).unwrap();
        assert_eq!(policy.decide("edit_file", Effect::Change), Decision::Allow);
        assert_eq!(policy.decide("delete_file", Effect::Destroy), Decision::Refuse);
        assert!(!policy.lists("delete_file", Effect::Destroy));
        let policy = Policy::new(&[source(Some(true), None)]).unwrap();
        assert_eq!(policy.decide("delete_file", Effect::Destroy), Decision::Ask);
    }

    #[test]
    fn credentials_are_shown_only_if_every_source_says_so() {
        let source = |secrets| PolicySource { secrets: Some(secrets), ..PolicySource::default() };
        let secrets = |sources: &[PolicySource]| Policy::new(sources).unwrap().outside().secrets();
        assert_eq!(secrets(&[]), Secrets::Redact);
        assert_eq!(secrets(&[source(Secrets::Off)]), Secrets::Off);
        assert_eq!(secrets(&[source(Secrets::Redact), source(Secrets::Off)]), Secrets::Redact);
    }

    #[test]
    fn deny_wins_and_every_allow_list_counts() {
        let names = |allow: &[&str], deny: &[&str]| PolicySource {
            tools: ToolNames {
                allow: (!allow.is_empty()).then(|| allow.iter().map(|s| (*s).into()).collect()),
                deny: deny.iter().map(|s| (*s).into()).collect(),
            },
            ..Default::default()
        };
        let sources = [names(&["read_*", "find_*"], &[]), names(&["*_file"], &["read_secret*"])];
        let policy = Policy::new(&sources).unwrap();
        assert_eq!(policy.decide("read_file", Effect::Read), Decision::Allow);
        assert_eq!(policy.decide("find_files", Effect::Read), Decision::Hide);
        assert_eq!(policy.decide("read_secret_file", Effect::Read), Decision::Hide);
        assert!(Policy::new(&[names(&["a["], &[])]).is_err());
    }
}

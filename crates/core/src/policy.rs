//! Which tools and resources exist and what calls may do. Every source that says something about a
//! key can only narrow it; without any source a server is read-only. This module decides; what is
//! read from where is the business of `config`, what a pattern over resources means the server's.

pub(crate) mod command;
pub(crate) mod mask;
pub(crate) mod scope;
pub(crate) mod stated;

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::effect::Effect;
use crate::outside::Outside;
use crate::state::hex;
use mask::Masks;
use scope::{Scope, ScopePattern, Separator};
use stated::{PolicySource, Stated};

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

impl Destroy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Ask => "ask",
            Self::Allow => "allow",
        }
    }
}

/// An allow-list, if there is one, and denials, which win.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    pub(crate) allow: Option<Vec<Stated<String>>>,
    pub(crate) deny: Vec<Stated<String>>,
}

impl Patterns {
    pub(crate) fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }

    fn all(&self) -> impl Iterator<Item = &Stated<String>> {
        self.allow.iter().flatten().chain(&self.deny)
    }
}

/// What a policy can speak about.
pub(crate) struct Subjects<'a> {
    /// The names of all tools of the server.
    pub(crate) tools: &'a [&'static str],
    /// What stands between the parts of a masked name.
    pub(crate) separator: Separator,
    /// Whether a pattern over resources is one.
    pub(crate) resource: fn(&str) -> Result<(), String>,
    /// Whether a pattern over what can be masked is one.
    pub(crate) mask: fn(&str) -> Result<(), String>,
}

/// The policy in force: the intersection of all its sources.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    write: Ruled<bool>,
    destroy: Ruled<Destroy>,
    outside: Outside,
    allow: Vec<Vec<ToolPattern>>,
    deny: Vec<ToolPattern>,
    scope: Scope,
    masks: Masks,
    /// Tools that settings of the server's own decide about.
    openings: Vec<(&'static str, Opening)>,
    /// Whether a source says that nothing is written.
    never_writes: bool,
    hash: String,
}

/// What settings of a server's own say of one of its tools: [`Server::opening`](crate::Server::opening).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Opening {
    /// Nothing: the policy decides.
    #[default]
    Policy,
    /// They switch it on, as far as it only adds: also without `--write`, unless a source of policy
    /// says `write = false`.
    Adds,
    /// The setting that it needs isn't there: it doesn't exist.
    Absent,
}

/// A value and the rule that set it.
#[derive(Debug, Clone)]
struct Ruled<T> {
    value: T,
    rule: String,
}

#[derive(Debug, Clone)]
struct ToolPattern {
    matcher: GlobMatcher,
    stated: Stated<String>,
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
    ///
    /// # Errors
    ///
    /// The first rule that speaks about nothing, with its place.
    pub(crate) fn new(sources: &[PolicySource], subjects: &Subjects<'_>) -> Result<Self, String> {
        for source in sources {
            check(source, subjects)?;
        }
        let write = decide_write(sources);
        let destroy = decide_destroy(sources, &write);
        let secrets = sources.iter().filter_map(|source| source.secrets.as_ref());
        let secrets = secrets.min_by_key(|secrets| secrets.value);
        let allow = sources.iter().filter_map(|source| source.tools.allow.as_deref());
        let mut deny = Vec::new();
        let mut scope = Scope::default();
        let mut masked = Vec::new();
        let pattern = |stated: &Stated<String>| ScopePattern(stated.clone());
        for source in sources {
            deny.extend(tool_patterns(&source.tools.deny)?);
            scope.deny.extend(source.resources.deny.iter().map(pattern));
            let allow = source.resources.allow.as_ref();
            scope.allow.extend(allow.map(|list| list.iter().map(pattern).collect::<Vec<_>>()));
            masked.extend(source.mask.iter().cloned());
        }
        let mut stated: Vec<String> = sources.iter().map(PolicySource::digest_text).collect();
        stated.sort_unstable();
        Ok(Self {
            write,
            destroy,
            outside: Outside::new(secrets.map(|secrets| secrets.value).unwrap_or_default()),
            allow: allow.map(tool_patterns).collect::<Result<_, _>>()?,
            deny,
            scope,
            masks: Masks::new(&masked, subjects.separator)?,
            openings: Vec::new(),
            never_writes: sources.iter().filter_map(|s| s.write.as_ref()).any(|write| !write.value),
            hash: hex(&Sha256::digest(stated.join("\n\n"))),
        })
    }

    /// The policy that allows everything, to see what calls would need.
    pub(crate) fn open() -> Self {
        let rule = String::new;
        Self {
            write: Ruled { value: true, rule: rule() },
            destroy: Ruled { value: Destroy::Allow, rule: rule() },
            outside: Outside::default(),
            allow: Vec::new(),
            deny: Vec::new(),
            scope: Scope::default(),
            masks: Masks::default(),
            openings: Vec::new(),
            never_writes: false,
            hash: String::new(),
        }
    }

    /// The same with what the server's own settings say of its tools.
    pub(crate) fn opened(mut self, openings: Vec<(&'static str, Opening)>) -> Self {
        self.openings = openings;
        self
    }

    fn opening(&self, tool: &str) -> Opening {
        let said = self.openings.iter().find(|(name, _)| *name == tool);
        match said.map(|(_, opening)| *opening).unwrap_or_default() {
            Opening::Adds if self.never_writes => Opening::Policy,
            opening => opening,
        }
    }

    /// Whether a call of `tool` with this effect goes on.
    pub(crate) fn decide(&self, tool: &str, effect: Effect) -> Decision {
        let opening = self.opening(tool);
        if self.names_denied(tool).is_some() || opening == Opening::Absent {
            return Decision::Hide;
        }
        match (effect, self.destroy.value) {
            (Effect::Read, _) => Decision::Allow,
            (Effect::Add, _) if opening == Opening::Adds => Decision::Allow,
            _ if !self.write.value => Decision::Hide,
            (Effect::Add | Effect::Change, _) => Decision::Allow,
            (Effect::Destroy, Destroy::Never) => Decision::Refuse,
            (Effect::Destroy, Destroy::Ask) => Decision::Ask,
            (Effect::Destroy, Destroy::Allow) => Decision::Allow,
        }
    }

    /// The rule by which [`Policy::decide`] decides, for the log and for the policy's owner.
    pub(crate) fn rule(&self, tool: &str, effect: Effect) -> String {
        if let Some(rule) = self.names_denied(tool) {
            return rule;
        }
        match effect {
            _ if self.opening(tool) == Opening::Absent => {
                "the server's own settings don't switch it on".to_owned()
            }
            Effect::Read => "reading is allowed".to_owned(),
            Effect::Add if self.opening(tool) == Opening::Adds => {
                "switched on by the server's own settings".to_owned()
            }
            _ if !self.write.value => self.write.rule.clone(),
            Effect::Add | Effect::Change => self.write.rule.clone(),
            Effect::Destroy => self.destroy.rule.clone(),
        }
    }

    /// The rule that hides a tool by its name.
    fn names_denied(&self, tool: &str) -> Option<String> {
        if let Some(pattern) = self.deny.iter().find(|pattern| pattern.matcher.is_match(tool)) {
            return Some(format!("tools.deny {}", pattern.stated));
        }
        let names = |list: &&Vec<ToolPattern>| list.iter().any(|p| p.matcher.is_match(tool));
        self.allow.iter().find(|list| !names(list)).map(|list| list_rule(list))
    }

    /// Whether some call of `tool` with this effect at the least would go on.
    pub(crate) fn lists(&self, tool: &str, weakest: Effect) -> bool {
        matches!(self.decide(tool, weakest), Decision::Allow | Decision::Ask)
    }

    /// Whether tools that alter something exist.
    pub(crate) fn writes(&self) -> bool {
        self.write.value
    }

    /// Whether some tool may write what the source says it writes on this machine.
    pub(crate) fn writes_here(&self) -> bool {
        let is_open = |tool: &str| {
            self.opening(tool) == Opening::Adds && self.decide(tool, Effect::Add) == Decision::Allow
        };
        self.write.value || self.openings.iter().any(|(tool, _)| is_open(tool))
    }

    /// What happens to calls that destroy.
    pub(crate) fn destroy(&self) -> Destroy {
        self.destroy.value
    }

    /// How text from outside is shown.
    pub(crate) fn outside(&self) -> Outside {
        self.outside
    }

    /// Every rule in force.
    pub(crate) fn rules(&self) -> Vec<String> {
        let mut lines = vec![self.write.rule.clone(), self.destroy.rule.clone()];
        let lists = self.allow.iter().map(|list| ("tools.allow", list.iter().map(|p| &p.stated)));
        for (name, list) in lists {
            lines.push(format!("{name} {}", listed(list)));
        }
        lines.extend(self.deny.iter().map(|pattern| format!("tools.deny {}", pattern.stated)));
        for list in &self.scope.allow {
            lines.push(format!("resources.allow {}", listed(list.iter().map(|p| &p.0))));
        }
        lines.extend(self.scope.deny.iter().map(|pattern| format!("resources.deny {pattern}")));
        lines.extend(self.masks.rules().map(|rule| format!("mask {rule}")));
        lines.dedup();
        lines
    }

    /// The rules over resources.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What is masked.
    pub(crate) fn masks(&self) -> &Masks {
        &self.masks
    }

    /// Hash over all that the sources said; their order, and that of their rules, is no matter.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

fn listed<'a>(patterns: impl Iterator<Item = &'a Stated<String>>) -> String {
    let patterns: Vec<String> = patterns.map(ToString::to_string).collect();
    if patterns.is_empty() { "nothing".to_owned() } else { patterns.join(", ") }
}

fn list_rule(list: &[ToolPattern]) -> String {
    let origin = list.first().map_or("an empty list", |pattern| &pattern.stated.origin);
    format!("tools.allow does not name it ({origin})")
}

fn decide_write(sources: &[PolicySource]) -> Ruled<bool> {
    let said = || sources.iter().filter_map(|source| source.write.as_ref());
    match said().find(|write| !write.value).or_else(|| said().next()) {
        None => Ruled { value: false, rule: "read-only unless told otherwise (default)".into() },
        Some(Stated { value, origin }) => {
            Ruled { value: *value, rule: format!("write = {value} ({origin})") }
        }
    }
}

fn decide_destroy(sources: &[PolicySource], write: &Ruled<bool>) -> Ruled<Destroy> {
    if !write.value {
        return Ruled { value: Destroy::Never, rule: write.rule.clone() };
    }
    let said = sources.iter().filter_map(|source| source.destroy.as_ref());
    let (value, origin) = match said.min_by_key(|destroy| destroy.value) {
        Some(destroy) => (destroy.value, &*destroy.origin),
        None => (Destroy::Ask, "default"),
    };
    Ruled { value, rule: format!("destroy = \"{}\" ({origin})", value.as_str()) }
}

/// Refuses rules that speak about nothing: they would look like protection.
fn check(source: &PolicySource, subjects: &Subjects<'_>) -> Result<(), String> {
    for Stated { value, origin } in source.tools.all() {
        tool_glob(value).map_err(|problem| format!("{origin}: `{value}`: {problem}"))?;
        if !value.contains(['*', '?', '[', '{']) && !subjects.tools.contains(&value.as_str()) {
            let tools = subjects.tools.join(", ");
            return Err(format!("{origin}: there is no tool `{value}`; the tools are {tools}"));
        }
    }
    for Stated { value, origin } in source.resources.all() {
        (subjects.resource)(value).map_err(|problem| format!("{origin}: `{value}`: {problem}"))?;
    }
    for (Stated { value, origin }, _) in &source.mask {
        (subjects.mask)(value).map_err(|problem| format!("{origin}: `{value}`: {problem}"))?;
    }
    Ok(())
}

fn tool_patterns<T: AsRef<[Stated<String>]> + ?Sized>(
    patterns: &T,
) -> Result<Vec<ToolPattern>, String> {
    let compile = |stated: &Stated<String>| {
        let matcher = tool_glob(&stated.value)?;
        Ok(ToolPattern { matcher, stated: stated.clone() })
    };
    patterns.as_ref().iter().map(compile).collect()
}

fn tool_glob(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).build().map_err(|error| error.kind().to_string())?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests;

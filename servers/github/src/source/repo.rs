//! Repositories, as requests name them. A [`RepoRef`] is made in one place, after the rules admitted
//! its name and GitHub said what it is called now; without one there is no path into a repository.

use std::sync::Arc;

use lockkeeper_core::{NamePattern, Scope, Separator};
use serde_json::Value;

use super::error::SourceError;
use super::route::Route;

/// A repository that the rules admit, as GitHub describes it.
#[derive(Debug, Clone)]
pub(crate) struct RepoRef(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    owner: String,
    name: String,
    is_private: bool,
    can_push: bool,
    default_branch: String,
    node: String,
}

impl RepoRef {
    /// From GitHub's description, after the rules saw the name that stands in it.
    pub(super) fn new(rules: &RepoRules, asked: &str, value: &Value) -> Result<Self, SourceError> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let full_name = text("full_name");
        let (owner, name) =
            parse(full_name).ok_or_else(|| SourceError::answer("a repository without a name"))?;
        if let Err(rule) = rules.admits(&owner, &name) {
            return Err(SourceError::Hidden { asked: asked.to_owned(), rule });
        }
        // What doesn't say that it is public isn't.
        let is_public = value.get("private").and_then(Value::as_bool) == Some(false)
            && value.get("visibility").is_none_or(|visibility| visibility == "public");
        Ok(Self(Arc::new(Facts {
            owner,
            name,
            is_private: !is_public,
            can_push: value.pointer("/permissions/push") == Some(&Value::Bool(true)),
            default_branch: text("default_branch").to_owned(),
            node: text("node_id").to_owned(),
        })))
    }

    pub(crate) fn owner(&self) -> &str {
        &self.0.owner
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// `owner/name`.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.0.owner, self.0.name)
    }

    /// Whether not everybody may read it.
    pub(crate) fn is_private(&self) -> bool {
        self.0.is_private
    }

    /// Whether the token's user may push.
    pub(crate) fn can_push(&self) -> bool {
        self.0.can_push
    }

    pub(crate) fn default_branch(&self) -> &str {
        &self.0.default_branch
    }

    /// What GraphQL knows it by.
    pub(crate) fn node(&self) -> &str {
        &self.0.node
    }

    /// The beginning of all paths into it.
    pub(crate) fn route(&self) -> Route {
        Route::of_repo(self)
    }
}

/// Owner and name in `owner/name`, or in a URL of something in the repository.
pub(crate) fn parse(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let path = match text.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => text,
    };
    let mut parts = path.split('/');
    let (owner, name) = (parts.next()?, parts.next()?);
    let name = name.strip_suffix(".git").unwrap_or(name);
    // A bare name has two parts; what follows them in a URL is what lies in the repository.
    if !text.contains("://") && parts.next().is_some() {
        return None;
    }
    (is_owner(owner) && is_name(name)).then(|| (owner.to_owned(), name.to_owned()))
}

/// Names of users and organizations: letters, digits and hyphens; of enterprise users `_` as well.
pub(crate) fn is_owner(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.len() <= 100 && text.bytes().all(plain) && !text.starts_with('-')
}

/// Names of repositories: letters, digits, hyphens, dots and `_`.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !matches!(text, "" | "." | "..") && text.len() <= 100 && text.bytes().all(plain)
}

/// A name that no repository has, so that only patterns for all names cover it.
const ANY_NAME: &str = "\u{1}";

/// A pattern over repositories, and where it stands.
type Rule = (NamePattern, String);

/// Which repositories exist, and which of them may change.
#[derive(Debug, Default)]
pub(crate) struct RepoRules {
    allow: Vec<Vec<Rule>>,
    deny: Vec<Rule>,
    write: Vec<Rule>,
    /// The patterns of the first allow-list, for searches.
    named: Vec<String>,
}

impl RepoRules {
    pub(super) fn new(scope: &Scope, repos: &[String], write: &[String]) -> Result<Self, String> {
        let flagged = |patterns: &[String], flag: &str| -> Result<Vec<Rule>, String> {
            let rule = |text: &String| Ok((pattern(text)?, format!("`{text}` ({flag})")));
            patterns.iter().map(rule).collect()
        };
        let stated = |patterns: &[lockkeeper_core::ScopePattern]| -> Result<Vec<Rule>, String> {
            patterns.iter().map(|one| Ok((pattern(one.text())?, one.to_string()))).collect()
        };
        let mut allow: Vec<Vec<Rule>> = scope.allow().map(&stated).collect::<Result<_, _>>()?;
        if !repos.is_empty() {
            allow.push(flagged(repos, "--repos")?);
        }
        let listed = scope.allow().next().map(|list| list.iter().map(|one| one.text().to_owned()));
        let named = listed.map_or_else(|| repos.to_vec(), Iterator::collect);
        let (deny, write) = (stated(scope.deny())?, flagged(write, "--write-repos")?);
        Ok(Self { allow, deny, write, named })
    }

    /// Whether the repository exists; the error is the rule that hides it.
    pub(crate) fn admits(&self, owner: &str, name: &str) -> Result<(), String> {
        let (owner, name) = (owner.to_ascii_lowercase(), name.to_ascii_lowercase());
        let parts = [owner.as_str(), name.as_str()];
        let covers = |(pattern, _): &&Rule| pattern.covers(&parts);
        if let Some((_, rule)) = self.deny.iter().find(covers) {
            return Err(format!("resources.deny {rule}"));
        }
        for list in &self.allow {
            if !list.iter().any(|rule| covers(&rule)) {
                let place = list.first().map_or("an empty list", |(_, rule)| rule);
                return Err(format!("no rule allows it, such as {place}"));
            }
        }
        Ok(())
    }

    /// Whether tools may change the repository.
    pub(super) fn admits_writing(&self, owner: &str, name: &str) -> Result<(), SourceError> {
        let repo = format!("{owner}/{name}");
        let (owner, name) = (owner.to_ascii_lowercase(), name.to_ascii_lowercase());
        let parts = [owner.as_str(), name.as_str()];
        if self.write.is_empty() || self.write.iter().any(|(pattern, _)| pattern.covers(&parts)) {
            return Ok(());
        }
        let rule = "--write-repos does not name it".to_owned();
        Err(SourceError::ReadOnly { repo, rule })
    }

    /// Whether everything of an owner exists, whatever it is called; the error is the rule that says
    /// otherwise.
    pub(crate) fn admits_owner(&self, owner: &str) -> Result<(), String> {
        self.admits(owner, ANY_NAME)
    }

    /// Whether tools may change everything of an owner.
    pub(super) fn admits_writing_owner(&self, owner: &str) -> Result<(), SourceError> {
        self.admits_writing(owner, ANY_NAME).map_err(|error| match error {
            SourceError::ReadOnly { rule, .. } => {
                SourceError::ReadOnly { repo: owner.to_owned(), rule }
            }
            error => error,
        })
    }

    /// Whether repositories exist here because the settings name them.
    pub(crate) fn is_named(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Whether there are repositories on GitHub that don't exist here.
    pub(crate) fn is_restricted(&self) -> bool {
        !self.allow.is_empty() || !self.deny.is_empty()
    }

    /// The owners, and where it is one repository its name, that the rules allow by name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let parts = self.named.iter().filter_map(|text| text.split_once('/'));
        let parts = parts.filter(|(owner, _)| is_owner(owner));
        parts.map(|(owner, name)| (owner, is_name(name).then_some(name)))
    }

    /// Qualifiers that narrow a search to what may be seen, as far as GitHub can express it.
    pub(crate) fn qualifiers(&self) -> Vec<String> {
        let one = |text: &String| {
            let (owner, name) = text.split_once('/')?;
            let (owner_is_plain, name_is_plain) = (is_owner(owner), is_name(name));
            match name {
                "*" | "**" if owner_is_plain => Some(format!("user:{owner}")),
                _ if owner_is_plain && name_is_plain => Some(format!("repo:{owner}/{name}")),
                _ => None,
            }
        };
        // One that can't be expressed leaves the search wide; its hits are looked at anyway.
        self.named.iter().map(one).collect::<Option<_>>().unwrap_or_default()
    }
}

/// GitHub takes names in any case, so rules do.
pub(super) fn pattern(text: &str) -> Result<NamePattern, String> {
    let parts = text.split('/').count();
    if parts > 2 {
        return Err("a repository is owner/name".to_owned());
    }
    NamePattern::new(&text.to_ascii_lowercase(), Separator('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_named_in_two_ways() {
        let parsed = |text: &str| parse(text).map(|(owner, name)| format!("{owner}/{name}"));
        for text in [
            "octo/Hello.World",
            "https://github.com/octo/Hello.World",
            "https://github.com/octo/Hello.World.git",
            "https://ghes.example/octo/Hello.World/issues/12",
        ] {
            assert_eq!(parsed(text).as_deref(), Some("octo/Hello.World"), "{text}");
        }
        for text in [
            "",
            "octo",
            "octo/",
            "/x",
            "octo/x/y",
            "../x",
            "octo/..",
            "octo/.",
            "o/x?y",
            "o/x#y",
            "o/a b",
            "o%2f/x",
            "-o/x",
            "o/x\n",
            "https://github.com/octo",
            "öcto/x",
            "o\\x/y",
            "o/.git",
        ] {
            assert!(text == "o/x\n" || parsed(text).is_none(), "{text}");
        }
    }

    #[test]
    fn rules_take_names_in_any_case() {
        let patterns = ["Acme/*".to_owned(), "octo/hello".to_owned()];
        let rules = RepoRules::new(&Scope::default(), &patterns, &[]).unwrap();
        assert!(rules.admits("ACME", "x").is_ok());
        assert!(rules.admits("octo", "Hello").is_ok());
        assert!(rules.admits("octo", "hello2").is_err());
        assert!(rules.admits("acme2", "x").is_err());
        assert_eq!(rules.qualifiers(), ["user:Acme", "repo:octo/hello"]);
        assert!(pattern("a/b/c").is_err());
        assert!(rules.admits_owner("acme").is_ok());
        assert!(rules.admits_owner("octo").is_err(), "one repository isn't all of it");
        let named = RepoRules::new(&Scope::default(), &["a/x*".to_owned()], &[]).unwrap();
        assert!(named.admits_owner("a").is_err());
        let write = ["acme/*".to_owned(), "octo/hello".to_owned()];
        let rules = RepoRules::new(&Scope::default(), &[], &write).unwrap();
        assert!(rules.admits_writing_owner("ACME").is_ok());
        assert!(rules.admits_writing_owner("octo").is_err());
    }
}

//! Which resources exist. The patterns of `[policy.resources]` speak about canonical names in the
//! grammar of the server; it matches them itself, or lets [`NameScope`] do it where names consist
//! of parts (`database.schema.table`).

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use super::stated::Stated;

/// The resource rules in force. Every allow-list must admit a resource, and no denial may.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub(super) allow: Vec<Vec<ScopePattern>>,
    pub(super) deny: Vec<ScopePattern>,
}

/// A pattern and where it stands.
#[derive(Debug, Clone)]
pub struct ScopePattern(pub(super) Stated<String>);

impl ScopePattern {
    /// A pattern that was stated at `origin`, such as a command line's flag.
    pub fn new(text: impl Into<String>, origin: &str) -> Self {
        Self(Stated::new(text.into(), origin))
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.0.value
    }
}

impl fmt::Display for ScopePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scope {
    /// The allow-lists. A resource that one of them doesn't admit doesn't exist.
    pub fn allow(&self) -> impl Iterator<Item = &[ScopePattern]> {
        self.allow.iter().map(Vec::as_slice)
    }

    /// What doesn't exist in any case.
    pub fn deny(&self) -> &[ScopePattern] {
        &self.deny
    }

    /// The rules over names of parts.
    ///
    /// # Errors
    ///
    /// The first pattern that is none, with its place; core has checked them at the start.
    pub fn names(&self, separator: Separator) -> Result<NameScope, String> {
        let compile = |patterns: &[ScopePattern]| {
            let compile = |pattern: &ScopePattern| {
                let compiled = NamePattern::new(pattern.text(), separator);
                compiled.map(|name| (name, pattern.clone())).map_err(|e| format!("{pattern}: {e}"))
            };
            patterns.iter().map(compile).collect::<Result<Vec<_>, _>>()
        };
        Ok(NameScope {
            allow: self.allow.iter().map(|list| compile(list)).collect::<Result<_, _>>()?,
            deny: compile(&self.deny)?,
        })
    }
}

#[cfg(feature = "testing")]
impl Scope {
    /// Rules as a policy would state them, for tests. No allow-list allows everything.
    pub fn stated(allow: Option<&[&str]>, deny: &[&str]) -> Self {
        let patterns =
            |texts: &[&str]| texts.iter().map(|text| ScopePattern::new(*text, "test")).collect();
        Self { allow: allow.map(patterns).into_iter().collect(), deny: patterns(deny) }
    }
}

/// What stands between the parts of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separator(pub char);

/// Compiled rules over names of parts, such as `database.schema.table`.
#[derive(Debug, Clone, Default)]
pub struct NameScope {
    allow: Vec<Vec<(NamePattern, ScopePattern)>>,
    deny: Vec<(NamePattern, ScopePattern)>,
}

impl NameScope {
    /// Whether any rule is in force.
    pub fn restricts(&self) -> bool {
        !self.allow.is_empty() || !self.deny.is_empty()
    }

    /// Whether a denial covers this name, whatever the allow-lists say. What is one thing under two
    /// names (a part that is also reached through its whole) exists if an allow-list admits either,
    /// and doesn't if either is denied.
    pub fn denies(&self, name: &[&str]) -> bool {
        self.deny.iter().any(|(pattern, _)| pattern.covers(name))
    }

    /// Whether anything is denied by name.
    pub fn has_denials(&self) -> bool {
        !self.deny.is_empty()
    }

    /// Whether there is an allow-list, so that what it doesn't name must stay unknown.
    pub fn is_limited(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Whether anything beneath this name is denied that the name itself isn't.
    pub fn speaks_beneath(&self, name: &[&str]) -> Beneath {
        self.deny.iter().map(|(pattern, _)| pattern.speaks_beneath(name)).max().unwrap_or_default()
    }

    /// Whether what has this canonical name exists.
    ///
    /// # Errors
    ///
    /// The rule that hides it, for the log and for whoever wrote the policy; never for the agent.
    pub fn admits(&self, name: &[&str]) -> Result<(), String> {
        if let Some((_, rule)) = self.deny.iter().find(|(pattern, _)| pattern.covers(name)) {
            return Err(format!("resources.deny {rule}"));
        }
        for list in &self.allow {
            if !list.iter().any(|(pattern, _)| pattern.covers(name)) {
                let origin = list.first().map_or("an empty list", |(_, rule)| &rule.0.origin);
                return Err(format!("resources.allow does not name it ({origin})"));
            }
        }
        Ok(())
    }
}

/// A glob over a name of parts: `*` stays within a part, `**` stands for any number of them, and a
/// backslash takes the next character as it is. It covers what it matches and all beneath.
#[derive(Debug, Clone)]
pub struct NamePattern(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    One(GlobMatcher),
    Any,
}

impl NamePattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(text: &str, separator: Separator) -> Result<Self, String> {
        let parts = split(text, separator);
        let part = |part: &String| match part.as_str() {
            "" => Err("a part of the name is empty".to_owned()),
            "**" => Ok(Part::Any),
            glob => GlobBuilder::new(glob)
                .backslash_escape(true)
                .build()
                .map(|glob| Part::One(glob.compile_matcher()))
                .map_err(|error| error.kind().to_string()),
        };
        parts.iter().map(part).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it matches this name, or something that the name lies beneath.
    pub fn covers(&self, name: &[&str]) -> bool {
        covers(&self.0, name)
    }

    /// Whether it may match something that lies beneath this name.
    pub fn speaks_beneath(&self, name: &[&str]) -> Beneath {
        beneath(&self.0, name)
    }
}

/// What rules say of the parts of something: what a server needs to know that gives away or
/// computes with a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Beneath {
    /// No rule can match there.
    #[default]
    Nothing,
    /// A rule with `**` matches there if there is something of that name, at whatever depth.
    Possibly,
    /// A rule speaks of a part of exactly this.
    Named,
}

fn beneath(pattern: &[Part], name: &[&str]) -> Beneath {
    match (pattern.split_first(), name.split_first()) {
        (None, _) => Beneath::Nothing,
        (Some((Part::Any, rest)), None) if !rest.is_empty() => Beneath::Possibly,
        (Some(_), None) => Beneath::Named,
        (Some((Part::Any, rest)), Some((_, lower))) => {
            beneath(rest, name).max(beneath(pattern, lower))
        }
        (Some((Part::One(glob), rest)), Some((first, lower))) if glob.is_match(first) => {
            beneath(rest, lower)
        }
        (Some((Part::One(_), _)), Some(_)) => Beneath::Nothing,
    }
}

fn covers(pattern: &[Part], name: &[&str]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, _) => true,
        (Some((Part::Any, rest)), Some((_, beneath))) => {
            covers(rest, name) || covers(pattern, beneath)
        }
        // `a.**` is all beneath `a`, not `a` itself.
        (Some(_), None) => false,
        (Some((Part::One(glob), rest)), Some((first, beneath))) => {
            glob.is_match(first) && covers(rest, beneath)
        }
    }
}

/// Splits at separators that no backslash stands before; globs keep their backslashes.
fn split(text: &str, Separator(separator): Separator) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == separator {
            parts.push(String::new());
            continue;
        }
        let Some(part) = parts.last_mut() else { continue };
        part.push(c);
        if c == '\\' {
            part.extend(chars.next());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, name: &str) -> bool {
        let name: Vec<&str> = name.split('.').collect();
        NamePattern::new(pattern, Separator('.')).unwrap().covers(&name)
    }

    #[test]
    fn patterns_cover_what_they_match_and_all_beneath() {
        for (pattern, name, expected) in [
            ("app.public.users", "app.public.users", true),
            ("app.public.users", "app.public.users.email", true),
            ("app.public.users.email", "app.public.users", false),
            ("app.public", "app.public.users", true),
            ("app.*.users", "app.public.users", true),
            ("app.*", "other.public", false),
            ("app.*.users", "app.a.b.users", false),
            ("app.**.users", "app.a.b.users", true),
            ("app.**.users", "app.users", true),
            ("**.password*", "app.public.users.password_hash", true),
            ("app.**", "app", false),
            ("app.**", "app.public", true),
            ("**", "anything", true),
            ("pay\\*", "payroll", false),
            ("pay\\*", "pay*", true),
            ("{a,b}.x", "b.x", true),
            ("[ab].x", "b.x", true),
            ("App", "app", false),
        ] {
            assert_eq!(covers(pattern, name), expected, "{pattern} over {name}");
        }
        for (pattern, name, expected) in [
            ("app.users.email", "app.users", Beneath::Named),
            ("app.users.*", "app.users", Beneath::Named),
            ("app.users.**", "app.users", Beneath::Named),
            ("app.users.**.ssn", "app.users", Beneath::Possibly),
            ("app.users.**.ssn", "app.users.address", Beneath::Possibly),
            ("**.ssn", "app.users", Beneath::Possibly),
            ("app.users.email", "app.users.email", Beneath::Nothing),
            ("app.users.email", "app.users.address", Beneath::Nothing),
            ("app.users", "app.users.address", Beneath::Nothing),
        ] {
            let name: Vec<&str> = name.split('.').collect();
            let compiled = NamePattern::new(pattern, Separator('.')).unwrap();
            assert_eq!(compiled.speaks_beneath(&name), expected, "{pattern} beneath {name:?}");
        }
        let dotted = NamePattern::new("a\\.b.c", Separator('.')).unwrap();
        assert!(dotted.covers(&["a.b", "c"]));
        assert!(!dotted.covers(&["a", "b", "c"]));
        assert!(NamePattern::new("a..b", Separator('.')).is_err());
        assert!(NamePattern::new("a[", Separator('.')).is_err());
        assert!(NamePattern::new("", Separator('.')).is_err());
    }
}

//! What exists for the agent: the built-in and configured deny rules, and the allow-list. A rule
//! speaks about a path relative to a root; whatever lies beneath a denied directory is denied too.
//! This module only decides; that it is asked for every path is the business of `locate` and `walk`.

use std::borrow::Cow;

use globset::{Candidate, Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use lockkeeper_core::ScopePattern;

use super::builtin;
use super::error::SetupError;
use super::names;

/// The rules of one source.
#[derive(Debug)]
pub(super) struct Rules {
    deny: Globs,
    /// Lifts built-in denials only.
    allow: Globs,
    /// Every one of them must admit a path.
    only: Vec<Only>,
    /// The rules as they were stated, to say which one hides something.
    stated: Stated,
}

#[derive(Debug)]
struct Stated {
    deny: Vec<ScopePattern>,
    only: Vec<Vec<ScopePattern>>,
}

/// A path of a root, and the root's own from the top of the filesystem, both without a leading `/`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) root: &'a [u8],
    pub(super) path: &'a [u8],
}

impl Subject<'_> {
    fn whole(self) -> Vec<u8> {
        names::join(self.root, self.path)
    }
}

/// Whether a path is known to name a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not looked at yet: whatever may exist as a directory passes.
    Unknown,
    /// A directory.
    Dir,
    /// Anything else.
    Leaf,
}

impl Rules {
    pub(super) fn new(
        deny: &[ScopePattern],
        only: &[Vec<ScopePattern>],
        allow: &[String],
    ) -> Result<Self, SetupError> {
        Ok(Self {
            deny: Globs::new(deny.iter().map(ScopePattern::text))?,
            allow: Globs::new(allow.iter().map(String::as_str))?,
            only: only.iter().map(|list| Only::new(list)).collect::<Result<_, _>>()?,
            stated: Stated { deny: deny.to_vec(), only: only.to_vec() },
        })
    }

    /// Whether a path or a directory above it is hidden.
    pub(super) fn hides(&self, subject: Subject<'_>, shape: Shape) -> bool {
        if subject.path.is_empty() {
            return false;
        }
        prefixes(subject.path).any(|path| self.denies_entry(Subject { path, ..subject }))
            || !self.admits(subject, shape)
    }

    /// Whether an entry is hidden whose parent directory is known not to be.
    pub(super) fn hides_entry(&self, subject: Subject<'_>, shape: Shape) -> bool {
        self.denies_entry(subject) || !self.admits(subject, shape)
    }

    /// Whether a root lies in a place that is secret by itself.
    pub(super) fn denies_root(&self, canonical: &[u8]) -> bool {
        prefixes(canonical).any(|prefix| self.denies_built_in(prefix, prefix))
    }

    /// The stated rule that leaves nothing of a root.
    pub(super) fn empties_root(&self, canonical: &[u8]) -> Option<String> {
        prefixes(canonical)
            .any(|path| self.deny.matches_whole(path))
            .then(|| self.why(Subject { root: b"", path: canonical }))
            .flatten()
    }

    /// Whether `path` is secret and `--allow` lifts that neither for it nor for `name`.
    pub(super) fn denies_built_in(&self, path: &[u8], name: &[u8]) -> bool {
        let allows = |path: &[u8]| prefixes(path).any(|part| self.allow.matches(part));
        builtin::denies(path) && (self.allow.is_empty() || !(allows(path) || allows(name)))
    }

    /// The rule that hides a path which is hidden, for the log and for whoever wrote the rules.
    pub(super) fn why(&self, subject: Subject<'_>) -> Option<String> {
        let denies = |pattern: &&ScopePattern| {
            let alone = Globs::new(std::iter::once(pattern.text()));
            alone.is_ok_and(|globs| {
                prefixes(subject.path).any(|path| globs.covers(Subject { path, ..subject }))
                    || prefixes(&subject.whole()).any(|path| globs.matches_whole(path))
            })
        };
        if let Some(pattern) = self.stated.deny.iter().find(denies) {
            return Some(format!("deny {pattern}"));
        }
        if prefixes(subject.path).any(|path| self.denies_built_in(path, path)) {
            return Some("usually holds secrets (built-in)".to_owned());
        }
        let lists = self.only.iter().zip(&self.stated.only);
        let (_, list) = lists.into_iter().find(|(only, _)| !only.admits(subject, Shape::Leaf))?;
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        Some(format!("not among what is allowed: {}", list.join(", ")))
    }

    fn denies_entry(&self, subject: Subject<'_>) -> bool {
        self.deny.covers(subject) || self.denies_built_in(subject.path, subject.path)
    }

    fn admits(&self, subject: Subject<'_>, shape: Shape) -> bool {
        self.only.iter().all(|only| only.admits(subject, shape))
    }
}

/// Whether `glob` can be a rule.
pub(super) fn check(glob: &str) -> Result<(), String> {
    if trimmed(glob).is_empty() {
        return Err("it names nothing".to_owned());
    }
    build(trimmed(glob)).map(drop).map_err(|error| error.kind().to_string())
}

/// A glob as an agent or a person writes it: without `/` it means a name anywhere, with one a path
/// from the base on; `*` stays within a name, `**` does not.
#[derive(Debug, Clone)]
pub struct Pattern {
    matcher: GlobMatcher,
    by_name: bool,
}

impl Pattern {
    pub(super) fn new(glob: &str) -> Result<Self, globset::Error> {
        let by_name = !glob.contains('/');
        let glob = glob.strip_prefix("./").unwrap_or(glob);
        let matcher = build(glob.trim_start_matches('/'))?.compile_matcher();
        Ok(Self { matcher, by_name })
    }

    /// Whether it matches `path`, given relative to the pattern's base.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let subject = if self.by_name { names::name(path) } else { path };
        self.matcher.is_match_candidate(&Candidate::from_bytes(subject))
    }
}

/// The globs of one rule option, split by what they are compared with.
#[derive(Debug)]
struct Globs {
    names: GlobSet,
    paths: GlobSet,
    /// Those with a leading `/` mean a path of the root, and one from the top of the filesystem.
    whole: GlobSet,
}

impl Globs {
    fn new<'a>(globs: impl Iterator<Item = &'a str>) -> Result<Self, SetupError> {
        let mut names = GlobSetBuilder::new();
        let mut paths = GlobSetBuilder::new();
        let mut whole = GlobSetBuilder::new();
        let mut given = Vec::new();
        for one in globs {
            given.push(one);
            let refuse = |error: &globset::Error| SetupError::Glob {
                glob: one.to_owned(),
                reason: error.kind().to_string(),
            };
            let glob = trimmed(one);
            let mut sets = vec![if is_name(one) { &mut names } else { &mut paths }];
            if one.starts_with('/') {
                sets.push(&mut whole);
            }
            for set in sets {
                set.add(build(glob).map_err(|error| refuse(&error))?);
                // What lies beneath a matching directory belongs to it: `secrets/**` hides
                // `secrets` too.
                if let Some(directory) = glob.strip_suffix("/**")
                    && !directory.is_empty()
                {
                    set.add(build(directory).map_err(|error| refuse(&error))?);
                }
            }
        }
        let refuse = |error: globset::Error| SetupError::Glob {
            glob: given.join(" "),
            reason: error.kind().to_string(),
        };
        Ok(Self {
            names: names.build().map_err(refuse)?,
            paths: paths.build().map_err(refuse)?,
            whole: whole.build().map_err(refuse)?,
        })
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.paths.is_empty()
    }

    /// Whether one matches this path of its root, by either way of naming it.
    fn covers(&self, subject: Subject<'_>) -> bool {
        self.matches(subject.path) || (self.has_whole() && self.matches_whole(&subject.whole()))
    }

    fn matches(&self, path: &[u8]) -> bool {
        (!self.names.is_empty()
            && self.names.is_match_candidate(&Candidate::from_bytes(names::name(path))))
            || (!self.paths.is_empty()
                && self.paths.is_match_candidate(&Candidate::from_bytes(path)))
    }

    fn has_whole(&self) -> bool {
        !self.whole.is_empty()
    }

    fn matches_whole(&self, path: &[u8]) -> bool {
        self.has_whole() && self.whole.is_match_candidate(&Candidate::from_bytes(path))
    }
}

/// An allow-list: what matches, what lies beneath it, and the directories that lead to it.
#[derive(Debug)]
struct Only {
    globs: Globs,
    /// A pattern by name may match in any directory.
    anywhere: bool,
    /// Per anchored pattern its components; `None` stands for "from here on anything".
    leads: Vec<Lead>,
}

#[derive(Debug)]
struct Lead {
    parts: Vec<Option<GlobMatcher>>,
    /// It may also stand for a path from the top of the filesystem.
    whole: bool,
}

impl Only {
    fn new(list: &[ScopePattern]) -> Result<Self, SetupError> {
        let globs = || list.iter().map(ScopePattern::text);
        let mut leads = Vec::new();
        for glob in globs().filter(|glob| !is_name(glob)) {
            let mut parts = Vec::new();
            for part in trimmed(glob).split('/') {
                // A part that does not stand alone comes from `{a/b,c}`: then any directory may lead.
                let matcher = if part.contains("**") || part.contains(['{', '}']) {
                    None
                } else {
                    build(part).ok().map(|glob| glob.compile_matcher())
                };
                let open_end = matcher.is_none();
                parts.push(matcher);
                if open_end {
                    break;
                }
            }
            leads.push(Lead { parts, whole: glob.starts_with('/') });
        }
        let anywhere = globs().any(is_name);
        Ok(Self { globs: Globs::new(globs())?, anywhere, leads })
    }

    fn admits(&self, subject: Subject<'_>, shape: Shape) -> bool {
        if subject.path.is_empty() || prefixes(subject.path).any(|path| self.globs.matches(path)) {
            return true;
        }
        let whole = if self.globs.has_whole() {
            Cow::Owned(subject.whole())
        } else {
            Cow::Borrowed(&b""[..])
        };
        (self.globs.has_whole() && prefixes(&whole).any(|path| self.globs.matches_whole(path)))
            || (shape != Shape::Leaf && self.leads_on(subject.path, &whole))
    }

    fn leads_on(&self, path: &[u8], whole: &[u8]) -> bool {
        let on = |parts: &[Option<GlobMatcher>], path: &[u8]| {
            let open_end = matches!(parts.last(), Some(None));
            names::components(path).enumerate().all(|(i, name)| match parts.get(i) {
                Some(Some(part)) => part.is_match_candidate(&Candidate::from_bytes(name)),
                Some(None) | None => open_end,
            })
        };
        self.anywhere
            || self
                .leads
                .iter()
                .any(|lead| on(&lead.parts, path) || (lead.whole && on(&lead.parts, whole)))
    }
}

fn build(glob: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build()
}

fn is_name(glob: &str) -> bool {
    !glob.trim_end_matches('/').contains('/')
}

fn trimmed(glob: &str) -> &str {
    glob.strip_prefix("./").unwrap_or(glob).trim_matches('/')
}

/// `a`, `a/b`, `a/b/c` of `a/b/c`.
fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr_iter(b'/', path)
        .chain(std::iter::once(path.len()))
        .map(|end| path.get(..end).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(deny: &[&str], only: &[&str], allow: &[&str]) -> Rules {
        let stated = |globs: &[&str]| -> Vec<ScopePattern> {
            globs.iter().map(|&glob| ScopePattern::new(glob, "here:1")).collect()
        };
        let only = if only.is_empty() { vec![] } else { vec![stated(only)] };
        let allow: Vec<String> = allow.iter().map(|&glob| glob.to_owned()).collect();
        Rules::new(&stated(deny), &only, &allow).unwrap()
    }

    fn hides(rules: &Rules, path: &str, shape: Shape) -> bool {
        rules.hides(Subject { root: b"srv/data", path: path.as_bytes() }, shape)
    }

    #[test]
    fn deny_by_name_by_path_and_beneath() {
        let rules = rules(&["private", "/build", "docs/*.draft", "deep/**"], &[], &[]);
        for hidden in
            ["private", "a/private", "a/private/x/y", "build", "build/x", "docs/a.draft", "deep"]
        {
            assert!(hides(&rules, hidden, Shape::Leaf), "{hidden}");
        }
        for shown in ["privates", "a/build", "docs/sub/a.draft", "deeper"] {
            assert!(!hides(&rules, shown, Shape::Leaf), "{shown}");
        }
    }

    #[test]
    fn only_shows_matches_and_what_leads_there() {
        let rules_of = rules;
        let rules = rules_of(&[], &["src/*/lib.rs", "docs/**", "*.toml"], &[]);
        assert!(!hides(&rules, "src/a/lib.rs", Shape::Leaf));
        assert!(!hides(&rules, "docs/x/y.md", Shape::Leaf));
        assert!(!hides(&rules, "any/Cargo.toml", Shape::Leaf));
        assert!(!hides(&rules, "any", Shape::Dir));
        assert!(hides(&rules, "src/a/main.rs", Shape::Leaf));
        let anchored = rules_of(&[], &["src/*/lib.rs"], &[]);
        assert!(!hides(&anchored, "src", Shape::Dir));
        assert!(!hides(&anchored, "src/a", Shape::Dir));
        assert!(hides(&anchored, "src/a/b", Shape::Dir));
        assert!(hides(&anchored, "lib", Shape::Dir));
        assert!(hides(&anchored, "src", Shape::Leaf));
        let open = rules_of(&[], &["src/**/lib.rs"], &[]);
        assert!(!hides(&open, "src/a/b/c", Shape::Dir));
    }

    #[test]
    fn allow_lifts_a_builtin_and_nothing_else() {
        let rules = rules(&["*.log"], &[], &[".env", "*.log", "certs/*.pem"]);
        assert!(!hides(&rules, "a/.env", Shape::Leaf));
        assert!(!hides(&rules, "certs/a.pem", Shape::Leaf));
        assert!(hides(&rules, "other/a.pem", Shape::Leaf));
        assert!(hides(&rules, "a.log", Shape::Leaf));
    }

    #[test]
    fn a_leading_slash_also_means_the_top_of_the_filesystem() {
        let denied = rules(&["/srv/data/pay/**", "/srv/*/hr/*.csv"], &[], &[]);
        for hidden in ["pay", "pay/roll/x", "hr/a.csv"] {
            assert!(hides(&denied, hidden, Shape::Leaf), "{hidden}");
        }
        assert!(!hides(&denied, "hr/a/b.csv", Shape::Leaf));
        assert_eq!(denied.empties_root(b"srv/data"), None);
        let emptied = Some("deny `/srv/data/pay/**` (here:1)".to_owned());
        assert_eq!(denied.empties_root(b"srv/data/pay"), emptied);
        assert_eq!(denied.empties_root(b"srv/data/pay/roll"), emptied);
        let only = rules(&[], &["/srv/data/open/*.md"], &[]);
        assert!(!hides(&only, "open", Shape::Dir));
        assert!(!hides(&only, "open/a.md", Shape::Leaf));
        assert!(hides(&only, "open/a.rs", Shape::Leaf));
        assert!(hides(&only, "closed", Shape::Dir));
    }

    #[test]
    fn every_allow_list_counts() {
        let list = |glob| vec![ScopePattern::new(glob, "here:1")];
        let rules = Rules::new(&[], &[list("docs/**"), list("*.md")], &[]).unwrap();
        assert!(!hides(&rules, "docs/a.md", Shape::Leaf));
        assert!(!hides(&rules, "docs", Shape::Dir));
        assert!(hides(&rules, "docs/a.txt", Shape::Leaf));
        assert!(hides(&rules, "b.md", Shape::Leaf));
    }

    #[test]
    fn a_hidden_path_names_its_rule() {
        let rules = rules(&["private", "/srv/data/x"], &["docs/**"], &[]);
        for (path, expected) in [
            ("docs/private/a", "deny `private` (here:1)"),
            ("x/y", "deny `/srv/data/x` (here:1)"),
            ("docs/.env", "usually holds secrets (built-in)"),
            ("src/a", "not among what is allowed: `docs/**` (here:1)"),
        ] {
            let subject = Subject { root: b"srv/data", path: path.as_bytes() };
            assert_eq!(rules.why(subject).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_bad_glob_is_named() {
        let error = Rules::new(&[ScopePattern::new("a[", "here:1")], &[], &[]).unwrap_err();
        assert!(error.to_string().contains("`a[`"), "{error}");
    }
}

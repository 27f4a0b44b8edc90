//! What exists for the agent: the built-in and configured deny rules, and the allow-list. A rule
//! speaks about a path relative to a root; whatever lies beneath a denied directory is denied too.
//! This module only decides; that it is asked for every path is the business of `locate` and `walk`.

use globset::{Candidate, Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use super::builtin;
use super::error::SetupError;
use super::names;

/// The rules of one source.
#[derive(Debug)]
pub(super) struct Rules {
    deny: Globs,
    /// Lifts built-in denials only.
    allow: Globs,
    /// `None`: everything that is not denied exists.
    only: Option<Only>,
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
        deny: &[String],
        only: &[String],
        allow: &[String],
    ) -> Result<Self, SetupError> {
        let only = if only.is_empty() { None } else { Some(Only::new(only)?) };
        Ok(Self { deny: Globs::new(deny)?, allow: Globs::new(allow)?, only })
    }

    /// Whether `path` or a directory above it is hidden.
    pub(super) fn hides(&self, path: &[u8], shape: Shape) -> bool {
        if path.is_empty() {
            return false;
        }
        let denied = prefixes(path).any(|prefix| self.denies_entry(prefix));
        denied || self.only.as_ref().is_some_and(|only| !only.admits(path, shape))
    }

    /// Whether an entry is hidden whose parent directory is known not to be.
    pub(super) fn hides_entry(&self, path: &[u8], shape: Shape) -> bool {
        self.denies_entry(path) || self.only.as_ref().is_some_and(|only| !only.admits(path, shape))
    }

    /// Whether a root lies in a place that is secret by itself; its path is absolute.
    pub(super) fn denies_root(&self, canonical: &[u8]) -> bool {
        prefixes(canonical).any(|prefix| self.denies_built_in(prefix, prefix))
    }

    /// Whether `path` is secret and `--allow` lifts that neither for it nor for `name`.
    pub(super) fn denies_built_in(&self, path: &[u8], name: &[u8]) -> bool {
        let allows = |path: &[u8]| prefixes(path).any(|part| self.allow.matches(part));
        builtin::denies(path) && (self.allow.is_empty() || !(allows(path) || allows(name)))
    }

    fn denies_entry(&self, path: &[u8]) -> bool {
        self.deny.matches(path) || self.denies_built_in(path, path)
    }
}

/// A glob as an agent or a person writes it: without `/` it means a name anywhere, with one a path
/// from the base on; `*` stays within a name, `**` does not.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
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
}

impl Globs {
    fn new(globs: &[String]) -> Result<Self, SetupError> {
        let mut names = GlobSetBuilder::new();
        let mut paths = GlobSetBuilder::new();
        for given in globs {
            let refuse = |error: &globset::Error| SetupError::Glob {
                glob: given.clone(),
                reason: error.kind().to_string(),
            };
            let glob = trimmed(given);
            let set = if is_name(given) { &mut names } else { &mut paths };
            set.add(build(glob).map_err(|error| refuse(&error))?);
            // What lies beneath a matching directory belongs to it: `secrets/**` hides `secrets` too.
            if let Some(directory) = glob.strip_suffix("/**")
                && !directory.is_empty()
            {
                set.add(build(directory).map_err(|error| refuse(&error))?);
            }
        }
        let refuse = |error: globset::Error| SetupError::Glob {
            glob: globs.join(" "),
            reason: error.kind().to_string(),
        };
        Ok(Self { names: names.build().map_err(refuse)?, paths: paths.build().map_err(refuse)? })
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.paths.is_empty()
    }

    fn matches(&self, path: &[u8]) -> bool {
        (!self.names.is_empty()
            && self.names.is_match_candidate(&Candidate::from_bytes(names::name(path))))
            || (!self.paths.is_empty()
                && self.paths.is_match_candidate(&Candidate::from_bytes(path)))
    }
}

/// The allow-list: what matches, what lies beneath it, and the directories that lead to it.
#[derive(Debug)]
struct Only {
    globs: Globs,
    /// A pattern by name may match in any directory.
    anywhere: bool,
    /// Per anchored pattern its components; `None` stands for "from here on anything".
    leads: Vec<Vec<Option<GlobMatcher>>>,
}

impl Only {
    fn new(globs: &[String]) -> Result<Self, SetupError> {
        let mut leads = Vec::new();
        for glob in globs.iter().filter(|glob| !is_name(glob)) {
            let mut lead = Vec::new();
            for part in trimmed(glob).split('/') {
                // A part that does not stand alone comes from `{a/b,c}`: then any directory may lead.
                let matcher = if part.contains("**") || part.contains(['{', '}']) {
                    None
                } else {
                    build(part).ok().map(|glob| glob.compile_matcher())
                };
                let open_end = matcher.is_none();
                lead.push(matcher);
                if open_end {
                    break;
                }
            }
            leads.push(lead);
        }
        let anywhere = globs.iter().any(|glob| is_name(glob));
        Ok(Self { globs: Globs::new(globs)?, anywhere, leads })
    }

    fn admits(&self, path: &[u8], shape: Shape) -> bool {
        path.is_empty()
            || prefixes(path).any(|prefix| self.globs.matches(prefix))
            || (shape != Shape::Leaf && self.leads_on(path))
    }

    fn leads_on(&self, path: &[u8]) -> bool {
        self.anywhere
            || self.leads.iter().any(|lead| {
                let open_end = matches!(lead.last(), Some(None));
                names::components(path).enumerate().all(|(i, name)| match lead.get(i) {
                    Some(Some(part)) => part.is_match_candidate(&Candidate::from_bytes(name)),
                    Some(None) | None => open_end,
                })
            })
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
        let own = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect::<Vec<_>>();
        Rules::new(&own(deny), &own(only), &own(allow)).unwrap()
    }

    #[test]
    fn deny_by_name_by_path_and_beneath() {
        let rules = rules(&["private", "/build", "docs/*.draft", "deep/**"], &[], &[]);
        for hidden in
            ["private", "a/private", "a/private/x/y", "build", "build/x", "docs/a.draft", "deep"]
        {
            assert!(rules.hides(hidden.as_bytes(), Shape::Leaf), "{hidden}");
        }
        for shown in ["privates", "a/build", "docs/sub/a.draft", "deeper"] {
            assert!(!rules.hides(shown.as_bytes(), Shape::Leaf), "{shown}");
        }
    }

    #[test]
    fn only_shows_matches_and_what_leads_there() {
        let rules_of = rules;
        let rules = rules_of(&[], &["src/*/lib.rs", "docs/**", "*.toml"], &[]);
        assert!(!rules.hides(b"src/a/lib.rs", Shape::Leaf));
        assert!(!rules.hides(b"docs/x/y.md", Shape::Leaf));
        assert!(!rules.hides(b"any/Cargo.toml", Shape::Leaf));
        assert!(!rules.hides(b"any", Shape::Dir));
        assert!(rules.hides(b"src/a/main.rs", Shape::Leaf));
        let anchored = rules_of(&[], &["src/*/lib.rs"], &[]);
        assert!(!anchored.hides(b"src", Shape::Dir));
        assert!(!anchored.hides(b"src/a", Shape::Dir));
        assert!(anchored.hides(b"src/a/b", Shape::Dir));
        assert!(anchored.hides(b"lib", Shape::Dir));
        assert!(anchored.hides(b"src", Shape::Leaf));
        let open = rules_of(&[], &["src/**/lib.rs"], &[]);
        assert!(!open.hides(b"src/a/b/c", Shape::Dir));
    }

    #[test]
    fn allow_lifts_a_builtin_and_nothing_else() {
        let rules = rules(&["*.log"], &[], &[".env", "*.log", "certs/*.pem"]);
        assert!(!rules.hides(b"a/.env", Shape::Leaf));
        assert!(!rules.hides(b"certs/a.pem", Shape::Leaf));
        assert!(rules.hides(b"other/a.pem", Shape::Leaf));
        assert!(rules.hides(b"a.log", Shape::Leaf));
    }

    #[test]
    fn a_bad_glob_is_named() {
        let error = Rules::new(&["a[".to_owned()], &[], &[]).unwrap_err();
        assert!(error.to_string().contains("`a[`"), "{error}");
    }
}

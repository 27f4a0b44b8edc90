//! The settings of this server: which directories, and which of their files exist for agents.

use std::path::{Path, PathBuf};

use lockkeeper_core::{Environment, ScopePattern, StartError};
use serde::{Deserialize, Serialize};

use crate::source::{Access, Config, RootSpec, SetupError, is_filesystem_root};

/// The command line and the `[source]` table.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Directories to allow; `.` is where the server starts. `:rw` after one allows tools to write
    /// there, `:ro` never does [default: as --write says]
    #[arg(value_name = "DIR[:ro|:rw]", value_hint = clap::ValueHint::DirPath)]
    pub roots: Vec<String>,
    /// Hide files and directories that match; repeatable. A name matches at any depth, a path from
    /// its root
    #[arg(long, value_name = "GLOB")]
    pub deny: Vec<String>,
    /// Hide all files that match none of these; repeatable
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    /// Show what is hidden by default as a secret (.env, private keys, …) and matches; repeatable
    #[arg(long, value_name = "GLOB")]
    pub allow: Vec<String>,
    /// Let tools write into .git, whose hooks and settings run programs
    #[arg(long)]
    pub allow_git: bool,
}

/// Whether some directory is given for writing by its own suffix.
pub(crate) fn implies_write(options: &Options) -> bool {
    options.roots.iter().any(|root| root.ends_with(":rw"))
}

/// Checks the directories and makes the source's configuration.
pub(crate) fn decide(options: Options, environment: &Environment) -> Result<Config, StartError> {
    if options.roots.is_empty() {
        return Err(StartError::new(
            "name at least one directory to allow, for example: lockkeeper-filesystem .",
        ));
    }
    let roots = options.roots.iter().map(|root| parse_root(root, environment));
    let flag = |globs: Vec<String>, flag: &str| -> Vec<ScopePattern> {
        globs.into_iter().map(|glob| ScopePattern::new(glob, flag)).collect()
    };
    let mut deny = flag(options.deny, "--deny");
    deny.extend(environment.scope.deny().iter().cloned());
    let roots = roots.collect::<Result<Vec<_>, _>>()?;
    deny.extend(own_files(&roots, &environment.own));
    let mut only: Vec<Vec<ScopePattern>> =
        environment.scope.allow().map(<[ScopePattern]>::to_vec).collect();
    if !options.only.is_empty() {
        only.push(flag(options.only, "--only"));
    }
    Ok(Config {
        roots,
        deny,
        only,
        allow: options.allow,
        allow_git: options.allow_git,
        outside: environment.outside,
    })
}

/// Rules that hide the server's own files, and their drafts, where they lie beneath a root.
fn own_files(roots: &[RootSpec], own: &[PathBuf]) -> Vec<ScopePattern> {
    let roots: Vec<PathBuf> =
        roots.iter().filter_map(|root| root.path.canonicalize().ok()).collect();
    let beneath =
        |place: &PathBuf| roots.iter().any(|root| place != root && place.starts_with(root));
    // A link to such a file is one of them: another could be put in its place.
    let places = own.iter().flat_map(|path| {
        let parent = path.parent().and_then(canonical);
        let itself = parent.and_then(|parent| Some(parent.join(path.file_name()?)));
        canonical(path).into_iter().chain(itself)
    });
    let rules = |place: PathBuf| {
        let glob = escape(&place.to_string_lossy().replace('\\', "/"));
        [glob.clone(), format!("{glob}.*")]
            .map(|glob| ScopePattern::new(glob, "the server's own files"))
    };
    places.filter(beneath).flat_map(rules).collect()
}

/// A path whose end need not exist yet, by its canonical beginning.
fn canonical(path: &Path) -> Option<PathBuf> {
    if let Ok(canonical) = path.canonicalize() {
        return Some(canonical);
    }
    let path = std::path::absolute(path).ok()?;
    Some(canonical(path.parent()?)?.join(path.file_name()?))
}

/// A path as a glob that matches it alone.
fn escape(path: &str) -> String {
    let mut glob = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!') {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}

fn parse_root(text: &str, environment: &Environment) -> Result<RootSpec, StartError> {
    let (path, access) = match (text.strip_suffix(":rw"), text.strip_suffix(":ro")) {
        (Some(path), _) => (path, Access::ReadWrite),
        (_, Some(path)) => (path, Access::ReadOnly),
        _ if environment.write => (text, Access::ReadWrite),
        _ => (text, Access::ReadOnly),
    };
    let path = PathBuf::from(path);
    let refuse =
        |why: &str| Err(StartError::new(format!("`{text}` is not allowed as a directory: {why}")));
    if is_filesystem_root(&path) {
        return refuse("it is the whole filesystem; name the directories that agents need");
    }
    if environment.home.as_deref().is_some_and(|home| holds(&path, home)) {
        return refuse("it holds the home directory and its secrets; name a directory in it");
    }
    Ok(RootSpec { path, access })
}

/// Whether `home` is `path` or lies in it.
fn holds(path: &Path, home: &Path) -> bool {
    match (path.canonicalize(), home.canonicalize()) {
        (Ok(path), Ok(home)) => home.starts_with(path),
        _ => home.starts_with(path),
    }
}

/// The whole chain of a failed start in one line.
pub(crate) fn setup_failed(error: &SetupError) -> StartError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    StartError::new(format!("{error}{}", cause.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(root: &str, home: &Path, allow: &[&str]) -> Result<(), String> {
        let options = Options {
            roots: vec![root.to_owned()],
            allow: allow.iter().map(|&glob| glob.to_owned()).collect(),
            ..Options::default()
        };
        let environment = Environment { home: Some(home.to_owned()), ..Environment::default() };
        let config = decide(options, &environment).map_err(|error| error.to_string())?;
        let opened = crate::source::Source::open(&config);
        opened.map(drop).map_err(|error| setup_failed(&error).to_string())
    }

    #[test]
    fn roots_that_hold_secrets_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("people/ada");
        std::fs::create_dir_all(home.join("project")).unwrap();
        std::fs::create_dir_all(home.join(".gnupg/private")).unwrap();
        let at = |path: &str| home.join(path).to_str().unwrap().to_owned();
        assert!(start(&at("project"), &home, &[]).is_ok());
        for root in ["/".to_owned(), at(""), at(".."), at("project/..")] {
            let error = start(&root, &home, &[]).unwrap_err();
            assert!(error.contains("not allowed as a directory"), "{root}: {error}");
        }
        for root in [at(".gnupg"), at(".gnupg/private")] {
            let error = start(&root, &home, &[]).unwrap_err();
            assert!(error.contains("usually holds secrets"), "{root}: {error}");
            assert!(start(&root, &home, &[".gnupg"]).is_ok());
        }
        assert!(start(&at("none"), &home, &[]).unwrap_err().contains("can't open"));
        assert!(start("", &home, &[]).is_err());
    }

    #[test]
    fn the_servers_own_files_do_not_exist_for_agents() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a[b]");
        std::fs::create_dir(&root).unwrap();
        for name in ["secrets", "secrets.draft", "secretsauce", "policy.toml"] {
            std::fs::write(root.join(name), "x").unwrap();
        }
        let options =
            Options { roots: vec![root.to_str().unwrap().to_owned()], ..Options::default() };
        let own = ["secrets", "policy.toml", "audit"].map(|name| root.join(name)).into();
        let environment = Environment { own, ..Environment::default() };
        let config = decide(options, &environment).unwrap();
        let source = crate::source::Source::open(&config).unwrap();
        std::fs::create_dir(root.join("audit")).unwrap();
        std::fs::write(root.join("audit/HEAD"), "x").unwrap();
        for name in ["secrets", "secrets.draft", "policy.toml", "audit", "audit/HEAD"] {
            assert!(source.locate(name).is_err(), "{name}");
        }
        assert!(source.locate("secretsauce").is_ok());
    }

    #[test]
    fn a_rule_over_a_whole_root_is_told_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let options = Options {
            roots: vec![root.to_str().unwrap().to_owned()],
            deny: vec![format!("{}/**", root.parent().unwrap().display())],
            ..Options::default()
        };
        let config = decide(options, &Environment::default()).unwrap();
        let error = setup_failed(&crate::source::Source::open(&config).unwrap_err());
        assert!(error.to_string().contains("is hidden whole by a rule: deny `"), "{error}");
    }
}

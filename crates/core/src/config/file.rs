//! Configuration files, with the line of everything that they say: the one that a person names,
//! and those that whoever manages the machine has put where users can't.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use toml::Spanned;

use super::units::{AnswerSize, Time};
use super::{Ceilings, LimitsSource};
use crate::audit::AuditSource;
use crate::outside::Secrets;
use crate::policy::mask::Mask;
use crate::policy::stated::{PolicySource, Stated};
use crate::policy::{Destroy, Patterns};
use crate::private::open;
use crate::rates::{Rate, RateSource};
use crate::sandbox::Mode;
use crate::scrape::MetricsSource;
use crate::server::StartError;
use crate::state::hex;

/// The longest file that is read, bytes; a policy that people can review is far shorter.
const LONGEST: u64 = 1 << 20;

/// A file that was read.
pub(super) struct Read {
    /// The `[source]` table.
    pub(super) source: toml::Table,
    /// The `[metrics]` table.
    pub(super) metrics: MetricsSource,
    pub(super) ceilings: Ceilings,
    pub(super) tests: Vec<Test>,
    /// The keys that sources below a managed file may decide.
    pub(super) open: Vec<String>,
    pub(super) in_force: InForce,
}

/// Names a file that is in force, for `check` and the audit log.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InForce {
    pub(crate) path: PathBuf,
    pub(crate) sha256: String,
    /// Whether whoever runs the server could change it.
    pub(crate) advisory: bool,
}

impl InForce {
    /// For people.
    pub(crate) fn line(&self) -> String {
        let advisory = if self.advisory { ", advisory: the user can change it" } else { "" };
        let sha256 = self.sha256.get(..16).unwrap_or_default();
        format!("{} (sha256 {sha256}{advisory})", self.path.display())
    }
}

/// One `[[test]]`: what the policy is expected to say to a call.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    pub(crate) tool: String,
    pub(crate) args: Map<String, Value>,
    pub(crate) expect: Expected,
    pub(crate) origin: String,
}

/// See [`Test`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expected {
    Allow,
    Ask,
    Deny,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    source: Option<Spanned<toml::Table>>,
    policy: PolicyTable,
    limits: LimitsTable,
    sandbox: SandboxTable,
    audit: AuditSource,
    metrics: Option<Spanned<MetricsSource>>,
    test: Vec<Spanned<TestTable>>,
    managed: Option<Spanned<ManagedTable>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyTable {
    write: Option<Spanned<bool>>,
    destroy: Option<Spanned<Destroy>>,
    secrets: Option<Spanned<Secrets>>,
    tools: PatternTable,
    resources: PatternTable,
    mask: BTreeMap<Spanned<String>, Mask>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PatternTable {
    allow: Option<Vec<Spanned<String>>>,
    deny: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    max_output: Option<AnswerSize>,
    call_budget: Option<Time>,
    concurrency: Option<NonZeroUsize>,
    rate: Option<Spanned<Rate>>,
    write_rate: Option<Spanned<Rate>>,
    tools: BTreeMap<Spanned<String>, Rate>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SandboxTable {
    mode: Option<Mode>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ManagedTable {
    open: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestTable {
    tool: String,
    #[serde(default)]
    args: Map<String, Value>,
    expect: Expected,
}

/// What a file may say, by who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Managed {
    /// A person's own file: anything but `[managed]`.
    No,
    /// For one server: ceilings.
    OneServer,
    /// For all servers: ceilings that mean the same to each.
    AllServers,
}

/// Reads the managed files for `server` in `directory`; those that aren't there say nothing.
///
/// # Errors
///
/// A file that is there but can't be read or understood: better no server than one without it.
pub(super) fn read_managed(place: &ManagedPlace, server: &str) -> Result<Vec<Read>, StartError> {
    let directory = place.directory.as_path();
    // Whoever names a directory means one; a slip in its name must not switch its rules off.
    if place.named && !directory.exists() {
        return Err(refuse(
            directory,
            "LOCKKEEPER_MANAGED_DIR names it, but there is no such directory",
        ));
    }
    if leads_nowhere(directory) {
        return Err(refuse(directory, "a link to nothing"));
    }
    let one = directory.join(format!("{server}.toml"));
    let files = [(directory.join("all.toml"), Managed::AllServers), (one, Managed::OneServer)];
    let read = |(path, managed): &(PathBuf, Managed)| match read(path, *managed) {
        Err(Failed::Missing) if leads_nowhere(path) => Some(Err(refuse(path, "a link to nothing"))),
        Err(Failed::Missing) => None,
        Err(Failed::Because(error)) => Some(Err(error)),
        Ok((mut file, _)) => {
            // Whoever starts the server can leave the variable out.
            file.in_force.advisory |= place.named;
            Some(Ok(file))
        }
    };
    files.iter().filter_map(read).collect()
}

/// Where managed files lie.
#[derive(Debug, Clone)]
pub(super) struct ManagedPlace {
    pub(super) directory: PathBuf,
    /// By the environment, rather than by the platform.
    pub(super) named: bool,
}

fn leads_nowhere(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

fn refuse(path: &Path, problem: &str) -> StartError {
    StartError::new(format!("{}: {problem}", path.display()))
}

/// Reads a file that a person named, and checks that `[source]` is one of this server's.
pub(super) fn read_named<O: DeserializeOwned>(path: &Path) -> Result<Read, StartError> {
    #[derive(Deserialize)]
    struct SourceOnly<O> {
        #[expect(dead_code, reason = "only its shape is checked, with the line of what is wrong")]
        source: Option<O>,
    }
    let failed = |failed| match failed {
        Failed::Because(error) => error,
        Failed::Missing => refuse(path, "there is no such file"),
    };
    let (file, text) = read(path, Managed::No).map_err(failed)?;
    toml::from_str::<SourceOnly<O>>(&text).map_err(|error| Text::of(path, &text).refuse(&error))?;
    Ok(file)
}

enum Failed {
    Missing,
    Because(StartError),
}

/// Reads a file of at most [`LONGEST`] bytes; nothing that a reader has to wait for.
fn read_text(path: &Path) -> Result<String, Failed> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            return Failed::Missing;
        }
        Failed::Because(refuse(path, &format!("can't be read: {error}")))
    };
    let file = open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Failed::Because(refuse(path, "can't be read: it is not a regular file")));
    }
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > LONGEST {
        return Err(Failed::Because(refuse(path, "can't be read: it is longer than 1 MiB")));
    }
    Ok(text)
}

/// What a file says, and its text.
fn read(path: &Path, managed: Managed) -> Result<(Read, String), Failed> {
    let text = read_text(path)?;
    let place = Text::of(path, &text);
    let file: File =
        toml::from_str(&text).map_err(|error| Failed::Because(place.refuse(&error)))?;
    place.check(&file, managed).map_err(Failed::Because)?;
    let read = Read {
        ceilings: Ceilings {
            policy: place.policy(&file.policy),
            limits: place.limits(&file.limits),
            sandbox: file.sandbox.mode,
            audit: file.audit,
        },
        tests: file.test.into_iter().map(|test| place.test(test)).collect(),
        open: file
            .managed
            .map(|table| table.into_inner().open)
            .unwrap_or_default()
            .into_iter()
            .map(Spanned::into_inner)
            .collect(),
        source: file.source.map(Spanned::into_inner).unwrap_or_default(),
        metrics: file.metrics.map(Spanned::into_inner).unwrap_or_default(),
        in_force: InForce {
            path: path.to_owned(),
            sha256: hex(&Sha256::digest(&text)),
            advisory: managed == Managed::No || is_writable(path),
        },
    };
    Ok((read, text))
}

/// A file's text, to say in which line something stands.
struct Text<'a> {
    path: std::path::Display<'a>,
    text: &'a str,
}

impl<'a> Text<'a> {
    fn of(path: &'a Path, text: &'a str) -> Self {
        Self { path: path.display(), text }
    }

    fn at(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or_default();
        format!("{}:{}", self.path, before.matches('\n').count() + 1)
    }

    fn stated<T: Clone>(&self, value: &Spanned<T>) -> Stated<T> {
        Stated::new(value.get_ref().clone(), &self.at(value.span().start))
    }

    fn refuse(&self, error: &toml::de::Error) -> StartError {
        let place = self.at(error.span().map_or(0, |span| span.start));
        StartError::new(format!("{place}: {}", error.message().replace('\n', ", ")))
    }

    fn policy(&self, table: &PolicyTable) -> PolicySource {
        let list = |list: &[Spanned<String>]| list.iter().map(|one| self.stated(one)).collect();
        let patterns = |table: &PatternTable| Patterns {
            allow: table.allow.as_deref().map(list),
            deny: list(&table.deny),
        };
        PolicySource {
            write: table.write.as_ref().map(|write| self.stated(write)),
            destroy: table.destroy.as_ref().map(|destroy| self.stated(destroy)),
            secrets: table.secrets.as_ref().map(|secrets| self.stated(secrets)),
            tools: patterns(&table.tools),
            resources: patterns(&table.resources),
            mask: table.mask.iter().map(|(name, mask)| (self.stated(name), *mask)).collect(),
        }
    }

    fn limits(&self, table: &LimitsTable) -> LimitsSource {
        let LimitsTable { max_output, call_budget, concurrency, rate, write_rate, tools } = table;
        let rates = RateSource {
            calls: rate.as_ref().map(|rate| self.stated(rate)),
            writes: write_rate.as_ref().map(|rate| self.stated(rate)),
            tools: tools.iter().map(|(pattern, rate)| (self.stated(pattern), *rate)).collect(),
        };
        let (max_output, call_budget) = (*max_output, *call_budget);
        LimitsSource { max_output, call_budget, concurrency: *concurrency, rates }
    }

    fn test(&self, test: Spanned<TestTable>) -> Test {
        let origin = self.at(test.span().start);
        let TestTable { tool, args, expect } = test.into_inner();
        Test { tool, args, expect, origin }
    }

    fn check(&self, file: &File, managed: Managed) -> Result<(), StartError> {
        let refuse = |offset, problem: String| {
            Err(StartError::new(format!("{}: {problem}", self.at(offset))))
        };
        if let (Managed::No, Some(table)) = (managed, &file.managed) {
            return refuse(table.span().start, "[managed] is for managed files".to_owned());
        }
        if managed == Managed::No {
            return Ok(());
        }
        if let Some(source) = &file.source {
            let problem = "a managed file holds ceilings; [source] belongs in --config";
            return refuse(source.span().start, problem.to_owned());
        }
        if let Some(metrics) = &file.metrics {
            let problem = "a managed file holds ceilings; [metrics] belongs in --config";
            return refuse(metrics.span().start, problem.to_owned());
        }
        let open = file.managed.iter().flat_map(|table| &table.get_ref().open);
        for key in open {
            if !Ceilings::KEYS.contains(&key.get_ref().as_str()) {
                let known = Ceilings::KEYS.join(", ");
                let problem = format!("`{}` can't be opened; {known} can", key.get_ref());
                return refuse(key.span().start, problem);
            }
        }
        if managed == Managed::AllServers {
            let policy = &file.policy;
            let patterns = |table: &PatternTable| {
                table.allow.iter().flatten().chain(&table.deny).next().map(|one| one.span().start)
            };
            let tests = file.test.first().map(|test| test.span().start);
            let mask = policy.mask.keys().next().map(|name| name.span().start);
            let rates = file.limits.tools.keys().next().map(|name| name.span().start);
            let own = patterns(&policy.tools).or(patterns(&policy.resources)).or(mask);
            let own = own.or(rates).or(tests);
            if let Some(offset) = own {
                let problem = "tools, resources, masks and tests mean something to one server: \
                               put them into the file of that server";
                return refuse(offset, problem.to_owned());
            }
        }
        Ok(())
    }
}

/// Whether this process could change the file, or put another in its place: what is its user's own
/// it can make writable.
fn is_writable(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        use std::os::unix::fs::MetadataExt as _;
        let user = rustix::process::geteuid().as_raw();
        let own = |path: &Path| path.metadata().is_ok_and(|meta| meta.uid() == user);
        let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok() || own(path);
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        canonical.ancestors().any(writable)
    }
    #[cfg(not(unix))]
    {
        let meta = path.metadata();
        !meta.is_ok_and(|meta| meta.permissions().readonly())
    }
}

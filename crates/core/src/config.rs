//! Settings from all their sources. Ordinary ones override each other (flags, environment, file,
//! default); those under `[policy]`, `[limits]` and `[audit]` are ceilings, which only
//! narrow each other. Nothing else in the workspace reads the environment.

mod file;
mod units;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lockkeeper_hosts::Places;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::Results;
use crate::audit::cli::LogPlace;
use crate::audit::{AuditSource, Rules};
use crate::credential::Place;
use crate::instance::status::StatusArgs;
use crate::log;
use crate::network::Network;
use crate::outside::Secrets;
use crate::pipeline::Limits;
use crate::policy::stated::{PolicySource, Stated};
use crate::policy::{Destroy, Patterns};
use crate::rates::{Rate, RateSource};
use crate::sandbox::Mode;
use crate::scrape::{Loopback, MetricsSource};
use crate::server::{Environment, StartError};
use crate::state::State;
use crate::vault::Vault;
pub(crate) use file::{Expected, InForce, Test};
use file::{ManagedPlace, Read};
use units::{AnswerSize, Time};

const DEFAULT_MAX_OUTPUT: usize = 24_000;
const DEFAULT_CALL_BUDGET: Duration = Duration::from_secs(25);
const DEFAULT_CONCURRENCY: usize = 16;
const QUEUE: usize = 1_024;

/// Flags that every server has.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct Flags {
    /// Lets tools add and change; without it there are only tools that read
    #[arg(long)]
    write: bool,
    /// What to do with calls that may lose data for good [default: ask, once --write is given]
    #[arg(long, value_name = "WHEN", value_enum)]
    destroy: Option<Destroy>,
    /// What happens to credentials in answers [default: redact]
    #[arg(long, value_name = "HOW", value_enum)]
    secrets: Option<Secrets>,
    /// Only these tools exist (names or globs, comma-separated)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<String>,
    /// These tools don't exist
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    deny_tools: Vec<String>,

    /// Longest text of an answer, at most 100kB [default: 24kB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_output: Option<AnswerSize>,
    /// Longest time of a call [default: 25s]
    #[arg(long, value_name = "TIME", help_heading = "Limits")]
    call_budget: Option<Time>,
    /// Calls at once [default: 16]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    concurrency: Option<NonZeroUsize>,
    /// Calls in a time, for example 300/min [default: no limit]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    rate: Option<Rate>,
    /// Calls in a time that change something [default: the server's own limit, if it has one]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    write_rate: Option<Rate>,

    /// How results are sent: text, or data for hosts that call tools from code
    #[arg(long, value_enum, default_value_t, help_heading = "Protocol")]
    pub(crate) results: Results,
    /// Put before every tool name, for hosts that refuse the same name twice
    #[arg(long, value_name = "PREFIX", default_value = "", help_heading = "Protocol")]
    #[arg(hide_default_value = true)]
    pub(crate) tool_prefix: String,

    /// Settings in TOML: [source], [policy], [limits], [audit], [sandbox], [metrics]
    #[arg(long, value_name = "FILE", env = "LOCKKEEPER_CONFIG", help_heading = "Process")]
    config: Option<PathBuf>,
    /// Where audit segments are written, or `off` [env: `LOCKKEEPER_AUDIT`] [default: audit/ in the state directory]
    #[arg(long, value_name = "DIR", help_heading = "Process")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    storage: StorageFlags,
    /// What this process may still do: nothing but what its settings need (require, or as much of
    /// it as the system can enforce), or all [default: best-effort]
    #[arg(long, value_name = "HOW", value_enum, help_heading = "Process")]
    sandbox: Option<Mode>,
    /// Write metrics to this file, or into a file of each instance if it is a directory
    #[arg(long, value_name = "PATH", env = "LOCKKEEPER_METRICS_FILE", help_heading = "Process")]
    metrics_file: Option<PathBuf>,
    /// Serve metrics at this address of this machine, such as 127.0.0.1:9464
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "LOCKKEEPER_METRICS_LISTEN",
        help_heading = "Process"
    )]
    metrics_listen: Option<Loopback>,
    /// What is logged to stderr, for example debug
    #[arg(long, value_name = "LEVEL", env = "RUST_LOG", help_heading = "Process")]
    pub(crate) log_level: Option<String>,
    /// How it is written
    #[arg(long, value_name = "FORMAT", env = "LOCKKEEPER_LOG_FORMAT", help_heading = "Process")]
    #[arg(value_enum, default_value_t)]
    pub(crate) log_format: log::Format,
}

/// Flags that say where state is kept.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Process")]
pub(crate) struct StorageFlags {
    /// Where keys and other state are kept [default: the platform's state directory]
    #[arg(long, value_name = "DIR", env = "LOCKKEEPER_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// The key of stored secrets, a file for one store [default: secrets.key in the state directory]
    #[arg(long, value_name = "FILE", env = "LOCKKEEPER_KEY_FILE")]
    key_file: Option<PathBuf>,
}

impl StorageFlags {
    /// Where stored secrets are.
    pub(crate) fn vault(self, process: &Process) -> Vault {
        Vault { directory: self.state_dir.or_else(|| process.state_dir()), key_file: self.key_file }
    }
}

/// What one source says under `[limits]`.
#[derive(Debug, Clone, Default)]
struct LimitsSource {
    max_output: Option<AnswerSize>,
    call_budget: Option<Time>,
    concurrency: Option<NonZeroUsize>,
    rates: RateSource,
}

/// All settings, decided.
pub(crate) struct Settings<O> {
    pub(crate) options: O,
    pub(crate) policy: Vec<PolicySource>,
    pub(crate) limits: Limits,
    pub(crate) rates: Vec<RateSource>,
    pub(crate) results: Results,
    pub(crate) tool_prefix: String,
    /// The files that say something, strongest first.
    pub(crate) files: Vec<InForce>,
    pub(crate) tests: Vec<Test>,
    pub(crate) state_dir: Option<PathBuf>,
    /// Where the credential may be read from.
    pub(crate) place: Place,
    pub(crate) sandbox: Mode,
    pub(crate) audit: Vec<AuditSource>,
    pub(crate) metrics: MetricsSource,
}

impl<O: Serialize + DeserializeOwned + Default> Settings<O> {
    /// Decides from the managed files for `server`, the configuration file, this process's
    /// environment and the command line.
    pub(crate) fn new(
        server: &str,
        flags: Flags,
        options: O,
        process: &Process,
    ) -> Result<Self, StartError> {
        let mut managed = Vec::new();
        for place in &process.managed {
            managed.extend(file::read_managed(place, server)?);
        }
        let named = flags.config.as_deref();
        let named = named.map(|path| Ok::<_, StartError>((path, file::read_named::<O>(path)?)));
        let named = named.transpose()?;
        let mut decided = options;
        let mut metrics = flags.metrics();
        let mut lower = Vec::new();
        let mut files: Vec<InForce> = managed.iter().map(|read| read.in_force.clone()).collect();
        let mut tests: Vec<Test> = managed.iter().flat_map(|read| read.tests.clone()).collect();
        if let Some((path, read)) = named {
            decided = overlay(read.source, &decided, path)?;
            metrics = metrics.or(read.metrics);
            files.push(read.in_force);
            tests.extend(read.tests);
            lower.push(read.ceilings);
        }
        lower.push(process.ceilings()?);
        lower.push(flags.ceilings());
        let ceilings = below(managed, lower);
        let sandbox = Mode::strictest(ceilings.iter().map(|c| c.sandbox));
        let limits: Vec<LimitsSource> = ceilings.iter().map(|c| c.limits.clone()).collect();
        let vault = flags.storage.vault(process);
        let state_dir = vault.directory.clone();
        let audit = ceilings.iter().map(|c| c.audit.clone()).collect();
        Ok(Self {
            options: decided,
            policy: ceilings.into_iter().map(|c| c.policy).collect(),
            limits: intersect(&limits),
            rates: limits.into_iter().map(|limits| limits.rates).collect(),
            results: flags.results,
            tool_prefix: flags.tool_prefix,
            files,
            tests,
            place: process.place(vault),
            state_dir,
            sandbox,
            audit,
            metrics,
        })
    }
}

impl<O> Settings<O> {
    /// Core's own files, beside the audit log.
    pub(crate) fn own(&self) -> Vec<PathBuf> {
        let kept = self.state_dir.iter().flat_map(|directory| {
            State::FILES.iter().chain(&Vault::FILES).map(|name| directory.join(name))
        });
        let files = self.files.iter().map(|file| file.path.clone());
        kept.chain(files).chain(self.place.vault.key_file.clone()).collect()
    }
}

/// What one source says under the keys that only narrow.
#[derive(Clone, Default)]
struct Ceilings {
    policy: PolicySource,
    limits: LimitsSource,
    sandbox: Option<Mode>,
    audit: AuditSource,
}

impl Ceilings {
    /// The keys that a managed file may open, as it names them.
    const KEYS: [&str; 19] = [
        "policy.write",
        "policy.destroy",
        "policy.secrets",
        "policy.tools",
        "policy.resources",
        "policy.mask",
        "limits.max_output",
        "limits.call_budget",
        "limits.concurrency",
        "limits.rate",
        "limits.write_rate",
        "limits.tools",
        "sandbox.mode",
        "audit.on",
        "audit.dir",
        "audit.values",
        "audit.on_failure",
        "audit.keep",
        "audit.max_size",
    ];

    /// Leaves `key` to `lower` sources, if one of them says something about it.
    fn yield_key(&mut self, key: &str, lower: &[Self]) {
        let said = |says: fn(&Self) -> bool| lower.iter().any(says);
        let (policy, limits) = (&mut self.policy, &mut self.limits);
        match key {
            "policy.write" if said(|l| l.policy.write.is_some()) => policy.write = None,
            "policy.destroy" if said(|l| l.policy.destroy.is_some()) => policy.destroy = None,
            "policy.secrets" if said(|l| l.policy.secrets.is_some()) => policy.secrets = None,
            "policy.tools" if said(|l| !l.policy.tools.is_empty()) => {
                policy.tools = Patterns::default();
            }
            "policy.resources" if said(|l| !l.policy.resources.is_empty()) => {
                policy.resources = Patterns::default();
            }
            "policy.mask" if said(|l| !l.policy.mask.is_empty()) => policy.mask.clear(),
            "limits.max_output" if said(|l| l.limits.max_output.is_some()) => {
                limits.max_output = None;
            }
            "limits.call_budget" if said(|l| l.limits.call_budget.is_some()) => {
                limits.call_budget = None;
            }
            "limits.concurrency" if said(|l| l.limits.concurrency.is_some()) => {
                limits.concurrency = None;
            }
            "limits.rate" if said(|l| l.limits.rates.calls.is_some()) => {
                limits.rates.calls = None;
            }
            "limits.write_rate" if said(|l| l.limits.rates.writes.is_some()) => {
                limits.rates.writes = None;
            }
            "limits.tools" if said(|l| !l.limits.rates.tools.is_empty()) => {
                limits.rates.tools.clear();
            }
            "sandbox.mode" if said(|l| l.sandbox.is_some()) => self.sandbox = None,
            "audit.on" if said(|l| l.audit.on.is_some()) => self.audit.on = None,
            "audit.dir" if said(|l| l.audit.dir.is_some()) => self.audit.dir = None,
            "audit.values" if said(|l| l.audit.values.is_some()) => self.audit.values = None,
            "audit.on_failure" if said(|l| l.audit.on_failure.is_some()) => {
                self.audit.on_failure = None;
            }
            "audit.keep" if said(|l| l.audit.keep.is_some()) => self.audit.keep = None,
            "audit.max_size" if said(|l| l.audit.max_size.is_some()) => self.audit.max_size = None,
            _ => {}
        }
    }
}

/// All sources, after managed ones have left what they mark as open to those below them.
fn below(mut managed: Vec<Read>, lower: Vec<Ceilings>) -> Vec<Ceilings> {
    for read in &mut managed {
        for key in &read.open {
            read.ceilings.yield_key(key, &lower);
        }
    }
    managed.into_iter().map(|read| read.ceilings).chain(lower).collect()
}

/// The `[source]` table with everything that the command line said put over it.
fn overlay<O: Serialize + DeserializeOwned>(
    mut source: toml::Table,
    flags: &O,
    path: &Path,
) -> Result<O, StartError> {
    let failed = |error: String| StartError::new(format!("{}: {error}", path.display()));
    let given = toml::Table::try_from(flags).map_err(|error| failed(error.to_string()))?;
    for (key, value) in given {
        let unset = match &value {
            toml::Value::Boolean(set) => !set,
            toml::Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if !unset {
            source.insert(key, value);
        }
    }
    source.try_into().map_err(|error: toml::de::Error| failed(error.message().to_owned()))
}

impl<O> Settings<O> {
    /// How the audit log is kept.
    pub(crate) fn audit(&self) -> Result<Rules, StartError> {
        Rules::intersect(&self.audit, self.state_dir.as_ref().map(|state| state.join("audit")))
    }
}

impl Flags {
    /// What a command that only looks at the audit log was told.
    pub(crate) fn of_audit(place: &LogPlace) -> Self {
        let LogPlace { config, audit, state_dir } = place.clone();
        let storage = StorageFlags { state_dir, ..StorageFlags::default() };
        Self { config, audit, storage, ..Self::default() }
    }

    /// What a command that only looks at the instances was told.
    pub(crate) fn of_status(status: &StatusArgs) -> Self {
        let StatusArgs { config, state_dir, .. } = status;
        let storage = StorageFlags { state_dir: state_dir.clone(), ..StorageFlags::default() };
        Self { config: config.clone(), storage, ..Self::default() }
    }

    /// Switches the audit log off unless a directory is named.
    #[cfg(feature = "testing")]
    pub(crate) fn keep_nothing(&mut self) {
        self.audit.get_or_insert_with(|| "off".into());
    }

    fn metrics(&self) -> MetricsSource {
        MetricsSource { file: self.metrics_file.clone(), listen: self.metrics_listen }
    }

    fn policy(&self) -> PolicySource {
        let list = |names: &[String], flag| {
            names.iter().map(|name| Stated::new(name.clone(), flag)).collect::<Vec<_>>()
        };
        PolicySource {
            write: self.write.then(|| Stated::new(true, "--write")),
            destroy: self.destroy.map(|destroy| Stated::new(destroy, "--destroy")),
            secrets: self.secrets.map(|secrets| Stated::new(secrets, "--secrets")),
            tools: Patterns {
                allow: (!self.tools.is_empty()).then(|| list(&self.tools, "--tools")),
                deny: list(&self.deny_tools, "--deny-tools"),
            },
            ..PolicySource::default()
        }
    }

    fn ceilings(&self) -> Ceilings {
        let limits = LimitsSource {
            max_output: self.max_output,
            call_budget: self.call_budget,
            concurrency: self.concurrency,
            rates: RateSource {
                calls: self.rate.map(|rate| Stated::new(rate, "--rate")),
                writes: self.write_rate.map(|rate| Stated::new(rate, "--write-rate")),
                tools: Vec::new(),
            },
        };
        let audit = AuditSource::flag(self.audit.as_deref());
        Ceilings { policy: self.policy(), limits, sandbox: self.sandbox, audit }
    }
}

fn intersect(sources: &[LimitsSource]) -> Limits {
    let max_output = sources.iter().filter_map(|source| source.max_output).map(|size| size.0);
    let max_output = max_output.min().unwrap_or(DEFAULT_MAX_OUTPUT);
    let budget = sources.iter().filter_map(|source| source.call_budget).map(|time| time.0);
    let call_budget = budget.min().unwrap_or(DEFAULT_CALL_BUDGET);
    let concurrency = sources.iter().filter_map(|source| source.concurrency).min();
    let concurrency = concurrency.map_or(DEFAULT_CONCURRENCY, NonZeroUsize::get);
    Limits { call_budget, max_output, concurrency, queue: QUEUE }
}

/// What core takes from the process's environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Process {
    home: Option<PathBuf>,
    state_home: Option<PathBuf>,
    config_home: Option<PathBuf>,
    codex_home: Option<PathBuf>,
    path: Option<OsString>,
    write: Option<String>,
    destroy: Option<String>,
    sandbox: Option<String>,
    /// Where managed files lie: where the platform has them, and in one more place, for trying
    /// them out. More places can only narrow.
    managed: Vec<ManagedPlace>,
    audit: Option<PathBuf>,
    network: Network,
    pub(crate) current_dir: Option<PathBuf>,
    /// Reads a variable: one that a server declares, or one that holds a credential, and that only
    /// when the credential is needed. Nothing can take it out of the process's own initial
    /// environment; SECURITY.md says what guards it there.
    variable: Option<fn(&str) -> Option<OsString>>,
}

/// Where only whoever manages the machine can write.
const MANAGED: &str = if cfg!(target_os = "macos") {
    "/Library/Application Support/Lockkeeper"
} else if cfg!(windows) {
    r"C:\ProgramData\Lockkeeper"
} else {
    "/etc/lockkeeper"
};

impl Process {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub(crate) fn read() -> Self {
        let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // What isn't text is no value that is known, and is refused as one.
        let text = |name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned());
        let managed = |directory, named| ManagedPlace { directory, named };
        let named = path("LOCKKEEPER_MANAGED_DIR").map(|directory| managed(directory, true));
        Self {
            home: path("HOME").or_else(|| path("USERPROFILE")),
            state_home: path("XDG_STATE_HOME").or_else(|| path("LOCALAPPDATA")),
            config_home: path("XDG_CONFIG_HOME").or_else(|| path("APPDATA")),
            codex_home: path("CODEX_HOME"),
            path: std::env::var_os("PATH"),
            write: text("LOCKKEEPER_WRITE"),
            destroy: text("LOCKKEEPER_DESTROY"),
            sandbox: text("LOCKKEEPER_SANDBOX"),
            managed: std::iter::once(managed(MANAGED.into(), false)).chain(named).collect(),
            audit: path("LOCKKEEPER_AUDIT"),
            network: Network::read(|name| std::env::var_os(name)),
            current_dir: std::env::current_dir().ok(),
            variable: Some(|name| std::env::var_os(name)),
        }
    }

    /// The part that a server sees which reads `variables`.
    pub(crate) fn environment(&self, variables: &[&'static str]) -> Environment {
        let read = |name: &&'static str| {
            let value = self.variable?(name)?.into_string().ok().filter(|value| !value.is_empty());
            Some((*name, value?))
        };
        Environment {
            home: self.home.clone(),
            current_dir: self.current_dir.clone(),
            variables: variables.iter().filter_map(read).collect(),
            network: self.network.clone(),
            ..Environment::default()
        }
    }

    /// Where this user's agent hosts keep their settings.
    pub(crate) fn places(&self) -> Places {
        let (home, codex) = (self.home.clone(), self.codex_home.clone());
        Places { home, config: self.config_home.clone(), codex }
    }

    /// Whether a variable is set to something.
    pub(crate) fn has(&self, variable: &str) -> bool {
        self.variable.and_then(|read| read(variable)).is_some_and(|value| !value.is_empty())
    }

    /// A program on the search path.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let directories = self.path.iter().flat_map(std::env::split_paths);
        let mut places = directories.filter(|directory| directory.is_absolute());
        places.find_map(|directory| {
            let endings = if cfg!(windows) { [".exe", ".cmd"].as_slice() } else { &[""] };
            let mut names = endings.iter().map(|ending| directory.join(format!("{name}{ending}")));
            names.find(|place| place.is_file())
        })
    }

    /// The path of this program. The one on the search path outlives an update that moves what it
    /// links to.
    pub(crate) fn this_program(&self) -> Option<String> {
        let here = std::env::current_exe().ok()?;
        let name = here.file_stem()?.to_str()?;
        let found = self.program(name);
        let found = found.filter(|found| found.canonicalize().ok() == here.canonicalize().ok());
        found.unwrap_or(here).into_os_string().into_string().ok()
    }

    fn place(&self, vault: Vault) -> Place {
        Place { variable: self.variable, home: self.home.clone(), vault }
    }

    fn state_dir(&self) -> Option<PathBuf> {
        let base = self.state_home.clone();
        let base = base.or_else(|| Some(self.home.as_ref()?.join(".local").join("state")));
        base.map(|base| base.join("lockkeeper"))
    }

    fn sandbox(&self) -> Result<Option<Mode>, StartError> {
        let mode = self.sandbox.as_deref().map(|text| {
            <Mode as clap::ValueEnum>::from_str(text, true).map_err(|_| {
                StartError::new("LOCKKEEPER_SANDBOX must be require, best-effort or off")
            })
        });
        mode.transpose()
    }

    fn ceilings(&self) -> Result<Ceilings, StartError> {
        let write = self.write.as_deref().map(|text| match text {
            "1" | "true" => Ok(Stated::new(true, "LOCKKEEPER_WRITE")),
            "0" | "false" | "" => Ok(Stated::new(false, "LOCKKEEPER_WRITE")),
            _ => Err(StartError::new("LOCKKEEPER_WRITE must be true or false")),
        });
        let destroy = self.destroy.as_deref().map(|text| {
            <Destroy as clap::ValueEnum>::from_str(text, true)
                .map(|destroy| Stated::new(destroy, "LOCKKEEPER_DESTROY"))
                .map_err(|_| StartError::new("LOCKKEEPER_DESTROY must be never, ask or allow"))
        });
        let (write, destroy) = (write.transpose()?, destroy.transpose()?);
        let policy = PolicySource { write, destroy, ..PolicySource::default() };
        let audit = AuditSource::flag(self.audit.as_deref());
        Ok(Ceilings { policy, sandbox: self.sandbox()?, audit, ..Ceilings::default() })
    }
}

//! Settings from all their sources. Ordinary ones override each other (flags, environment, file,
//! default); those under `[policy]` and `[limits]` are ceilings, which only narrow each other.
//! Nothing else in the workspace reads the environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::answer::Results;
use crate::outside::Secrets;
use crate::pipeline::Limits;
use crate::policy::{Destroy, PolicySource, ToolNames};
use crate::sandbox::Mode;
use crate::server::{Environment, StartError};

const DEFAULT_MAX_OUTPUT: usize = 24_000;
const MOST_MAX_OUTPUT: usize = 100_000;
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
    max_output: Option<Size>,
    /// Longest time of a call [default: 25s]
    #[arg(long, value_name = "TIME", help_heading = "Limits")]
    call_budget: Option<Time>,
    /// Calls at once [default: 16]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    concurrency: Option<usize>,

    /// How results are sent: text, or data for hosts that call tools from code
    #[arg(long, value_enum, default_value_t, help_heading = "Protocol")]
    pub(crate) results: Results,
    /// Put before every tool name, for hosts that refuse the same name twice
    #[arg(long, value_name = "PREFIX", default_value = "", help_heading = "Protocol")]
    #[arg(hide_default_value = true)]
    pub(crate) tool_prefix: String,

    /// Settings in TOML: [source], [policy], [limits], [sandbox]
    #[arg(long, value_name = "FILE", env = "LOCKKEEPER_CONFIG", help_heading = "Process")]
    config: Option<PathBuf>,
    /// Where audit segments are written, or `off` [default: audit/ in the state directory]
    #[arg(long, value_name = "DIR", env = "LOCKKEEPER_AUDIT", help_heading = "Process")]
    audit: Option<PathBuf>,
    /// Where keys and other state are kept [default: the platform's state directory]
    #[arg(long, value_name = "DIR", env = "LOCKKEEPER_STATE_DIR", help_heading = "Process")]
    state_dir: Option<PathBuf>,
    /// What this process may still do: nothing but what its settings need (require, or as much of
    /// it as the system can enforce), or all [default: best-effort]
    #[arg(long, value_name = "HOW", value_enum, help_heading = "Process")]
    sandbox: Option<Mode>,
    /// What is logged to stderr, for example debug
    #[arg(long, value_name = "LEVEL", env = "RUST_LOG", help_heading = "Process")]
    pub(crate) log_level: Option<String>,
}

/// A configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, bound(deserialize = "O: DeserializeOwned + Default"))]
struct File<O> {
    source: O,
    policy: PolicySource,
    limits: LimitsSource,
    sandbox: SandboxSource,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SandboxSource {
    mode: Option<Mode>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSource {
    max_output: Option<Size>,
    call_budget: Option<Time>,
    concurrency: Option<usize>,
}

/// All settings, decided.
pub(crate) struct Settings<O> {
    pub(crate) options: O,
    pub(crate) policy: Vec<PolicySource>,
    pub(crate) limits: Limits,
    pub(crate) results: Results,
    pub(crate) tool_prefix: String,
    pub(crate) config: Option<PathBuf>,
    pub(crate) state_dir: Option<PathBuf>,
    /// `None` with `audit_off` unset means that there is no place for it.
    pub(crate) audit_dir: Option<PathBuf>,
    pub(crate) audit_off: bool,
    pub(crate) sandbox: Mode,
}

impl<O: Serialize + DeserializeOwned + Default> Settings<O> {
    /// Decides from the command line, this process's environment and the configuration file.
    pub(crate) fn new(flags: Flags, options: O, process: &Process) -> Result<Self, StartError> {
        let mut policy = Vec::new();
        let mut limits = Vec::new();
        let mut sandbox = vec![flags.sandbox, process.sandbox()?];
        let mut decided = options;
        if let Some(path) = &flags.config {
            let (file, table) = read_file::<O>(path)?;
            decided = overlay(table, &decided, path)?;
            policy.push(file.policy);
            limits.push(file.limits);
            sandbox.push(file.sandbox.mode);
        }
        policy.extend(process.policy()?);
        policy.push(flags.policy());
        limits.push(flags.limits());
        policy.retain(|source| *source != PolicySource::default());
        let state_dir = flags.state_dir.or_else(|| process.state_dir());
        let audit_off = flags.audit.as_deref() == Some(Path::new("off"));
        let audit_dir = match flags.audit {
            Some(directory) => Some(directory).filter(|_| !audit_off),
            None => state_dir.as_ref().map(|directory| directory.join("audit")),
        };
        Ok(Self {
            options: decided,
            policy,
            limits: intersect(&limits)?,
            results: flags.results,
            tool_prefix: flags.tool_prefix,
            config: flags.config,
            state_dir,
            audit_dir,
            audit_off,
            sandbox: Mode::strictest(sandbox),
        })
    }
}

impl Flags {
    /// Switches the audit log off unless a directory is named.
    #[cfg(feature = "testing")]
    pub(crate) fn keep_nothing(&mut self) {
        self.audit.get_or_insert_with(|| "off".into());
    }

    fn policy(&self) -> PolicySource {
        PolicySource {
            write: self.write.then_some(true),
            destroy: self.destroy,
            secrets: self.secrets,
            tools: ToolNames {
                allow: (!self.tools.is_empty()).then(|| self.tools.clone()),
                deny: self.deny_tools.clone(),
            },
        }
    }

    fn limits(&self) -> LimitsSource {
        LimitsSource {
            max_output: self.max_output,
            call_budget: self.call_budget,
            concurrency: self.concurrency,
        }
    }
}

fn intersect(sources: &[LimitsSource]) -> Result<Limits, StartError> {
    let max_output = sources.iter().filter_map(|source| source.max_output).map(|size| size.0);
    let max_output = max_output.min().unwrap_or(DEFAULT_MAX_OUTPUT);
    let budget = sources.iter().filter_map(|source| source.call_budget).map(|time| time.0);
    let call_budget = budget.min().unwrap_or(DEFAULT_CALL_BUDGET);
    let concurrency = sources.iter().filter_map(|source| source.concurrency).min();
    let concurrency = concurrency.unwrap_or(DEFAULT_CONCURRENCY);
    if !(1_000..=MOST_MAX_OUTPUT).contains(&max_output) {
        return Err(StartError::new("max-output must be between 1kB and 100kB"));
    }
    if concurrency == 0 || call_budget.is_zero() {
        return Err(StartError::new("concurrency and call-budget must be more than 0"));
    }
    Ok(Limits { call_budget, max_output, concurrency, queue: QUEUE })
}

#[expect(clippy::disallowed_methods, reason = "the configuration file is core's to read")]
fn read_file<O: DeserializeOwned + Default>(
    path: &Path,
) -> Result<(File<O>, toml::Table), StartError> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| StartError::new(format!("{shown}: can't be read: {error}")))?;
    let located = |error: toml::de::Error| {
        let line = error.span().and_then(|span| text.get(..span.start));
        let line = line.map_or(1, |before| before.matches('\n').count() + 1);
        StartError::new(format!("{shown}:{line}: {}", error.message().replace('\n', ", ")))
    };
    let file = toml::from_str(&text).map_err(located)?;
    let table = toml::from_str(&text).map_err(located)?;
    Ok((file, table))
}

/// The file's `[source]` table with everything that the command line said put over it.
fn overlay<O: Serialize + DeserializeOwned>(
    mut file: toml::Table,
    flags: &O,
    path: &Path,
) -> Result<O, StartError> {
    let failed = |error: String| StartError::new(format!("{}: {error}", path.display()));
    let mut source = match file.remove("source") {
        Some(toml::Value::Table(table)) => table,
        _ => toml::Table::new(),
    };
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

/// What core takes from the process's environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Process {
    home: Option<PathBuf>,
    state_home: Option<PathBuf>,
    write: Option<String>,
    destroy: Option<String>,
    sandbox: Option<String>,
    pub(crate) current_dir: Option<PathBuf>,
}

impl Process {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub(crate) fn read() -> Self {
        let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self {
            home: path("HOME").or_else(|| path("USERPROFILE")),
            state_home: path("XDG_STATE_HOME").or_else(|| path("LOCALAPPDATA")),
            write: std::env::var("LOCKKEEPER_WRITE").ok(),
            destroy: std::env::var("LOCKKEEPER_DESTROY").ok(),
            sandbox: std::env::var("LOCKKEEPER_SANDBOX").ok(),
            current_dir: std::env::current_dir().ok(),
        }
    }

    /// The part that servers see.
    pub(crate) fn environment(&self) -> Environment {
        Environment {
            home: self.home.clone(),
            current_dir: self.current_dir.clone(),
            ..Environment::default()
        }
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

    fn policy(&self) -> Result<Option<PolicySource>, StartError> {
        if self.write.is_none() && self.destroy.is_none() {
            return Ok(None);
        }
        let write = self.write.as_deref().map(|text| match text {
            "1" | "true" => Ok(true),
            "0" | "false" | "" => Ok(false),
            _ => Err(StartError::new("LOCKKEEPER_WRITE must be true or false")),
        });
        let destroy = self.destroy.as_deref().map(|text| {
            <Destroy as clap::ValueEnum>::from_str(text, true)
                .map_err(|_| StartError::new("LOCKKEEPER_DESTROY must be never, ask or allow"))
        });
        let (write, destroy) = (write.transpose()?, destroy.transpose()?);
        Ok(Some(PolicySource { write, destroy, ..PolicySource::default() }))
    }
}

/// A number of bytes: `24kB`, `1MB`, `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Size(usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "kib" => 1_024,
            "m" | "mb" => 1_000_000,
            "mib" => 1_048_576,
            _ => return Err("a size is a number with B, kB, KiB, MB or MiB".to_owned()),
        };
        let number: usize = number.parse().map_err(|_| "a size begins with a number".to_owned())?;
        number.checked_mul(factor).map(Self).ok_or_else(|| "too large".to_owned())
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A length of time: `25s`, `500ms`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Time(Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let number: u64 = number.parse().map_err(|_| "a time begins with a number".to_owned())?;
        match unit {
            "ms" => Ok(Self(Duration::from_millis(number))),
            "s" => Ok(Self(Duration::from_secs(number))),
            "m" | "min" => Ok(Self(Duration::from_secs(number.saturating_mul(60)))),
            _ => Err("a time is a number with ms, s or m".to_owned()),
        }
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number, unit.trim())
}

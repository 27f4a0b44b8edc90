//! The settings of this server: which GitHub, which repositories, which tools.

pub(crate) mod host;
pub(crate) mod toolset;

use std::time::Duration;

use lockkeeper_core::{Credential, Environment, StartError};
use serde::{Deserialize, Serialize};

pub(crate) use self::host::Host;
use self::toolset::Toolset;
use crate::source::PAUSE;

/// The variable that names the host, as GitHub's own programs read it.
pub(crate) const HOST: &str = "GITHUB_HOST";

/// Where the token is if nothing says so.
const CREDENTIAL: &str = "env:GITHUB_TOKEN,GITHUB_PERSONAL_ACCESS_TOKEN";

const CREDENTIAL_HELP: &str = "Where the token is: env:NAME, file:PATH, command:PROGRAM ARGUMENTS or \
    store:NAME [default: env:GITHUB_TOKEN,GITHUB_PERSONAL_ACCESS_TOKEN]";

const HOST_HELP: &str = "github.com, NAME.ghe.com or a GitHub Enterprise Server; http:// on this \
    machine only [env: GITHUB_HOST]";

/// The command line and the `[source]` table.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the token is.
    #[arg(long, value_name = "SOURCE", help = CREDENTIAL_HELP)]
    pub credential: Option<Credential>,
    /// Which GitHub.
    #[arg(long, value_name = "HOST", help = HOST_HELP)]
    pub host: Option<String>,
    /// Groups of tools, or `all` [default: context,repos,issues,pulls,actions]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub toolsets: Vec<Toolset>,
    /// Repositories that exist for agents: owner/name, owner/*; repeatable [default: all that the
    /// token sees]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub repos: Vec<String>,
    /// Of these, the repositories that tools may change; repeatable [default: all]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub write_repos: Vec<String>,
    /// Let what was read in private repositories be followed by writes to public ones, although
    /// text of strangers was read as well
    #[arg(long)]
    pub allow_cross_visibility: bool,
    /// Seconds between two looks at something that somebody subscribed to; 1 to 3600 [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub poll_interval: Option<u64>,
    /// Show only what people wrote who may push, in repositories to which the token's user may push or
    /// that --repos names
    #[arg(long)]
    pub lockdown: bool,
    /// Milliseconds between two changes [default: 1000, as GitHub asks for]
    #[arg(long, value_name = "MS")]
    pub write_pause: Option<u32>,
    /// Log in as this GitHub App: its id or client id; --credential is where its private key is
    #[arg(long, value_name = "ID")]
    pub app: Option<String>,
    /// For `login`: the client id of an OAuth App or GitHub App whose device flow is switched on
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The App's installation [default: the only one]
    #[arg(long, value_name = "ID")]
    pub installation: Option<u64>,
}

impl Options {
    pub(crate) fn credential(&self) -> Option<Credential> {
        self.credential.clone().or_else(|| CREDENTIAL.parse().ok())
    }

    /// Whether a tool is in one of the toolsets.
    pub(crate) fn offers(&self, tool: &str) -> bool {
        toolset::offer(&self.toolsets, tool)
    }
}

/// What was decided.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) host: Host,
    pub(crate) repos: Vec<String>,
    pub(crate) write_repos: Vec<String>,
    pub(crate) allow_cross_visibility: bool,
    pub(crate) toolsets: Vec<Toolset>,
    pub(crate) poll_interval: Duration,
    pub(crate) lockdown: bool,
    pub(crate) write_pause: Duration,
    pub(crate) app: Option<(String, Option<u64>)>,
    pub(crate) client_id: Option<String>,
}

/// Seconds between two looks, unless it is said otherwise: as long as GitHub's answers are fresh.
const POLL_INTERVAL: u64 = 60;

/// Decides what is served.
pub(crate) fn decide(options: Options, environment: &Environment) -> Result<Config, StartError> {
    let named = options.host.as_deref().or_else(|| Some(environment.variables.get(HOST)?));
    let host = Host::parse(named.unwrap_or(host::DOTCOM)).map_err(StartError::new)?;
    let poll_interval = options.poll_interval.unwrap_or(POLL_INTERVAL);
    if !(1..=3_600).contains(&poll_interval) {
        return Err(StartError::new("--poll-interval: from 1 to 3600 seconds"));
    }
    Ok(Config {
        host,
        repos: options.repos,
        write_repos: options.write_repos,
        allow_cross_visibility: options.allow_cross_visibility,
        toolsets: options.toolsets,
        poll_interval: Duration::from_secs(poll_interval),
        lockdown: options.lockdown,
        write_pause: options.write_pause.map_or(PAUSE, |ms| Duration::from_millis(ms.into())),
        app: app(options.app, options.installation)?,
        client_id: options.client_id,
    })
}

/// The App that the settings name, and its installation.
fn app(
    app: Option<String>,
    installation: Option<u64>,
) -> Result<Option<(String, Option<u64>)>, StartError> {
    match app {
        None if installation.is_some() => {
            Err(StartError::new("--installation goes with --app, the id of the App"))
        }
        None => Ok(None),
        Some(id)
            if !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') =>
        {
            Ok(Some((id, installation)))
        }
        Some(_) => {
            Err(StartError::new("--app is the App's id or client id, as its settings show it"))
        }
    }
}

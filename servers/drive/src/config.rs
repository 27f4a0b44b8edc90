//! The settings of this server: who logs in and how, which folders exist, and what the owner allows
//! beyond the defaults.

use std::path::PathBuf;
use std::time::Duration;

use lockkeeper_core::{Credential, Environment, StartError};
use serde::{Deserialize, Serialize};

/// Where a token is, as others of Google's programs read it.
const TOKEN: &str = "DRIVE_ACCESS_TOKEN";
const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const ROOT: &str = "DRIVE_API_ROOT";
const METADATA_HOST: &str = "GCE_METADATA_HOST";

pub(crate) const VARIABLES: &[&str] = &[CREDENTIALS, ROOT, METADATA_HOST];

/// The command line and the `[source]` table.
#[expect(clippy::doc_markdown, reason = "the text of --help")]
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Folders that exist for agents, with all beneath: an id, a URL, or a path such as /Projects/2026;
    /// repeatable [default: all that the account sees]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Vec<String>,
    /// Where an access token is: env:NAME, file:PATH, command:PROGRAM ARGUMENTS or store:NAME
    /// [env: DRIVE_ACCESS_TOKEN]
    #[arg(long, value_name = "SOURCE")]
    pub credential: Option<Credential>,
    /// A file of credentials: authorized_user, service_account or external_account [env:
    /// GOOGLE_APPLICATION_CREDENTIALS]
    #[arg(long, value_name = "FILE")]
    pub credentials_file: Option<PathBuf>,
    /// Whom a service account acts for
    #[arg(long, value_name = "EMAIL")]
    pub subject: Option<String>,
    /// Take the identity of this machine, from Google's metadata server
    #[arg(long)]
    pub metadata_server: bool,
    /// The login to use, where there are several [default: default]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// For `login`: the JSON of an OAuth client of the type "Desktop app"
    #[arg(long, value_name = "FILE")]
    pub client: Option<PathBuf>,
    /// What is asked of the account: all files, or those that were made or opened with this app
    #[arg(long, value_name = "WHICH", value_enum)]
    pub scope: Option<ScopeOption>,
    /// Let `download` write files into this directory
    #[arg(long, value_name = "DIR")]
    pub export_dir: Option<PathBuf>,
    /// Let `write` take files from this directory
    #[arg(long, value_name = "DIR")]
    pub upload_dir: Option<PathBuf>,
    /// Let `share` give others access; with --write
    #[arg(long)]
    pub share: bool,
    /// Domains that `share` may give access to; repeatable [default: any person by address]
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    pub share_domain: Vec<String>,
    /// Seconds between two looks at what changed, while something is subscribed to; 1 to 3600
    /// [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub poll_interval: Option<u64>,
    /// Where Google's services are; http:// on this machine only [env: DRIVE_API_ROOT]
    #[arg(long, value_name = "URL")]
    pub api_root: Option<String>,
}

/// Which files an account is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeOption {
    /// All that the account sees.
    #[default]
    All,
    /// Files that this app made or was given.
    File,
}

impl Options {
    pub(crate) fn credential(&self) -> Credential {
        self.credential.clone().unwrap_or_else(|| Credential::variable_if_set(TOKEN))
    }
}

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Login {
    Token,
    File(PathBuf),
    Metadata(String),
    Profile,
}

/// What was decided.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) folders: Vec<String>,
    pub(crate) login: Login,
    pub(crate) subject: Option<String>,
    pub(crate) profile: String,
    pub(crate) client: Option<PathBuf>,
    pub(crate) scope: &'static str,
    pub(crate) export_dir: Option<PathBuf>,
    pub(crate) upload_dir: Option<PathBuf>,
    pub(crate) share_domains: Vec<String>,
    pub(crate) poll_interval: Duration,
    pub(crate) api_root: Option<String>,
}

/// Decides what is served.
pub(crate) fn decide(options: Options, environment: &Environment) -> Result<Config, StartError> {
    let variable = |name: &str| environment.variables.get(name).cloned();
    let file = options.credentials_file.or_else(|| variable(CREDENTIALS).map(PathBuf::from));
    let login = match (environment.credential.is_configured(), file) {
        (true, _) => Login::Token,
        (false, Some(file)) => Login::File(file),
        (false, None) if options.metadata_server => {
            let host = variable(METADATA_HOST).unwrap_or_else(|| METADATA.to_owned());
            Login::Metadata(format!("http://{host}"))
        }
        (false, None) => Login::Profile,
    };
    if options.subject.is_some() && !matches!(login, Login::File(_)) {
        return Err(StartError::new("--subject goes with the file of a service account"));
    }
    let profile = options.profile.unwrap_or_else(|| "default".to_owned());
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if profile.is_empty() || profile.len() > 32 || !profile.chars().all(is_name) {
        return Err(StartError::new("--profile: up to 32 letters, digits, - and _"));
    }
    let scope = match (options.scope.unwrap_or_default(), environment.write) {
        (ScopeOption::File, _) => "https://www.googleapis.com/auth/drive.file",
        (ScopeOption::All, true) => "https://www.googleapis.com/auth/drive",
        (ScopeOption::All, false) => "https://www.googleapis.com/auth/drive.readonly",
    };
    let poll_interval = options.poll_interval.unwrap_or(POLL_INTERVAL);
    if !(1..=3_600).contains(&poll_interval) {
        return Err(StartError::new("--poll-interval: from 1 to 3600 seconds"));
    }
    let api_root = options.api_root.or_else(|| variable(ROOT));
    let api_root = api_root.map(|root| root.trim_end_matches('/').to_owned());
    let domains = options.share_domain.iter().map(|domain| domain.to_ascii_lowercase());
    Ok(Config {
        folders: options.folder,
        login,
        subject: options.subject,
        profile,
        client: options.client,
        scope,
        export_dir: options.export_dir,
        upload_dir: options.upload_dir,
        share_domains: domains.collect(),
        poll_interval: Duration::from_secs(poll_interval),
        api_root,
    })
}

/// Seconds between two looks at what changed.
const POLL_INTERVAL: u64 = 30;

/// Google's metadata server, by its address: a name could lead elsewhere.
const METADATA: &str = "169.254.169.254";

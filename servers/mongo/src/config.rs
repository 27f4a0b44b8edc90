//! The settings of this server: which deployment, how it is reached, and what the operator allows
//! beyond the defaults.

use std::path::PathBuf;

use lockkeeper_core::{Credential, Environment, StartError, dsn};
use serde::{Deserialize, Serialize};

use crate::source::Config;
use crate::source::plan::ScanGuard;

/// Where a connection string comes from if none is given.
pub(crate) const MONGODB_URI: &str = "MONGODB_URI";

/// The command line and the `[source]` table.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::doc_markdown, reason = "read on a terminal")]
pub struct Options {
    /// Where the deployment is: mongodb://HOST/DATABASE or mongodb+srv://HOST/DATABASE [env:
    /// MONGODB_URI]
    #[arg(value_name = "URI")]
    pub uri: Option<String>,
    /// Where the whole connection string is, or the password of its user: env:NAME, file:PATH,
    /// command:PROGRAM ARGUMENTS or store:NAME
    #[arg(long, value_name = "SOURCE")]
    pub credential: Option<Credential>,
    /// The database of calls that name none [default: the one of the connection string]
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// What becomes of queries that no index serves [default: warn]
    #[arg(long, value_enum)]
    pub scan_guard: Option<ScanGuard>,
    /// Let the deployment use its disk for large sorts and groups
    #[arg(long)]
    pub allow_disk_use: bool,
    /// Connections to each server [default: 8]
    #[arg(long, value_name = "N")]
    pub connections: Option<u32>,
    /// Let `export` write files into this directory
    #[arg(long, value_name = "DIR")]
    pub export_dir: Option<PathBuf>,
    /// Let `manage_index` create and drop indexes, where writing is allowed
    #[arg(long)]
    pub manage_indexes: bool,
}

/// Connections to each server, unless more or fewer are asked for.
const CONNECTIONS: u32 = 8;

/// Decides what is served.
pub(crate) fn decide(options: Options, environment: &Environment) -> Result<Config, StartError> {
    let connections = options.connections.unwrap_or(CONNECTIONS);
    if !(1..=64).contains(&connections) {
        return Err(StartError::new("--connections: from 1 to 64"));
    }
    if let Some(given) = &options.uri {
        dsn::warn_of_secret(given, "the connection string");
    }
    let uri = options.uri.or_else(|| environment.variables.get(MONGODB_URI).cloned());
    if uri.is_none() && !environment.credential.is_configured() {
        return Err(StartError::new(
            "name a deployment: lockkeeper-mongo mongodb://HOST/DATABASE, or set MONGODB_URI",
        ));
    }
    Ok(Config {
        uri,
        database: options.database,
        connections,
        scan_guard: options.scan_guard.unwrap_or_default(),
        allow_disk_use: options.allow_disk_use,
        export_dir: options.export_dir,
    })
}

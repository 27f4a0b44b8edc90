//! The settings of this server: which deployment, how it is reached, and what the operator allows
//! beyond the defaults.

use lockkeeper_core::{Credential, Environment, StartError};
use serde::{Deserialize, Serialize};

use crate::source::Config;

/// Where a connection string comes from if none is given.
pub(crate) const MONGODB_URI: &str = "MONGODB_URI";

/// The command line and the `[source]` table.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the deployment is: mongodb://HOST/DATABASE or mongodb+srv://HOST/DATABASE
    /// [env: MONGODB_URI]
    #[arg(value_name = "URI")]
    pub uri: Option<String>,
    /// Where the connection string is: env:NAME, file:PATH, command:PROGRAM ARGUMENTS or store:NAME
    #[arg(long, value_name = "SOURCE")]
    pub credential: Option<Credential>,
}

/// Decides what is served.
pub(crate) fn decide(options: Options, environment: &Environment) -> Result<Config, StartError> {
    let uri = options.uri.or_else(|| environment.variables.get(MONGODB_URI).cloned());
    if uri.is_none() && !environment.credential.is_configured() {
        return Err(StartError::new(
            "name a deployment: lockkeeper-mongo mongodb://HOST/DATABASE, or set MONGODB_URI",
        ));
    }
    Ok(Config { uri })
}

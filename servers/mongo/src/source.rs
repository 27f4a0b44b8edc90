//! The deployment: how it is reached, and what is read from it. Knows no MCP.

use lockkeeper_core::{Environment, StartError};

/// What is served, decided.
pub(crate) struct Config {
    pub(crate) uri: Option<String>,
}

/// What the tools work on.
pub struct Mongo {
    _uri: Option<String>,
}

impl Mongo {
    pub(crate) fn open(config: Config, _environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { _uri: config.uri })
    }
}

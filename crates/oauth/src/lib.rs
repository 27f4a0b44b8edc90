//! OAuth 2.0 for connector servers: where an access token comes from (one that was given, a login by
//! a person, a file of credentials, the machine's own identity), when it is renewed, and how a login
//! is kept between processes. It knows no service's data and no MCP.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make files and servers"))]

mod endpoint;
mod error;
mod file;
mod google;
mod login;
mod provider;
mod stored;
#[cfg(test)]
mod stub;
mod tokens;

pub use error::AuthError;
pub use file::{CredentialsFile, FileError};
pub use login::{ClientFile, Ended, Login};
pub use provider::{Origins, Provider};
pub use stored::Account;
pub use tokens::{TokenSource, Way};

/// An access token.
pub type Token = std::sync::Arc<lockkeeper_core::Secret<String>>;

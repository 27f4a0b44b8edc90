//! What a deployment, or the way to it, can't do. The source's own words; `refusal.rs` says them to
//! agents.

use lockkeeper_core::{Open, ToolError};
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MongoError {
    #[error("the connection string can't be used: {0}")]
    Uri(&'static str),
    #[error("{}", .0.message())]
    Credential(ToolError),
    /// The breaker is open.
    #[error("the database can't be reached now")]
    Down(Open),
    #[error("no server of the deployment can be reached")]
    NoServer(String),
    #[error("the deployment refused the login")]
    Login(String),
    #[error("there is no TLS connection as the settings ask for")]
    Tls(String),
    #[error("the connection broke")]
    Closed,
    #[error("all connections to the database are in use")]
    Busy,
    #[error("it took longer than the call has")]
    OutOfTime,
    /// MongoDB said no.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    #[error("no database was named")]
    WhichDatabase,
    #[error("there is no database of this name")]
    NoDatabase,
    #[error("{0}")]
    Name(String),
    /// It isn't there, or the policy hides it.
    #[error("there is no collection `{0}`")]
    Missing(String, Option<String>),
    /// The guard of pipelines, filters and updates said no.
    #[error("{0}")]
    Guarded(crate::guard::Refusal),
    #[error("{0}")]
    NotAllowed(String),
    #[error("{problem}")]
    Scan { problem: String, advice: String },
    #[error("the rows behind this cursor are not kept any more")]
    CursorGone,
    #[error("a document can't be read: {0}")]
    Malformed(crate::ejson::Malformed),
    /// A change was sent, and whether it was made isn't known.
    #[error("the connection broke while something was changed")]
    InDoubt,
    #[error("{0}")]
    Placeholder(String),
    #[error("the driver failed")]
    Driver(#[source] Error),
}

/// What MongoDB says of an error
/// (<https://www.mongodb.com/docs/manual/reference/error-codes/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i32,
    pub(crate) name: String,
    pub(crate) message: String,
}

impl MongoError {
    /// What the driver reports, without the names of these hosts.
    pub(crate) fn of(error: Error, hosts: &[String]) -> Self {
        let scrubbed = |text: &str| scrubbed(text, hosts);
        let refused = |code: i32, name: &str, message: &str| {
            let message = scrubbed(message);
            Self::Refused(Box::new(Refusal { code, name: name.to_owned(), message }))
        };
        match &*error.kind {
            ErrorKind::Command(command) => {
                refused(command.code, &command.code_name, &command.message)
            }
            ErrorKind::Write(WriteFailure::WriteError(write)) => {
                refused(write.code, write.code_name.as_deref().unwrap_or_default(), &write.message)
            }
            ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
                refused(concern.code, &concern.code_name, &concern.message)
            }
            ErrorKind::InsertMany(many) => match many.write_errors.as_deref() {
                Some([write, ..]) => refused(
                    write.code,
                    write.code_name.as_deref().unwrap_or_default(),
                    &write.message,
                ),
                _ => Self::Driver(error),
            },
            ErrorKind::Authentication { message, .. } => Self::Login(message.clone()),
            ErrorKind::ServerSelection { message, .. } | ErrorKind::DnsResolve { message, .. } => {
                if message.contains("SCRAM failure") || message.contains("uthentication failed") {
                    Self::Login(message.clone())
                } else {
                    Self::NoServer(message.clone())
                }
            }
            ErrorKind::InvalidTlsConfig { message, .. } => Self::Tls(message.clone()),
            ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => Self::OutOfTime,
            ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => Self::Closed,
            ErrorKind::InvalidArgument { .. } if hosts.is_empty() => {
                Self::Uri("the driver doesn't accept it")
            }
            _ => Self::Driver(error),
        }
    }

    /// The same without the documents and lists that MongoDB quotes: some of its errors show the
    /// whole document that an expression failed on. A hidden field can only stand in one of these, as
    /// it can't be used by itself.
    pub(super) fn without_values(self) -> Self {
        match self {
            Self::Refused(mut refusal) => {
                if let Some(at) = refusal.message.find(['{', '[']) {
                    refusal.message.truncate(at);
                    refusal.message.push('…');
                }
                Self::Refused(refusal)
            }
            error => error,
        }
    }

    /// MongoDB's code, if it was MongoDB that said no.
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }
}

impl From<crate::guard::Refusal> for MongoError {
    fn from(refusal: crate::guard::Refusal) -> Self {
        match refusal {
            crate::guard::Refusal::Missing { reference, rule } => {
                Self::Missing(reference.to_string(), rule)
            }
            refusal @ crate::guard::Refusal::Refused { .. } => Self::Guarded(refusal),
        }
    }
}

/// Errors name members of the deployment: `host:port`, which is nobody's business.
fn scrubbed(text: &str, hosts: &[String]) -> String {
    hosts.iter().filter(|host| host.len() > 1).fold(text.to_owned(), |text, host| {
        if text.contains(host.as_str()) { text.replace(host.as_str(), "[host]") } else { text }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_out() {
        let hosts = ["db1.internal".to_owned()];
        let text = scrubbed("not primary: db1.internal:27017 is", &hosts);
        assert_eq!(text, "not primary: [host]:27017 is");
    }
}

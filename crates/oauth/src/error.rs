//! Why there is no token, and what to do about it. Nothing here holds one.

use lockkeeper_core::{KeepError, ToolError};
use lockkeeper_http::HttpError;

/// The most of a provider's own words that an error repeats.
const MOST_SAID: usize = 300;

/// Why there is no access token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthError {
    /// Nobody logged in.
    #[error("nobody has logged in to {title}")]
    NotLoggedIn {
        /// Whom with.
        title: &'static str,
        /// The binary.
        server: &'static str,
    },
    /// The login, or the account behind the credentials, is no longer accepted.
    #[error("{title} no longer accepts the login (invalid_grant): it expired or was revoked{said}")]
    InvalidGrant {
        /// Whom with.
        title: &'static str,
        /// The binary.
        server: &'static str,
        /// The provider's own words.
        said: String,
        /// What keeps that from happening again.
        advice: &'static str,
    },
    /// The provider refuses, in its own words.
    #[error("the token service refuses: {said}")]
    Refused {
        /// What it said.
        said: String,
    },
    /// A token that was given is no longer accepted, and there is no other.
    #[error("the service no longer accepts the token that this server was given")]
    Stale,
    /// The login did not get what was asked for.
    #[error("{problem}")]
    Login {
        /// Why.
        problem: String,
    },
    /// No answer.
    #[error("the token service can't be asked: {0}")]
    Http(HttpError),
    /// An answer that makes no sense.
    #[error("the token service's answer makes no sense: {what}")]
    Answer {
        /// Why.
        what: &'static str,
    },
    /// The login can't be read or kept.
    #[error("the login can't be read or kept: {problem}")]
    Kept {
        /// Why.
        problem: String,
    },
    /// The credential that was named gave nothing.
    #[error("{0}")]
    Credential(ToolError),
    /// The file of credentials can't be used.
    #[error("the credentials file can't be used: {problem}")]
    File {
        /// Why.
        problem: String,
    },
}

impl From<KeepError> for AuthError {
    fn from(error: KeepError) -> Self {
        Self::Kept { problem: error.to_string() }
    }
}

impl From<HttpError> for AuthError {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl From<&AuthError> for ToolError {
    fn from(error: &AuthError) -> Self {
        let message = error.to_string();
        match error {
            AuthError::NotLoggedIn { server, .. } => Self::new("not_logged_in", message)
                .hint(format!("ask the user to run `{server} login`")),
            AuthError::InvalidGrant { server, advice, .. } => Self::new("login_expired", message)
                .hint(format!("ask the user to run `{server} login` again; {advice}")),
            AuthError::Refused { .. } => Self::new("login_refused", message)
                .hint("ask the user to check the credentials; the server's `check` looks at them"),
            AuthError::Stale => Self::new("bad_credential", message)
                .hint("ask the user to renew the token and to run this server's `check`"),
            AuthError::Login { .. } => Self::new("login_failed", message),
            AuthError::Http(error) => error.into(),
            AuthError::Answer { .. } => Self::new("upstream_invalid", message),
            AuthError::Kept { .. } => Self::new("no_credential", "the login can't be read")
                .hint("ask the user to run this server's `check`, which says what is wrong"),
            AuthError::Credential(error) => error.clone(),
            AuthError::File { .. } => {
                Self::new("no_credential", "the credentials file can't be used")
                    .hint("ask the user to run this server's `check`, which says what is wrong")
            }
        }
    }
}

impl From<AuthError> for ToolError {
    fn from(error: AuthError) -> Self {
        (&error).into()
    }
}

/// A provider's words as an error shows them: one line, bounded.
pub(crate) fn said(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(MOST_SAID).collect()
}

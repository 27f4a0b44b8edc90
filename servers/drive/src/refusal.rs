//! What Drive refuses or can't do, as agents are told: a code, the source's own words, and what to
//! do. What lies outside the allowed folders and what is not there read alike.

use lockkeeper_core::ToolError;

use crate::source::SourceError;

impl From<SourceError> for ToolError {
    fn from(error: SourceError) -> Self {
        let message = error.to_string();
        match error {
            SourceError::Hidden { rule, .. } => {
                Self::new("not_found", message).hint(LOOK).denied_by(rule)
            }
            SourceError::NotFound { .. } => Self::new("not_found", message).hint(LOOK),
            SourceError::Argument { .. } => Self::new("invalid_arguments", message),
            SourceError::Ambiguous { .. } => {
                Self::new("ambiguous", message).hint("name the file by its id")
            }
            SourceError::Unsuited { hint, .. } => Self::new("not_suited", message).hint(hint),
            SourceError::Unresolved { .. } => Self::new("policy_unresolved", message)
                .hint("ask the user to run this server's `check`, which names the folder"),
            SourceError::ScopeMissing { .. } => Self::new("scope_missing", message).hint(
                "account shows what the login allows; the user can run `lockkeeper-drive login` with \
                 the options that the server runs with",
            ),
            SourceError::ServiceDisabled { .. } => Self::new("service_disabled", message)
                .hint("ask the user to switch that API on in the project of the OAuth client"),
            SourceError::Forbidden { .. } => Self::new("forbidden", message)
                .hint("the account may not do this; info shows what it may"),
            SourceError::NoStorage => Self::new("no_storage", message).hint(
                "a service account has none of its own: put the file into a shared drive, or let it \
                 act for a person with --subject",
            ),
            SourceError::ExportTooLarge => Self::new("too_large", message)
                .hint("read a range of it, or ask the user to split it"),
            SourceError::Unauthorized => Self::new("bad_credential", message)
                .hint("ask the user to renew the token and to run this server's `check`"),
            SourceError::RateLimited { .. } => {
                Self::new("rate_limited", message).retry_after_s(30).hint("wait, then ask for less")
            }
            SourceError::Invalid { .. } => Self::new("invalid_arguments", message)
                .hint("correct the arguments that the message names"),
            SourceError::Conflict { .. } => Self::new("conflict", message)
                .hint("read the file as it is now and try again with its revision"),
            SourceError::Changed => Self::new("changed", message).hint("start again without cursor"),
            SourceError::Expired { hint, .. } => Self::new("cursor_expired", message).hint(hint),
            SourceError::Damaged { .. } => Self::new("damaged", message).hint("try again"),
            SourceError::InDoubt => Self::new("outcome_unknown", message)
                .hint("search for its name before you write it again"),
            SourceError::Fault { .. } => {
                Self::new("upstream_down", message).hint("try again later")
            }
            SourceError::Answer { .. } => Self::new("upstream_invalid", message),
            SourceError::Http(error) => error.into(),
            SourceError::Auth(error) => error.into(),
            SourceError::Tool(error) => error,
        }
    }
}

const LOOK: &str = "check the id; search and list show what there is";

//! What GitHub refuses or can't do, as agents are told: a code, the source's own words, and what to
//! do. What the policy hides and what is not there read alike.

use lockkeeper_core::ToolError;

use crate::source::SourceError;

impl From<SourceError> for ToolError {
    fn from(error: SourceError) -> Self {
        let message = error.to_string();
        match error {
            SourceError::Hidden { rule, .. } => {
                Self::new("not_found_or_no_access", message).hint(LOOK).denied_by(rule)
            }
            SourceError::NotFound { .. } => Self::new("not_found_or_no_access", message).hint(LOOK),
            SourceError::ReadOnly { rule, .. } => Self::new("policy_refused", message)
                .hint("no tool changes this repository; choose another, or tell the user")
                .denied_by(rule),
            SourceError::Tainted { private, untrusted, .. } => Self::new("policy_refused", message)
                .denied_by(format!(
                    "cross visibility: private `{private}`, untrusted `{untrusted}` were read"
                ))
                .hint(
                "show the user the text to publish and let them do it; whoever runs the server can \
                 allow it with --allow-cross-visibility",
            ),
            SourceError::Carries { .. } => Self::new("policy_refused", message)
                .denied_by("addresses that could carry private data")
                .hint("leave out its parameters, or show the user the text and let them do it"),
            SourceError::Withheld { .. } => Self::new("withheld", message)
                .denied_by("--lockdown")
                .hint("the server runs with --lockdown; the user can look at it on GitHub"),
            SourceError::Repeated { retry_after } => Self::new("repeated_write", message)
                .hint("look whether it is done already; don't repeat it without the user's word")
                .retry_after_s(retry_after.as_secs().max(1)),
            SourceError::Argument { .. } => Self::new("invalid_arguments", message),
            SourceError::ScopeMissing { .. } => Self::new("scope_missing", message)
                .hint("ask the user to give the token that permission"),
            SourceError::SingleSignOn => Self::new("sso_required", message)
                .hint("ask the user to authorize the token for the organization's single sign-on"),
            SourceError::Forbidden { .. } => Self::new("forbidden", message)
                .hint("the token's user may not do this; account_read me says who it is"),
            SourceError::Unauthorized => Self::new("bad_credential", message)
                .hint("ask the user to renew the token and to run this server's `check`"),
            SourceError::Invalid { .. } => Self::new("validation", message)
                .hint("correct the arguments that the message names"),
            SourceError::Conflict { .. } => Self::new("conflict", message)
                .hint("read the current state and try again with its sha"),
            SourceError::Moved { .. } => {
                Self::new("moved", message).hint("repeat the call once; it uses the new name")
            }
            SourceError::Changed { .. } => {
                Self::new("changed", message).hint("start again without cursor")
            }
            SourceError::Gone { .. } => Self::new("gone", message),
            SourceError::Fault { .. } => {
                Self::new("upstream_down", message).hint("try again later")
            }
            SourceError::Answer { .. } => Self::new("upstream_invalid", message),
            SourceError::Http(error) => error.into(),
            SourceError::Credential(error) => error,
        }
    }
}

const LOOK: &str =
    "check the name; account_read repos lists repositories, repo_read branches and tags";

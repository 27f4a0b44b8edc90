//! What can go wrong with a request to Drive: one variant for each thing that whoever asked can do
//! something about. What lies outside the allowed folders and what is not there are told apart here,
//! for the audit log, and by nobody else.

use http::StatusCode;
use lockkeeper_core::{ToolError, quoted};
use lockkeeper_http::HttpError;
use lockkeeper_oauth::AuthError;
use serde_json::Value;

/// The most of Google's own words that an error repeats.
const MOST_SAID: usize = 400;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// Outside the folders that are allowed.
    #[error("{} is not there, or can't be seen from here", quoted(.asked))]
    Hidden { asked: String, rule: String },
    /// Drive has no such thing, or doesn't show it to this account.
    #[error("{} is not there, or can't be seen from here", quoted(.asked))]
    NotFound { asked: String },
    /// An argument that can't be used.
    #[error("{problem}")]
    Argument { problem: String },
    /// Several files have this path.
    #[error("{} could be any of {ids}", quoted(.asked))]
    Ambiguous { asked: String, ids: String },
    /// The file isn't of a kind that this can be done with.
    #[error("{problem}")]
    Unsuited { problem: String, hint: &'static str },
    /// A folder of the settings can't be found.
    #[error("the folders of this server's settings can't be told: {problem}")]
    Unresolved { problem: String },
    /// The token's scopes don't include this.
    #[error("the login doesn't allow this: {said}")]
    ScopeMissing { said: String },
    /// An interface of Google's that the project didn't switch on.
    #[error("Google refuses: {said}")]
    ServiceDisabled { said: String },
    /// Not for this account.
    #[error("Google refuses: {said}")]
    Forbidden { said: String },
    /// The account, or the service account, has no room.
    #[error("the account has no storage left")]
    NoStorage,
    /// An export beyond Google's limit.
    #[error("the file is too large to be exported: Google's limit is 10 MB")]
    ExportTooLarge,
    /// The token isn't one, or no longer.
    #[error("Google doesn't know the token")]
    Unauthorized,
    /// Too many requests.
    #[error("Google takes no more requests for now: {said}")]
    RateLimited { said: String },
    /// Google finds fault with the request.
    #[error("Google refuses the request: {said}")]
    Invalid { said: String },
    /// It isn't as the request takes it to be.
    #[error("{problem}")]
    Conflict { problem: String },
    /// What is read page by page is no longer the same.
    #[error("the file changed since the last page")]
    Changed,
    /// What a cursor stood for is gone.
    #[error("{what} isn't kept any more")]
    Expired { what: &'static str, hint: &'static str },
    /// The content that came isn't the content that is there.
    #[error("{problem}")]
    Damaged { problem: String },
    /// It may have been done.
    #[error("the last piece was sent, but whether there is a new file now isn't known")]
    InDoubt,
    /// A fault of Google's.
    #[error("Google answered with status {status}")]
    Fault { status: u16 },
    /// An answer that makes no sense.
    #[error("Google's answer makes no sense: {what}")]
    Answer { what: &'static str },
    /// No answer.
    #[error(transparent)]
    Http(HttpError),
    /// No token.
    #[error("{0}")]
    Auth(AuthError),
    /// What core says.
    #[error("{0}")]
    Tool(ToolError),
}

impl From<HttpError> for SourceError {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl From<AuthError> for SourceError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<ToolError> for SourceError {
    fn from(error: ToolError) -> Self {
        Self::Tool(error)
    }
}

impl SourceError {
    pub(crate) fn argument(problem: impl Into<String>) -> Self {
        Self::Argument { problem: problem.into() }
    }

    /// What a status that is no success means, with the body that came with it.
    pub(crate) fn of_body(status: StatusCode, body: &[u8], asked: &str) -> Self {
        match serde_json::from_slice(body) {
            Ok(value) => Self::of_json(Some(status), &value, asked),
            Err(_) => Self::of_status(status, asked),
        }
    }

    fn of_status(status: StatusCode, asked: &str) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound { asked: asked.to_owned() },
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited { said: "too many".to_owned() },
            status => Self::Fault { status: status.as_u16() },
        }
    }

    fn of_json(status: Option<StatusCode>, value: &Value, asked: &str) -> Self {
        let error = value.get("error").unwrap_or(value);
        let text = |pointer: &str| error.pointer(pointer).and_then(Value::as_str);
        let code =
            error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let code = code.or(status.map(|status| status.as_u16())).unwrap_or(500);
        let details = error.get("details").and_then(Value::as_array);
        let detail =
            details.into_iter().flatten().find_map(|detail| detail.get("reason")?.as_str());
        let reason = detail.or_else(|| text("/errors/0/reason")).unwrap_or_default();
        let said = said(text("/message").unwrap_or("no reason given"));
        match (code, reason) {
            (401, _) => Self::Unauthorized,
            (
                403,
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
                | "insufficientPermissions"
                | "insufficientScopes",
            ) => Self::ScopeMissing { said },
            (403, "appNotAuthorizedToFile") => Self::ScopeMissing { said },
            (403, "SERVICE_DISABLED" | "accessNotConfigured") => Self::ServiceDisabled { said },
            (403, "storageQuotaExceeded" | "teamDriveFileLimitExceeded") => Self::NoStorage,
            (403, "exportSizeLimitExceeded") => Self::ExportTooLarge,
            (
                403 | 429,
                "rateLimitExceeded" | "userRateLimitExceeded" | "sharingRateLimitExceeded",
            )
            | (429, _) => Self::RateLimited { said },
            (403, _) => Self::Forbidden { said },
            (404, _) => Self::NotFound { asked: asked.to_owned() },
            (409 | 412, _) => Self::Conflict { problem: said },
            (410, _) => Self::Expired { what: "what was asked for", hint: "start again" },
            (400..=499, _) => Self::Invalid { said },
            (status, _) => Self::Fault { status },
        }
    }

    /// Whether the request may not have arrived, or may have been done although nothing came back.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Http(_) | Self::Fault { .. } | Self::RateLimited { .. })
    }
}

/// Google's own words, in one line.
fn said(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(MOST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, reason: &str) -> String {
        let body = format!(
            r#"{{"error":{{"code":{status},"message":"Why not.","errors":[{{"reason":"{reason}"}}]}}}}"#
        );
        let status = StatusCode::from_u16(status).unwrap();
        ToolError::from(SourceError::of_body(status, body.as_bytes(), "x")).text()
    }

    #[test]
    fn what_is_hidden_and_what_is_not_there_read_alike() {
        let hidden = SourceError::Hidden { asked: "x".to_owned(), rule: "--folder".to_owned() };
        assert_eq!(ToolError::from(hidden).text(), of(404, "notFound"));
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (status, reason, said) in [
            (
                403,
                "insufficientPermissions",
                "scope_missing: the login doesn't allow this: Why not.",
            ),
            (403, "storageQuotaExceeded", "no_storage: the account has no storage left"),
            (403, "exportSizeLimitExceeded", "too_large: the file is too large to be exported"),
            (403, "userRateLimitExceeded", "rate_limited: Google takes no more requests"),
            (403, "insufficientFilePermissions", "forbidden: Google refuses: Why not."),
            (429, "", "rate_limited: "),
            (400, "invalid", "invalid_arguments: Google refuses the request: Why not."),
            (500, "backendError", "upstream_down: Google answered with status 500"),
        ] {
            let text = of(status, reason);
            assert!(text.starts_with(said), "{text}");
        }
    }
}

//! What can go wrong with a request to GitHub: one variant for each thing that whoever asked can do
//! something about.

use http::{HeaderMap, StatusCode};
use lockkeeper_core::{ToolError, quoted};
use lockkeeper_http::HttpError;
use serde::Deserialize;

/// The most of GitHub's own words that an error repeats.
const MOST_SAID: usize = 600;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The policy hides the repository.
    #[error("{} is not there, or can't be seen from here", quoted(.asked))]
    Hidden { asked: String, rule: String },
    /// GitHub has no such thing, or doesn't show it to this token.
    #[error("{} is not there, or can't be seen from here", quoted(.asked))]
    NotFound { asked: String },
    /// The settings let no tool change the repository.
    #[error("{} is read-only here", quoted(.repo))]
    ReadOnly { repo: String, rule: String },
    /// A write to a public repository after private data and text of strangers were read.
    #[error(
        "{} is public, and this session has read private data ({private}) and text that strangers may \
         have written ({untrusted})", quoted(.repo)
    )]
    Tainted { repo: String, private: String, untrusted: String },
    /// A write with an address that could carry data to a stranger's host, after private data and text
    /// of strangers were read.
    #[error(
        "the text has an address at {} long enough to carry what was read in private", quoted(.host)
    )]
    Carries { host: String },
    /// Written by somebody whose text the settings withhold.
    #[error("{} is of people who have no say here, and withheld", quoted(.asked))]
    Withheld { asked: String },
    /// The same change was made several times just now.
    #[error("exactly this was done several times in the last minutes")]
    Repeated { retry_after: std::time::Duration },
    /// An argument that can't be used.
    #[error("{problem}")]
    Argument { problem: String },
    /// The token lacks a permission, which GitHub names.
    #[error("the token lacks a permission: {missing}")]
    ScopeMissing { missing: String },
    /// The organization demands single sign-on.
    #[error("the organization wants the token to be authorized for single sign-on")]
    SingleSignOn,
    /// Not for this user.
    #[error("GitHub refuses: {said}")]
    Forbidden { said: String },
    /// The token isn't one, or no longer.
    #[error("GitHub doesn't know the token")]
    Unauthorized,
    /// GitHub understood, and finds fault with it.
    #[error("GitHub refuses the arguments: {said}")]
    Invalid { said: String },
    /// It isn't as the request takes it to be.
    #[error("GitHub reports a conflict: {said}")]
    Conflict { said: String },
    /// The repository has another name now.
    #[error("{} was renamed or moved", quoted(.repo))]
    Moved { repo: String },
    /// What is read page by page is no longer the same.
    #[error("{what} changed since the last page")]
    Changed { what: &'static str },
    /// Deleted, or switched off.
    #[error("it is no longer there: {said}")]
    Gone { said: String },
    /// A fault of GitHub's.
    #[error("GitHub answered with status {status}: {said}")]
    Fault { status: u16, said: String },
    /// An answer that makes no sense.
    #[error("GitHub's answer makes no sense: {what}")]
    Answer { what: String },
    /// No answer.
    #[error(transparent)]
    Http(HttpError),
    /// No token.
    #[error("{0}")]
    Credential(ToolError),
}

impl SourceError {
    pub(crate) fn argument(problem: impl Into<String>) -> Self {
        Self::Argument { problem: problem.into() }
    }

    pub(crate) fn answer(what: impl Into<String>) -> Self {
        Self::Answer { what: what.into() }
    }

    /// What a status that is no success means.
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8], asked: &str) -> Self {
        let said = said(body);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN if header("x-github-sso").is_some() => Self::SingleSignOn,
            StatusCode::FORBIDDEN => match missing(&header, &said) {
                Some(missing) => Self::ScopeMissing { missing },
                None => Self::Forbidden { said },
            },
            // Outside repositories GitHub doesn't show what a token lacks the scope for; within one
            // that would tell that it exists.
            StatusCode::NOT_FOUND if !asked.contains('/') && lacks_scope(&header) => {
                Self::ScopeMissing { missing: missing(&header, &said).unwrap_or_default() }
            }
            StatusCode::NOT_FOUND => Self::NotFound { asked: asked.to_owned() },
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Self::Conflict { said },
            StatusCode::METHOD_NOT_ALLOWED => Self::Conflict { said },
            StatusCode::GONE | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => Self::Gone { said },
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Self::Invalid { said },
            status if status.is_redirection() => Self::Moved { repo: asked.to_owned() },
            status => Self::Fault { status: status.as_u16(), said },
        }
    }
}

/// The permission that would have let a request through. Fine-grained tokens and apps are told by
/// name; of a classic token its scopes and those that would do are known.
fn missing<'a>(header: &impl Fn(&str) -> Option<&'a str>, said: &str) -> Option<String> {
    let not_for_tokens = said.starts_with("Resource not accessible by");
    if let Some(accepted) = header("x-accepted-github-permissions")
        && not_for_tokens
        && !accepted.is_empty()
    {
        return Some(accepted.to_owned());
    }
    let (accepted, scopes) = (header("x-accepted-oauth-scopes")?, header("x-oauth-scopes")?);
    let list = |text: &'a str| text.split(',').map(str::trim).filter(|scope| !scope.is_empty());
    let has_one = list(accepted).any(|accepted| list(scopes).any(|scope| scope == accepted));
    (!accepted.is_empty() && !has_one).then(|| format!("one of the scopes {accepted}"))
}

/// Whether a classic token has none of the scopes that would do.
fn lacks_scope<'a>(header: &impl Fn(&str) -> Option<&'a str>) -> bool {
    header("x-oauth-scopes").is_some() && missing(header, "").is_some()
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: serde_json::Value,
}

/// GitHub's own words, in one line.
fn said(body: &[u8]) -> String {
    let Ok(Said { message, errors }) = serde_json::from_slice::<Said>(body) else {
        return "no reason given".to_owned();
    };
    let mut said = message;
    for error in errors.as_array().into_iter().flatten() {
        let text = |key: &str| error.get(key).and_then(|value| value.as_str());
        let one = match (error.as_str().or_else(|| text("message")), text("field"), text("code")) {
            (Some(message), Some(field), _) => format!("{field}: {message}"),
            (Some(message), None, _) => message.to_owned(),
            (None, Some(field), Some(code)) => format!("{field}: {code}"),
            _ => continue,
        };
        said.push_str(&format!("; {one}"));
    }
    let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    said.chars().take(MOST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> String {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        let error = SourceError::of(status, &headers.collect(), body.as_bytes(), "o/r");
        ToolError::from(error).text()
    }

    #[test]
    fn what_is_hidden_and_what_is_not_there_read_alike() {
        let hidden = SourceError::Hidden { asked: "o/r".to_owned(), rule: "deny".to_owned() };
        assert_eq!(ToolError::from(hidden).text(), of(404, &[], "{\"message\":\"Not Found\"}"));
    }

    #[test]
    fn a_missing_permission_is_named() {
        let message = "{\"message\":\"Resource not accessible by personal access token\"}";
        let fine = [("x-accepted-github-permissions", "issues=write")];
        assert!(
            of(403, &fine, message)
                .starts_with("scope_missing: the token lacks a permission: issues=write")
        );
        let classic = [("x-accepted-oauth-scopes", "repo"), ("x-oauth-scopes", "gist, read:org")];
        assert!(of(403, &classic, "{}").contains("one of the scopes repo"));
        let has_it = [("x-accepted-oauth-scopes", "repo"), ("x-oauth-scopes", "gist, repo")];
        let archived = "{\"message\":\"Repository was archived so is read-only.\"}";
        assert!(
            of(403, &has_it, archived).starts_with("forbidden: GitHub refuses: Repository was")
        );
        assert!(of(403, &[("x-github-sso", "required; url=x")], "{}").starts_with("sso_required"));
        // A gist that may not be made isn't found.
        let gist = [("x-accepted-oauth-scopes", "gist"), ("x-oauth-scopes", "repo")];
        let headers = gist.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers = headers.into_iter().collect();
        let error = SourceError::of(StatusCode::NOT_FOUND, &headers, b"{}", "gists");
        assert_eq!(error.to_string(), "the token lacks a permission: one of the scopes gist");
        assert!(of(404, &gist, "{}").starts_with("not_found_or_no_access"), "in a repository");
    }

    #[test]
    fn what_is_wrong_with_arguments_is_repeated() {
        let body = r#"{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"missing_field"},{"message":"A pull request already exists"},"plain"]}"#;
        let text = of(422, &[], body);
        assert!(
            text.contains(
                "Validation Failed; title: missing_field; A pull request already exists; plain"
            ),
            "{text}"
        );
        assert!(
            of(500, &[], "<html>")
                .starts_with("upstream_down: GitHub answered with status 500: no reason given")
        );
    }
}

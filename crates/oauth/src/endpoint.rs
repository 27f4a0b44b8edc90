//! What is asked of a token service (RFC 6749): one form, one JSON answer. Secrets go out in the
//! body, and what comes back is wrapped before anything else sees it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, CONTENT_TYPE};
use lockkeeper_core::Secret;
use lockkeeper_http::{Body, Http, Semantics};
use serde::Deserialize;
use tower::Service as _;

use crate::Token;
use crate::error::{AuthError, said};
use crate::provider::Provider;

/// The longest answer of a token service.
const LONGEST: usize = 64 * 1024;

/// A token that doesn't say when it ends is asked for again after this time.
const UNSAID: Duration = Duration::from_mins(5);

/// What a token service gave.
pub(crate) struct Given {
    pub(crate) access: Token,
    pub(crate) refresh: Option<Secret<String>>,
    pub(crate) expires: SystemTime,
    pub(crate) scopes: Option<Vec<String>>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("expires", &self.expires).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<u64>,
    scope: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Whom a token service is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) token_uri: &'a str,
}

/// Sends a form. `semantics` says whether it may be sent again: a code can be used once, a refresh
/// token of a provider that keeps it can be used any number of times.
pub(crate) async fn ask(
    http: &Http,
    asked: Asked<'_>,
    form: &[(&str, &str)],
    semantics: Semantics,
) -> Result<Given, AuthError> {
    let (ok, body) = post(http, asked.token_uri, form, semantics).await?;
    let answer: Answer = serde_json::from_slice(body.expose())
        .map_err(|_| AuthError::Answer { what: "it is not JSON" })?;
    if let Some(code) = answer.error {
        return Err(refusal(asked.provider, &code, answer.error_description.as_deref()));
    }
    if !ok {
        return Err(AuthError::Answer { what: "a failure without a reason" });
    }
    if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(AuthError::Answer { what: "a token that is no bearer token" });
    }
    let access = answer.access_token.filter(|token| is_token(token));
    let access = access.ok_or(AuthError::Answer { what: "no access token" })?;
    Ok(Given {
        access: Arc::new(Secret::new(access)),
        refresh: answer.refresh_token.map(Secret::new),
        expires: SystemTime::now() + answer.expires_in.map_or(UNSAID, Duration::from_secs),
        scopes: answer.scope.map(|scope| scope.split(' ').map(str::to_owned).collect()),
    })
}

/// Sends a form and takes no token: whether it was accepted.
pub(crate) async fn tell(
    http: &Http,
    address: &str,
    form: &[(&str, &str)],
) -> Result<bool, AuthError> {
    Ok(post(http, address, form, Semantics::Repeatable).await?.0)
}

async fn post(
    http: &Http,
    address: &str,
    form: &[(&str, &str)],
    semantics: Semantics,
) -> Result<(bool, Secret<Vec<u8>>), AuthError> {
    // Its own statement: a serializer stays on its thread, and must not live while we wait.
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = http::Request::post(address)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .extension(semantics)
        .body(Body::from(form))
        .map_err(|_| AuthError::Answer { what: "its address is none" })?;
    // It is always ready.
    let response = http.clone().call(request).await?;
    let ok = response.status().is_success();
    let body = response.into_body().collect(LONGEST).await?;
    Ok((ok, Secret::new(body.to_vec())))
}

/// What the `error` of a token service means.
pub(crate) fn refusal(provider: &Provider, code: &str, words: Option<&str>) -> AuthError {
    if code == "invalid_grant" {
        let said = words.map(|words| format!(": {}", said(words))).unwrap_or_default();
        let Provider { title, server, advice, .. } = *provider;
        return AuthError::InvalidGrant { title, server, said, advice };
    }
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    AuthError::Refused { said: said(&format!("{code}{words}")) }
}

/// Whether it can be sent in a header.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

//! Following redirects: few, never from https to http, never with a credential to another origin,
//! and never in a way that makes another request out of a change. Each hop goes through the whole
//! rest of the stack, so that whatever holds for a first request holds for it.

mod location;

use std::sync::Arc;

use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE,
    HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, RANGE, TRANSFER_ENCODING, USER_AGENT,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use tower::{ServiceExt as _, service_fn};

use self::location::resolve;
use crate::semantics::{self, Semantics, Unfollowed};
use crate::{Body, HttpError, Request, Response, Stack};

/// So many redirects are followed.
const MOST: usize = 5;

/// All that another origin gets to see of a request's headers. Any other may hold a credential.
const FOR_ANYONE: [HeaderName; 9] = [
    ACCEPT,
    ACCEPT_LANGUAGE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    RANGE,
    USER_AGENT,
];

/// In the extensions of a response: it came from another address than the one that was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redirected;

/// The layer.
pub(crate) fn redirects(inner: Stack) -> Stack {
    Stack::new(service_fn(move |request| follow(inner.clone(), request)))
}

async fn follow(inner: Stack, request: Request) -> Result<Response, HttpError> {
    if request.extensions().get::<Unfollowed>().is_some() {
        return inner.oneshot(request).await;
    }
    let (mut parts, mut body) = request.into_parts();
    let mut seen = Vec::new();
    // A change that was answered with "see other" was made: what follows only reads what came of
    // it. Many say "moved" or "found" and mean that, so these may have made it.
    let mut is_changed = false;
    let outcome = |error: HttpError, is_changed: bool| match error {
        error @ HttpError::OutcomeUnknown { .. } => error,
        error if is_changed => HttpError::OutcomeUnknown { source: Arc::new(error) },
        error => error,
    };
    loop {
        let again = body.try_clone();
        let hop = Request::from_parts(parts.clone(), body);
        let mut response =
            inner.clone().oneshot(hop).await.map_err(|error| outcome(error, is_changed))?;
        let Some(location) = location(&response) else {
            if !seen.is_empty() {
                response.extensions_mut().insert(Redirected);
            }
            return Ok(response);
        };
        let status = response.status();
        let sends_back = matches!(
            status,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER
        );
        is_changed |= sends_back && !semantics::reads(&parts);
        let next = next(&parts, status, location).map_err(|error| outcome(error, is_changed))?;
        seen.push((parts.method.clone(), parts.uri.clone()));
        body = turn(&mut parts, status, next, again).map_err(|error| outcome(error, is_changed))?;
        let is_loop = seen.iter().any(|(method, uri)| *method == parts.method && *uri == parts.uri);
        if is_loop {
            let error = HttpError::Redirect { reason: "it leads back to where it came from" };
            return Err(outcome(error, is_changed));
        }
        if seen.len() > MOST {
            return Err(outcome(HttpError::TooManyRedirects { limit: MOST }, is_changed));
        }
    }
}

/// Where a response sends its reader on to, if it does. A 308 without a place is Google's "go on
/// with the upload".
fn location(response: &Response) -> Option<&http::HeaderValue> {
    match response.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => response.headers().get(LOCATION),
        _ => None,
    }
}

fn next(parts: &Parts, status: StatusCode, to: &http::HeaderValue) -> Result<Uri, HttpError> {
    let refused = |reason| Err(HttpError::Redirect { reason });
    let Ok(to) = to.to_str() else { return refused("its address is not valid") };
    let next = resolve(&parts.uri, to)?;
    match (parts.uri.scheme_str(), next.scheme_str()) {
        (_, Some("https")) | (Some("http"), Some("http")) => {}
        (_, Some("http")) => return refused("it leads from https to http"),
        _ => return refused("it leads to something other than http"),
    }
    let keeps_method = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    match status {
        StatusCode::SEE_OTHER => {}
        // Clients differ in what they make of these, and some make a GET.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if !keeps_method => {
            return refused("a request that isn't a GET would become one");
        }
        _ if !keeps_method && !is_same_origin(&parts.uri, &next) => {
            return refused("a request with content would go to another host");
        }
        _ => {}
    }
    Ok(next)
}

/// Turns a request to its next address.
fn turn(
    parts: &mut Parts,
    status: StatusCode,
    next: Uri,
    again: Option<Body>,
) -> Result<Body, HttpError> {
    let body = if status == StatusCode::SEE_OTHER {
        if parts.method != Method::HEAD {
            parts.method = Method::GET;
        }
        for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE] {
            parts.headers.remove(name);
        }
        parts.headers.remove(TRANSFER_ENCODING);
        parts.extensions.remove::<Semantics>();
        Body::empty()
    } else {
        let reason = "its content was read while it was sent, and can't be sent again";
        again.ok_or(HttpError::Redirect { reason })?
    };
    parts.headers.remove(HOST);
    if !is_same_origin(&parts.uri, &next) {
        let mut kept = HeaderMap::new();
        for name in FOR_ANYONE {
            for value in parts.headers.get_all(&name).iter().filter(|value| !value.is_sensitive()) {
                kept.append(name.clone(), value.clone());
            }
        }
        parts.headers = kept;
    }
    parts.uri = next;
    Ok(body)
}

fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let origin = |uri: &Uri| {
        let port = uri.port_u16().or(match uri.scheme_str() {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        });
        Some((uri.scheme()?.clone(), uri.host()?.to_ascii_lowercase(), port?))
    };
    origin(one).is_some_and(|one| Some(one) == origin(other))
}

#[cfg(test)]
mod tests;

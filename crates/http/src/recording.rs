//! Conversations with a service, recorded once and played back in tests. It takes the place of a
//! transport: [`Layers`](crate::Layers) go around it. What is written is meant to be committed, so
//! no credential may be in it: headers are written by an allow-list, queries and bodies without what
//! looks like one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use lockkeeper_core::Outside;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::{ServiceExt as _, service_fn};

use crate::{HttpError, Request, Response, Stack};

/// The longest body that is recorded, bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// The request headers that are written.
const ASKED: [&str; 8] = [
    "accept",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "range",
    "user-agent",
    "x-github-api-version",
];

/// The response headers that are not written: credentials, and what is about the connection.
const NOT_TOLD: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "www-authenticate",
    "x-oauth-scopes",
];

/// The parts of a query that are left out, with all that holds one of these words.
const SECRET: [&str; 8] =
    ["token", "key", "secret", "sig", "password", "credential", "code", "assertion"];

/// The members of a body that are left out.
const GRANTED: [&str; 9] = [
    "access_token",
    "assertion",
    "client_secret",
    "code",
    "device_code",
    "id_token",
    "password",
    "refresh_token",
    "token",
];

/// A recorded conversation: a JSON file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cassette {
    exchanges: Vec<Exchange>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    request: Asked,
    response: Told,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    uri: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    body: Text,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    body: Text,
}

/// A body: as text if it is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Text {
    Text(String),
    Base64(String),
}

impl Default for Text {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Text {
    fn of(bytes: &Bytes) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self::Text(Outside::AS_DEFAULT.show(&without_grants(text)).text.into()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, HttpError> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Base64(text) => STANDARD.decode(text).map_err(failed),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

/// Passes requests on, and writes them with their answers to a file, anew.
pub fn record(inner: Stack, file: impl Into<PathBuf>) -> Stack {
    let (file, written) = (Arc::new(file.into()), Arc::new(Mutex::new(Cassette::default())));
    Stack::new(service_fn(move |request: Request| {
        let (inner, file, written) = (inner.clone(), Arc::clone(&file), Arc::clone(&written));
        async move {
            let (asked, request) = asked(request).await?;
            let (parts, body) = inner.oneshot(request).await?.into_parts();
            let body = body.collect(LONGEST).await?;
            let headers = headers(&parts.headers, |name| !NOT_TOLD.contains(&name));
            let told = Told { status: parts.status.as_u16(), headers, body: Text::of(&body) };
            let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
            written.exchanges.push(Exchange { request: asked, response: told });
            let text = serde_json::to_string_pretty(&*written).map_err(failed)?;
            #[expect(clippy::disallowed_methods, reason = "a file of the tests, not of a source")]
            std::fs::write(&*file, text + "\n").map_err(failed)?;
            Ok(Response::from_parts(parts, body.into()))
        }
    }))
}

/// Answers requests with what was recorded: each exchange once, equal ones in their order.
///
/// # Errors
///
/// If the file isn't a recording.
pub fn replay(file: impl Into<PathBuf>) -> Result<Stack, HttpError> {
    #[expect(clippy::disallowed_methods, reason = "a file of the tests, not of a source")]
    let text = std::fs::read_to_string(file.into()).map_err(failed)?;
    let cassette: Cassette = serde_json::from_str(&text).map_err(failed)?;
    let left = Arc::new(Mutex::new(cassette.exchanges));
    Ok(Stack::new(service_fn(move |request: Request| {
        let left = Arc::clone(&left);
        async move {
            let (asked, _) = asked(request).await?;
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(at) = left.iter().position(|exchange| exchange.request == asked) else {
                return Err(unmatched(&asked, &left));
            };
            let told = left.remove(at).response;
            let mut response = http::Response::builder().status(told.status);
            for (name, value) in &told.headers {
                response = response.header(name, value);
            }
            response.body(told.body.bytes()?.into()).map_err(failed)
        }
    })))
}

fn unmatched(asked: &Asked, left: &[Exchange]) -> HttpError {
    let name = |asked: &Asked| format!("{} {}", asked.method, asked.uri);
    let alike = |other: &Asked| {
        let (one, other) = (name(asked), name(other));
        one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
    };
    let nearest = left.iter().map(|exchange| &exchange.request).max_by_key(|other| alike(other));
    let nearest = match nearest {
        Some(other) if name(other) == name(asked) => {
            format!("`{}` has other headers or another body: {other:?}", name(other))
        }
        Some(other) => format!("the nearest that is left is `{}`", name(other)),
        None => "nothing is left in it".to_owned(),
    };
    HttpError::Recording { reason: format!("`{}` isn't recorded; {nearest}", name(asked)) }
}

/// A request as it is written, and once more to be sent.
async fn asked(request: Request) -> Result<(Asked, Request), HttpError> {
    let (parts, body) = request.into_parts();
    let body = body.collect(LONGEST).await?;
    let asked = Asked {
        method: parts.method.to_string(),
        uri: without_secrets(&parts.uri.to_string()),
        headers: headers(&parts.headers, |name| ASKED.contains(&name)),
        body: Text::of(&body),
    };
    Ok((asked, Request::from_parts(parts, body.into())))
}

fn headers(headers: &HeaderMap, is_written: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let mut written = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        if !is_written(name.as_str()) || value.is_sensitive() {
            continue;
        }
        let Ok(value) = value.to_str() else { continue };
        let value = without_secrets(value);
        written
            .entry(name.to_string())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(&value);
            })
            .or_insert(value);
    }
    written
}

/// An address, or any text with addresses in it, without the values that sign or authorize.
fn without_secrets(text: &str) -> String {
    let text = Outside::AS_DEFAULT.show(text).text.into_owned();
    let mut out = String::with_capacity(text.len());
    for (n, part) in text.split_inclusive(['?', '&', ' ', ',', '>', ';']).enumerate() {
        let named = part.split_once('=').filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            n > 0 && SECRET.iter().any(|word| name.contains(word))
        });
        let Some((name, value)) = named else {
            out.push_str(part);
            continue;
        };
        out.push_str(name);
        out.push_str("=left-out");
        out.extend(value.chars().last().filter(|last| "?& ,>;".contains(*last)));
    }
    out
}

/// A body without what services grant: JSON and forms name it.
fn without_grants(text: &str) -> String {
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        return if leave_out(&mut value) { value.to_string() } else { text.to_owned() };
    }
    if !text.contains('=') || text.contains(char::is_whitespace) {
        return text.to_owned();
    }
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if GRANTED.contains(&name) => format!("{name}=left-out"),
        _ => pair.to_owned(),
    };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// Whether anything was left out.
fn leave_out(value: &mut Value) -> bool {
    match value {
        Value::Object(members) => {
            let mut any = false;
            for (name, value) in members {
                if GRANTED.contains(&name.as_str()) && value.is_string() {
                    *value = "left-out".into();
                    any = true;
                } else {
                    any |= leave_out(value);
                }
            }
            any
        }
        Value::Array(items) => items.iter_mut().map(leave_out).filter(|any| *any).count() > 0,
        _ => false,
    }
}

fn failed(error: impl std::fmt::Display) -> HttpError {
    HttpError::Recording { reason: format!("the recording fails: {error}") }
}

#[cfg(test)]
mod tests;

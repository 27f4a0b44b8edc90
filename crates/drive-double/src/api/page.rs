//! Pages: a token says where the next one begins, and holds only for the request that it came from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::call::Call;
use crate::content::mixed;
use crate::error::{ApiError, Result};

/// How long a token holds.
const SECONDS: i64 = 3 * 3600;

/// The items of the page that was asked for, and the token of the next one.
pub(super) fn page<T>(
    call: &Call,
    now: i64,
    all: Vec<T>,
    size: usize,
) -> Result<(Vec<T>, Option<String>)> {
    let start = match call.parameter("pageToken") {
        Some(token) => position(call, now, token)
            .ok_or_else(|| ApiError::parameter("pageToken", "Invalid Value"))?,
        None => 0,
    };
    let left = all.len().saturating_sub(start);
    let next = (left > size).then(|| token(call, now, start + size));
    Ok((all.into_iter().skip(start).take(size).collect(), next))
}

fn token(call: &Call, now: i64, position: usize) -> String {
    let text = format!("{position}.{}.{:016x}", now, digest(call, position));
    format!("~!!~{}", URL_SAFE_NO_PAD.encode(text))
}

fn position(call: &Call, now: i64, token: &str) -> Option<usize> {
    let text = URL_SAFE_NO_PAD.decode(token.strip_prefix("~!!~")?).ok()?;
    let text = String::from_utf8(text).ok()?;
    let mut parts = text.split('.');
    let position = parts.next()?.parse().ok()?;
    let made: i64 = parts.next()?.parse().ok()?;
    let is_ours = parts.next()? == format!("{:016x}", digest(call, position));
    (is_ours && now - made <= SECONDS).then_some(position)
}

/// Everything of the request that decides what is on its pages.
fn digest(call: &Call, position: usize) -> u64 {
    let mut text = format!("{} {} {:?} {position}", call.method.id, call.caller.email, call.path);
    let mut query: Vec<&(String, String)> = call.query.iter().collect();
    query.sort();
    for (name, value) in query {
        if !matches!(name.as_str(), "pageToken" | "pageSize" | "fields" | "alt" | "prettyPrint") {
            text.push_str(&format!("\n{name}={value}"));
        }
    }
    text.bytes().fold(7, |sum, byte| mixed(sum ^ u64::from(byte)))
}

//! Content as an answer, whole or in part.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures_util::stream;

use super::build;
use crate::content::Content;
use crate::error::ApiError;

/// Content, or the part that a `Range` header asks for. More than one part at once is answered as all.
pub(super) fn media(
    content: &Content,
    kind: &str,
    range: Option<&str>,
) -> Result<Response, ApiError> {
    let length = content.len();
    let (status, from, end) = match range.map_or(Part::All, |range| part(range, length)) {
        Part::All => (200, 0, length),
        Part::Bytes(from, end) => (206, from, end),
        Part::Nothing => {
            let location = Some(("Range", "header"));
            let error = ApiError::at(
                416,
                "requestedRangeNotSatisfiable",
                "Request range not satisfiable",
                location,
            );
            return Err(error.with("content-range", &format!("bytes */{length}")));
        }
    };
    if from < end && content.piece(end - 1, end).is_none() {
        return Err(ApiError::text(500, "the double kept only the beginning of this upload"));
    }
    let mut headers = HeaderMap::new();
    let mut set = |name: header::HeaderName, value: String| {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, kind.to_owned());
    set(header::CONTENT_LENGTH, (end - from).to_string());
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    if status == 206 {
        set(header::CONTENT_RANGE, format!("bytes {from}-{}/{length}", end - 1));
    }
    let pieces = stream::unfold((content.clone(), from), move |(content, at)| async move {
        let piece = content.piece(at, end)?;
        let next = at + piece.len() as u64;
        Some((Ok::<Bytes, io::Error>(piece), (content, next)))
    });
    Ok(build(status, headers, Body::from_stream(pieces)))
}

/// What a `Range` header asks for.
enum Part {
    /// Nothing that is understood, so everything.
    All,
    /// First byte and end.
    Bytes(u64, u64),
    /// Bytes that there are none of.
    Nothing,
}

/// `bytes=a-b`, `a-` or `-n`.
fn part(header: &str, length: u64) -> Part {
    let halves = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let Some((first, last)) = halves else { return Part::All };
    let (first, last) = match (first, last, first.parse::<u64>(), last.parse::<u64>()) {
        ("", _, _, Ok(count)) => (length.saturating_sub(count), length),
        (_, "", Ok(first), _) => (first, length),
        (_, _, Ok(first), Ok(last)) if first <= last => (first, (last + 1).min(length)),
        _ => return Part::All,
    };
    if first < last { Part::Bytes(first, last) } else { Part::Nothing }
}

//! What a fault does to a request and to its answer.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::refusal;
use crate::error::{ApiError, Said};
use crate::fault::Act;

/// A fault's part before the work: waiting, or a refusal instead of it.
pub(crate) async fn before(fault: Option<&Act>, id: &str) -> Option<ApiError> {
    match fault? {
        Act::Delay(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
            None
        }
        Act::Silence => std::future::pending().await,
        Act::Refuse { status, reason, retry_after } => {
            let is_plain = *status >= 500 && (id.starts_with("upload.") || reason.is_none());
            let mut error = match reason {
                _ if is_plain => ApiError::text(*status, "Service Unavailable"),
                Some(reason) => ApiError::new(*status, reason, "It was made to fail."),
                None if *status == 401 => ApiError::no_token(),
                None if *status == 429 => {
                    ApiError::new(429, "rateLimitExceeded", "Rate Limit Exceeded")
                }
                None if id.starts_with("oauth.") => ApiError {
                    body: Said::Json(json!({ "error": "internal_failure" })),
                    ..ApiError::text(*status, "")
                },
                None => ApiError::new(*status, "backendError", "It was made to fail."),
            };
            if let Some(seconds) = retry_after {
                error = error.with("retry-after", &seconds.to_string());
            }
            Some(error)
        }
        Act::Lose(_) | Act::Cut(_) | Act::Take(_) => None,
    }
}

/// A fault's part after the work: another status, or an answer that breaks off.
pub(crate) fn after(fault: Option<&Act>, response: Response) -> Response {
    match fault {
        Some(Act::Lose(status)) => refusal(ApiError::text(*status, "Bad Gateway")),
        Some(Act::Cut(bytes)) => cut(response, *bytes),
        _ => response,
    }
}

fn cut(response: Response, bytes: u64) -> Response {
    let (head, body) = response.into_parts();
    let start = (body.into_data_stream(), Some(bytes));
    let pieces = stream::unfold(start, |(mut pieces, left)| async move {
        let left = left?;
        if left == 0 {
            // A pause, in which what was said before goes out.
            tokio::task::yield_now().await;
            return Some((Err(io::ErrorKind::ConnectionReset.into()), (pieces, None)));
        }
        let piece = pieces.next().await?.map_err(io::Error::other);
        let taken =
            piece.as_ref().map_or(0, Bytes::len).min(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - taken as u64;
        Some((piece.map(|piece| piece.slice(..taken)), (pieces, Some(left))))
    });
    Response::from_parts(head, Body::from_stream(pieces))
}

//! The circuit breaker around each attempt. What it is and when it opens is decided in core
//! ([`Upstream`]); this layer says what of HTTP speaks about the upstream's health.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use lockkeeper_core::{Attempt, Failure, Upstream};
use tower::{ServiceExt as _, service_fn};

use crate::{Body, HttpError, Request, Response, Stack};

/// An answer that got so far has shown that the upstream is there: its reader may take its time
/// for the rest without keeping others away, bytes.
const ENOUGH: usize = 64 * 1024;

/// An upstream that was given so long before a call's own time was up, and hasn't answered, has
/// failed. With less, the call came to it too late, which says nothing. Budgets may well be shorter
/// than the client's own limits, and an upstream that hangs must be found to under those too.
const CHANCE: Duration = Duration::from_secs(1);

/// The layer. Dropping what it returns, before or while the body is read, says nothing.
pub(crate) fn breaker(inner: Stack, upstream: Upstream) -> Stack {
    Stack::new(service_fn(move |request| watched(inner.clone(), upstream.clone(), request)))
}

async fn watched(
    inner: Stack,
    upstream: Upstream,
    request: Request,
) -> Result<Response, HttpError> {
    let attempt = upstream
        .admit()
        .map_err(|open| HttpError::BreakerOpen { retry_after: open.retry_after })?;
    let response = match inner.oneshot(request).await {
        Ok(response) => response,
        Err(error) => {
            settle(attempt, &error);
            return Err(error);
        }
    };
    if response.status().is_server_error() {
        attempt.failed(Failure::Faulty);
        return Ok(response);
    }
    // The body of a refusal or a redirect may be left unread: that it came is enough.
    if !response.status().is_success() || response.body().is_end_stream() {
        attempt.succeeded();
        return Ok(response);
    }
    Ok(response.map(|body| Body::stream(Watched { body, attempt: Some(attempt), read: 0 })))
}

/// Says what an error says about the upstream: often that it is in trouble, sometimes that it is
/// there, and sometimes nothing, as when the call's own time was nearly up already.
fn settle(attempt: Attempt, error: &HttpError) {
    match error {
        HttpError::NameNotFound { .. }
        | HttpError::Connect { .. }
        | HttpError::Proxy { .. }
        | HttpError::Tls { .. } => attempt.failed(Failure::Unreachable),
        HttpError::Timeout { .. } => attempt.failed(Failure::TimedOut),
        HttpError::Deadline { given, .. } if *given >= CHANCE => attempt.failed(Failure::TimedOut),
        HttpError::BrokenBeforeSend { .. }
        | HttpError::BrokenAfterSend { .. }
        | HttpError::Body { .. }
        | HttpError::BodyTruncated
        | HttpError::BodyEncoding { .. }
        | HttpError::Answer { .. } => attempt.failed(Failure::Broken),
        HttpError::BodyTooLarge { .. } | HttpError::RateLimited { .. } => attempt.succeeded(),
        _ => drop(attempt),
    }
}

/// A body that isn't known to come whole yet.
struct Watched {
    body: Body,
    attempt: Option<Attempt>,
    read: usize,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Err(error)) => {
                if let Some(attempt) = self.attempt.take() {
                    settle(attempt, error);
                }
            }
            Some(Ok(frame)) => self.read += frame.data_ref().map_or(0, Bytes::len),
            None => {}
        }
        // Readers of a known length don't come back for its end.
        let is_enough = frame.is_none() || self.read > ENOUGH || self.body.is_end_stream();
        if is_enough && let Some(attempt) = self.attempt.take() {
            attempt.succeeded();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;

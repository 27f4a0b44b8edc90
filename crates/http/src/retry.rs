//! Asking again, only where it is safe: what reads, what its maker marked as repeatable, and what
//! never left. A change that may have reached the upstream is sent once, whatever comes back or
//! doesn't; then the error is that its outcome isn't known. What an upstream asks to wait is waited
//! for if the call has the time, and said at once if it hasn't.

mod gate;
mod refusal;

use std::time::Duration;

use http::StatusCode;
use http::request::Parts;
use lockkeeper_core::{Backoff, Ongoing, Upstream};
use tokio::time::Instant;
use tower::{ServiceExt as _, service_fn};

use self::gate::{Gates, Key};
use self::refusal::{Refusal, UNSAID, refusal};
use crate::gather::{Gathered, gather};
use crate::semantics::{Streamed, is_repeatable, reads};
use crate::{Body, HttpError, Request, Response, Stack};

/// Answers up to this size are read before they are handed on, bytes: one that breaks off can then
/// be asked for again.
const WHOLE: usize = 1024 * 1024;

/// How long a request that no call is waiting for may take with all its retries.
const WITHOUT_CALL: Duration = Duration::from_secs(25);

/// The layer, around all that makes up one attempt.
pub(crate) fn retry(inner: Stack, upstream: Upstream) -> Stack {
    let retry = Retry { inner, upstream, gates: Gates::default() };
    Stack::new(service_fn(move |request| retry.clone().run(request)))
}

#[derive(Clone)]
struct Retry {
    inner: Stack,
    upstream: Upstream,
    gates: Gates,
}

/// What came of an attempt.
enum Came {
    /// What was asked for, or an answer that the same request would get again.
    Response(Response),
    /// A fault of the upstream: 408 or 5xx.
    Fault(Response),
    /// There were too many requests, so this one wasn't done.
    Refusal(Refusal),
    Error(HttpError),
}

impl Retry {
    async fn run(self, request: Request) -> Result<Response, HttpError> {
        let deadline = match Ongoing::current() {
            Some(ongoing) => Instant::from_std(ongoing.deadline()),
            None => Instant::now() + WITHOUT_CALL,
        };
        let (parts, mut body) = request.into_parts();
        let key = Key::of(&parts);
        let mut fate = Fate { changes: !reads(&parts), is_open: false };
        let mut backoff = self.upstream.backoff();
        loop {
            if let Some(retry_after) = self.gates.closed(key) {
                return fate.end(Came::Refusal(Refusal { after: Some(retry_after) }));
            }
            let again = body.try_clone();
            let came = self.attempt(&parts, body).await;
            if let Came::Refusal(Refusal { after: Some(after) }) = &came {
                self.gates.close(key, *after);
            }
            fate.note(&came);
            let again = again.filter(|_| is_repeatable(&parts) || never_left(&came));
            let Some(again) = again else { return fate.end(came) };
            let Some(pause) = pause(&came, &mut backoff, deadline) else { return fate.end(came) };
            drop(came);
            tokio::time::sleep(pause).await;
            self.upstream.retried();
            body = again;
        }
    }

    async fn attempt(&self, parts: &Parts, body: Body) -> Came {
        let request = Request::from_parts(parts.clone(), body);
        let response = match self.inner.clone().oneshot(request).await {
            Ok(response) => response,
            Err(error) => return Came::Error(error),
        };
        let response = match refusal(response).await {
            (_, Some(refusal)) => return Came::Refusal(refusal),
            (response, None) => response,
        };
        match response.status() {
            // These say that it will never do that, not that it couldn't now.
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {}
            StatusCode::REQUEST_TIMEOUT if is_repeatable(parts) => return Came::Fault(response),
            status if status.is_server_error() => return Came::Fault(response),
            _ => {}
        }
        let is_said = reads(parts) || response.status().is_client_error();
        let is_streamed = parts.extensions.get::<Streamed>().is_some();
        let (head, mut body) = response.into_parts();
        if is_repeatable(parts) && !is_streamed {
            body = match gather(body, WHOLE).await {
                Ok(Gathered::Whole(bytes)) => bytes.into(),
                Ok(Gathered::Longer(body)) => body,
                Err(error) => return Came::Error(error),
            };
        }
        Came::Response(Response::from_parts(
            head,
            if is_said { body } else { body.answering_change() },
        ))
    }
}

/// Whether nothing of the request can have reached the upstream.
fn never_left(came: &Came) -> bool {
    matches!(came, Came::Error(error) if !error.may_have_been_sent())
}

/// How long to wait before the next attempt, if one makes sense and there is time for it.
fn pause(came: &Came, backoff: &mut Backoff, deadline: Instant) -> Option<Duration> {
    let asked = match came {
        Came::Response(_) => return None,
        Came::Fault(_) => None,
        Came::Refusal(refusal) => Some(refusal.after.unwrap_or(UNSAID)),
        Came::Error(error) if may_pass(error) => None,
        Came::Error(_) => return None,
    };
    backoff.next(asked, deadline)
}

/// Whether an error may be gone the next time.
fn may_pass(error: &HttpError) -> bool {
    matches!(
        error,
        HttpError::NameNotFound { .. }
            | HttpError::Connect { .. }
            | HttpError::Proxy { .. }
            | HttpError::Timeout { .. }
            | HttpError::BrokenBeforeSend { .. }
            | HttpError::BrokenAfterSend { .. }
            | HttpError::Body { .. }
            | HttpError::BodyTruncated
            | HttpError::BodyEncoding { .. }
    )
}

/// What can be said of a request after all its attempts.
struct Fate {
    /// It changes something.
    changes: bool,
    /// An attempt may have reached the upstream, and nothing says what it did there.
    is_open: bool,
}

impl Fate {
    fn note(&mut self, came: &Came) {
        self.is_open |= match came {
            Came::Fault(response) => response.status() != StatusCode::REQUEST_TIMEOUT,
            Came::Error(HttpError::RateLimited { .. }) => false,
            Came::Error(error) => error.may_have_been_sent(),
            Came::Response(_) | Came::Refusal(_) => false,
        };
    }

    /// What the operation ends with if there is no further attempt. An earlier one counts too: that
    /// the last one never left says nothing about the first.
    fn end(&self, came: Came) -> Result<Response, HttpError> {
        let error = match came {
            Came::Response(response) => return Ok(response),
            Came::Fault(response) if !self.changes => return Ok(response),
            Came::Fault(response) => HttpError::Fault { status: response.status().as_u16() },
            Came::Refusal(refusal) => {
                HttpError::RateLimited { retry_after: refusal.after.unwrap_or(UNSAID) }
            }
            Came::Error(error) => error,
        };
        Err(if self.changes && self.is_open { error.unknown() } else { error })
    }
}

#[cfg(test)]
mod tests;

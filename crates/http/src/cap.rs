//! The most that a response's body may be: what goes over it is an error, never cut silently. It
//! counts what its reader gets, so it stands around the decoding.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tower::{ServiceExt as _, service_fn};

use crate::semantics::MaxBody;
use crate::{Body, HttpError, Request, Response, Stack};

/// The layer; `limit` holds for requests that don't set [`MaxBody`].
pub(crate) fn cap(inner: Stack, limit: u64) -> Stack {
    Stack::new(service_fn(move |request| capped(inner.clone(), limit, request)))
}

async fn capped(inner: Stack, limit: u64, request: Request) -> Result<Response, HttpError> {
    let limit = request.extensions().get::<MaxBody>().map_or(limit, |max| max.0);
    let is_head = request.method() == http::Method::HEAD;
    let response = inner.oneshot(request).await?;
    // What the body says of its own length; what it says wrong comes out while it is read.
    if !is_head && response.body().size_hint().lower() > limit {
        return Err(HttpError::BodyTooLarge { limit });
    }
    if response.body().is_end_stream() {
        return Ok(response);
    }
    Ok(response.map(|body| Body::stream(Capped { body, limit, left: limit })))
}

struct Capped {
    body: Body,
    limit: u64,
    left: u64,
}

impl http_body::Body for Capped {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                // Nothing more of it is read: dropping it closes its connection.
                self.body = Body::empty();
                return Poll::Ready(Some(Err(HttpError::BodyTooLarge { limit: self.limit })));
            };
            self.left = left;
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

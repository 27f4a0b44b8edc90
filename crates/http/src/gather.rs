//! Reading a body to its end if it is short, and handing it on as it was if it isn't.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::{Body, HttpError};

/// A body of which no more than a limit was read.
pub(crate) enum Gathered {
    /// All of it.
    Whole(Bytes),
    /// It is longer: all of it, still to be read.
    Longer(Body),
}

/// Reads at most `limit` bytes ahead, and nothing if the body says that it is longer. Trailers are
/// dropped.
pub(crate) async fn gather(mut body: Body, limit: usize) -> Result<Gathered, HttpError> {
    if body.size_hint().lower() > limit as u64 {
        return Ok(Gathered::Longer(body));
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        read.extend_from_slice(&data);
        if read.len() > limit {
            let rest = Resumed { read: read.freeze(), rest: body };
            return Ok(Gathered::Longer(Body::stream(rest)));
        }
    }
    Ok(Gathered::Whole(read.freeze()))
}

impl Body {
    /// A body that broke off before its first byte.
    pub(crate) fn failed(error: HttpError) -> Self {
        let end = futures_util::future::ready(Err::<Frame<Bytes>, _>(error));
        Self::stream(http_body_util::StreamBody::new(futures_util::stream::once(end)))
    }
}

/// A body whose beginning was read ahead.
struct Resumed {
    read: Bytes,
    rest: Body,
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if !self.read.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.read)))));
        }
        Pin::new(&mut self.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.read.len() as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_longer_body_stays_whole() {
        for (text, limit, is_whole) in [("", 0, true), ("abc", 3, true), ("abcd", 3, false)] {
            let body = Body::stream(Body::from(text));
            let gathered = gather(body, limit).await.unwrap();
            let (whole, body) = match gathered {
                Gathered::Whole(bytes) => (true, Body::from(bytes)),
                Gathered::Longer(body) => (false, body),
            };
            assert_eq!(whole, is_whole, "{text}");
            assert_eq!(body.collect(100).await.unwrap(), text);
        }
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_resumed() {
        let pieces = ["ab", "cd", "ef"].map(|piece| Ok::<_, HttpError>(Frame::data(piece.into())));
        let pieces = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
        let body = Body::stream(pieces);
        let Gathered::Longer(body) = gather(body, 3).await.unwrap() else { panic!() };
        assert_eq!(body.size_hint().lower(), 4);
        assert_eq!(body.collect(100).await.unwrap(), "abcdef");
    }
}

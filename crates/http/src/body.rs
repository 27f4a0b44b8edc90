//! Bodies of requests and responses. A body is either bytes, which can be sent again, or a stream,
//! which can be sent once: the retry layer asks which. It copies nothing.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Limited};

use crate::error::{BoxError, HttpError};

/// A request's or response's body.
#[derive(Default)]
pub struct Body {
    kind: Kind,
    /// It answers a change: whatever is wrong with it, the change may have been made, and nobody
    /// should read "try again" out of that.
    answers_change: bool,
}

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    Stream(BoxBody<Bytes, HttpError>),
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Kind::Empty.into()
    }

    /// A body that is read as it is sent, and can be sent once. What its source says when it fails
    /// becomes [`HttpError::Body`], unless it is an [`HttpError`] already.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        Kind::Stream(body.map_err(|error| HttpError::of_body(error.into())).boxed()).into()
    }

    /// Any body: one of at most `limit` bytes, by its own account, is read at once and can then be
    /// sent again; a longer one stays a stream.
    pub async fn buffered<B>(body: B, limit: usize) -> Result<Self, HttpError>
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let short = body.size_hint().upper().is_some_and(|upper| upper <= limit as u64);
        if !short {
            return Ok(Self::stream(body));
        }
        let body = Limited::new(body, limit).collect().await.map_err(HttpError::of_body)?;
        Ok(Self::from(body.to_bytes()))
    }

    /// The same body once more, if it can be sent more than once.
    pub fn try_clone(&self) -> Option<Self> {
        match &self.kind {
            Kind::Empty => Some(Self::empty()),
            Kind::Bytes(bytes) => Some(Kind::Bytes(bytes.clone()).into()),
            Kind::Stream(_) => None,
        }
    }

    /// All of it, unless it is longer than `limit` bytes.
    pub async fn collect(self, limit: usize) -> Result<Bytes, HttpError> {
        let answers_change = self.answers_change;
        let collected = self.kind.collect(limit).await;
        collected.map_err(|error| if answers_change { error.unknown() } else { error })
    }

    /// The body of an answer to a change.
    pub(crate) fn answering_change(self) -> Self {
        Self { answers_change: true, ..self }
    }
}

impl Kind {
    async fn collect(self, limit: usize) -> Result<Bytes, HttpError> {
        let too_large = || HttpError::BodyTooLarge { limit: limit as u64 };
        let body = match self {
            Self::Empty => return Ok(Bytes::new()),
            Self::Bytes(bytes) if bytes.len() > limit => return Err(too_large()),
            Self::Bytes(bytes) => return Ok(bytes),
            Self::Stream(body) => body,
        };
        let collected = Limited::new(body, limit).collect().await;
        let collected = collected.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                return too_large();
            }
            HttpError::of_body(error)
        })?;
        Ok(collected.to_bytes())
    }
}

impl From<Kind> for Body {
    fn from(kind: Kind) -> Self {
        Self { kind, answers_change: false }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Kind::Empty } else { Kind::Bytes(bytes) }.into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(body) => {
                let frame = Pin::new(body).poll_frame(cx);
                let of_change = self.answers_change;
                frame.map_err(|error| if of_change { error.unknown() } else { error })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Bytes(_) => false,
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    /// What a body holds is nobody's business but its reader's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Empty => "Body(empty)",
            Kind::Bytes(_) => "Body(bytes)",
            Kind::Stream(_) => "Body(stream)",
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    #[tokio::test]
    async fn bytes_can_be_sent_again_and_streams_can_not() {
        let body = Body::from("abc");
        assert_eq!(body.size_hint().exact(), Some(3));
        let again = body.try_clone().unwrap();
        assert_eq!(body.collect(3).await.unwrap(), "abc");
        assert_eq!(again.collect(3).await.unwrap(), "abc");
        let stream = Body::stream(Body::from("abc"));
        assert!(stream.try_clone().is_none());
        let short = Body::buffered(stream, 3).await.unwrap();
        assert!(short.try_clone().is_some());
        let long = Body::buffered(Body::stream(Body::from("abcd")), 3).await.unwrap();
        assert!(long.try_clone().is_none());
        assert!(Body::empty().try_clone().is_some());
    }

    #[tokio::test]
    async fn nothing_longer_than_asked_for_is_collected() {
        for body in [Body::from("abcd"), Body::stream(Body::from("abcd"))] {
            let error = body.collect(3).await.unwrap_err();
            assert!(matches!(error, HttpError::BodyTooLarge { limit: 3 }), "{error:?}");
        }
    }
}

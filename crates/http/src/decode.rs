//! Compression on the way: asks for gzip and undoes it, piece by piece. No step makes more than
//! [`STEP`] bytes, whatever the compressed bytes claim, so that what reads the body (the cap) can
//! stop a bomb early. A layer around this one never sees an encoding that its caller didn't ask for.

use std::io::{self, BufRead, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use flate2::bufread::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, RANGE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body::{Body as _, Frame};
use tower::{ServiceExt as _, service_fn};

use crate::{Body, HttpError, Request, Response, Stack};

/// How much is decoded at once, bytes.
const STEP: usize = 16 * 1024;

/// The end of a response's body is the end of its connection: nobody can tell whether it is whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unframed;

/// The layer.
pub(crate) fn decode(inner: Stack) -> Stack {
    Stack::new(service_fn(move |request| decoded(inner.clone(), request)))
}

async fn decoded(inner: Stack, mut request: Request) -> Result<Response, HttpError> {
    let is_head = request.method() == Method::HEAD;
    let headers = request.headers_mut();
    // Whoever asks for an encoding wants it, and the range of an encoded text decodes to nothing.
    let ours = !headers.contains_key(ACCEPT_ENCODING) && !headers.contains_key(RANGE);
    if ours {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let mut response = inner.oneshot(request).await?;
    if is_unframed(&response) {
        response.extensions_mut().insert(Unframed);
    }
    let is_empty = is_head
        || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || response.body().is_end_stream();
    if !ours || is_empty {
        return Ok(response);
    }
    match encoding(response.headers()) {
        Encoding::None => Ok(response),
        Encoding::Other => Err(HttpError::Answer { reason: "nobody asked for its encoding" }),
        Encoding::Gzip => {
            let (mut parts, body) = response.into_parts();
            parts.headers.remove(CONTENT_ENCODING);
            parts.headers.remove(CONTENT_LENGTH);
            parts.extensions.remove::<Unframed>();
            Ok(Response::from_parts(parts, Body::stream(Gunzip::new(body))))
        }
    }
}

fn is_unframed(response: &Response) -> bool {
    let headers = response.headers();
    response.version() <= Version::HTTP_11
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
        && !response.body().is_end_stream()
}

enum Encoding {
    None,
    Gzip,
    Other,
}

fn encoding(headers: &HeaderMap) -> Encoding {
    let values = headers.get_all(CONTENT_ENCODING).into_iter();
    let mut named = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let Some(first) = named.next() else { return Encoding::None };
    let is = |name: &str| first.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    if named.next().is_some() {
        Encoding::Other
    } else if is("gzip") || is("x-gzip") {
        Encoding::Gzip
    } else if is("identity") || is("") {
        Encoding::None
    } else {
        Encoding::Other
    }
}

/// A body without its compression.
struct Gunzip {
    body: Body,
    decoder: MultiGzDecoder<Input>,
    has_begun: bool,
    is_over: bool,
}

impl Gunzip {
    fn new(body: Body) -> Self {
        let decoder = MultiGzDecoder::new(Input::default());
        Self { body, decoder, has_begun: false, is_over: false }
    }

    fn fail(&mut self, error: HttpError) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.is_over = true;
        Poll::Ready(Some(Err(error)))
    }
}

impl http_body::Body for Gunzip {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        while !this.is_over {
            if this.has_begun {
                let mut step = vec![0; STEP];
                match this.decoder.read(&mut step) {
                    Ok(0) => break,
                    Ok(length) => {
                        step.truncate(length);
                        return Poll::Ready(Some(Ok(Frame::data(step.into()))));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return this.fail(HttpError::BodyTruncated);
                    }
                    Err(error) => {
                        let source = Arc::new(error);
                        return this.fail(HttpError::BodyEncoding { encoding: "gzip", source });
                    }
                }
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers say nothing that anybody here reads.
                    let piece = frame.into_data().unwrap_or_default();
                    this.has_begun |= !piece.is_empty();
                    this.decoder.get_mut().piece = piece;
                }
                Some(Err(error)) => return this.fail(error),
                // No bytes at all are no text, as well as the compressed form of none.
                None if !this.has_begun => break,
                None => this.decoder.get_mut().is_over = true,
            }
        }
        this.is_over = true;
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

/// What has come and isn't decoded yet.
#[derive(Default)]
struct Input {
    piece: Bytes,
    is_over: bool,
}

impl BufRead for Input {
    /// Nothing, as long as more may come, is no end: the decoder keeps its state over that error.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() && !self.is_over {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        self.piece.advance(amount);
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests;

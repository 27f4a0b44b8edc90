//! The stream beneath the driver, with a bound on what the server may send at once. The driver
//! collects a whole message before it hands it on, and a single row may be a gigabyte: a message
//! that is announced as too long ends the connection before it is in memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest message, bytes: a row, an error, a notification.
pub(crate) const LONGEST_MESSAGE: u64 = 8 * 1024 * 1024;

/// Type and length of a message.
const HEADER: usize = 5;

/// How long the message was that ended a connection; 0 if none was too long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overlong(Arc<AtomicU64>);

impl Overlong {
    /// Its bytes, if there was one.
    pub(crate) fn bytes(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }
}

/// A stream of backend messages, from the first one after the negotiation of TLS.
pub(crate) struct Bounded<S> {
    stream: S,
    frames: Frames,
}

impl<S> Bounded<S> {
    pub(crate) fn new(stream: S, overlong: Overlong) -> Self {
        Self { stream, frames: Frames { header: [0; HEADER], have: 0, body: 0, overlong } }
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }
}

/// Where in which message the stream stands.
struct Frames {
    header: [u8; HEADER],
    have: usize,
    /// What is left of the current message.
    body: u64,
    overlong: Overlong,
}

impl Frames {
    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.body > 0 {
                let part = usize::try_from(self.body).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(part..).unwrap_or_default();
                self.body -= part as u64;
                continue;
            }
            let part = (HEADER - self.have).min(bytes.len());
            let (head, rest) = bytes.split_at_checked(part).unwrap_or_default();
            if let Some(place) = self.header.get_mut(self.have..self.have + part) {
                place.copy_from_slice(head);
            }
            self.have += part;
            bytes = rest;
            if self.have == HEADER {
                let [_, length @ ..] = self.header;
                // The length counts itself.
                let body = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
                if body > LONGEST_MESSAGE {
                    self.overlong.0.store(body, Ordering::Relaxed);
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a message is too long",
                    ));
                }
                (self.have, self.body) = (0, body);
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        Poll::Ready(this.frames.pass(buffer.filled().get(before..).unwrap_or_default()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: usize) -> Vec<u8> {
        let length = u32::try_from(body + 4).unwrap().to_be_bytes();
        [b"D".as_slice(), &length, &vec![7; body]].concat()
    }

    #[test]
    fn messages_pass_however_they_are_cut() {
        let stream = [message(0), message(300), message(1), message(70_000)].concat();
        for part in [1, 2, 3, 5, 7, 64, 4096, stream.len()] {
            let mut bounded = Bounded::new((), Overlong::default());
            for piece in stream.chunks(part) {
                bounded.frames.pass(piece).unwrap();
            }
            assert_eq!((bounded.frames.have, bounded.frames.body), (0, 0), "parts of {part}");
        }
    }

    #[test]
    fn a_message_is_too_long_before_it_is_there() {
        let overlong = Overlong::default();
        let mut bounded = Bounded::new((), overlong.clone());
        bounded.frames.pass(&message(10)).unwrap();
        assert_eq!(overlong.bytes(), None);
        let header = [b'D', 0x40, 0, 0, 4];
        bounded.frames.pass(&header[..4]).unwrap();
        bounded.frames.pass(&header[4..]).unwrap_err();
        assert_eq!(overlong.bytes(), Some(0x4000_0000));
    }
}

//! HTTP/1.1 messages as they are on the wire, for services that must be able to get them wrong.
//! It reads what our own clients and services send, and is no defence against anybody.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The most that a head may have.
const HEAD: usize = 64 * 1024;
/// The most of a request's body that is taken.
pub(crate) const BODY: usize = 4 * 1024 * 1024;
/// How much of a body is passed on at once.
const PIECE: usize = 16 * 1024;

/// The first line of a message and its fields, names in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), fields: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.fields.retain(|(known, _)| known != name);
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The word of the first line with this number: method, path; version, status.
    pub(crate) fn word(&self, number: usize) -> &str {
        self.line.split(' ').nth(number).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let fields = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{}\r\n{}\r\n", self.line, fields.collect::<String>()).into_bytes()
    }

    /// How long the body is that follows.
    pub(crate) fn framing(&self) -> Framing {
        let is_answer = self.line.starts_with("HTTP/");
        let is_bare = is_answer && matches!(self.word(1), "204" | "304");
        if is_bare {
            Framing::Length(0)
        } else if self.value("transfer-encoding").is_some() {
            Framing::Chunked
        } else if let Some(length) = self.value("content-length") {
            Framing::Length(length.parse().unwrap_or_default())
        } else if is_answer {
            Framing::UntilClose
        } else {
            Framing::Length(0)
        }
    }
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// A request with its whole body.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// One side of a conversation.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    /// What was read and isn't used yet.
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next request; none if the other side has said its last.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(head) = self.head().await? else { return Ok(None) };
        let mut framing = head.framing();
        let mut body = Vec::new();
        while let Some(piece) = self.piece(&mut framing).await? {
            body.extend(piece);
            if body.len() > BODY {
                return Err(invalid("a body beyond all bounds"));
            }
        }
        Ok(Some(Request { head, body }))
    }

    /// The next head; none if the other side has said its last.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > HEAD {
                return Err(invalid("a head beyond all bounds"));
            }
            if !self.fill().await? {
                let is_whole = self.buffer.is_empty();
                return if is_whole { Ok(None) } else { Err(cut()) };
            }
        };
        let bytes: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.trim_end().split("\r\n");
        let mut head = Head::new(lines.next().unwrap_or_default());
        head.fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Some(head))
    }

    /// The next piece of a body, without what frames it; none at its end.
    pub(crate) async fn piece(&mut self, framing: &mut Framing) -> io::Result<Option<Vec<u8>>> {
        match framing {
            Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                let piece = self.some(*left).await?.ok_or_else(cut)?;
                *left -= piece.len();
                Ok(Some(piece))
            }
            Framing::UntilClose => self.some(PIECE).await,
            Framing::Chunked => {
                let line = self.line().await?;
                let size = line.split(';').next().unwrap_or_default();
                let size = usize::from_str_radix(size, 16).map_err(|_| invalid("no chunk"))?;
                let mut chunk = Vec::new();
                while chunk.len() < size {
                    chunk.extend(self.some(size - chunk.len()).await?.ok_or_else(cut)?);
                }
                self.line().await?;
                if size == 0 {
                    *framing = Framing::Length(0);
                }
                Ok((size > 0).then_some(chunk))
            }
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Returns once the other side has gone. Dropped before that, nothing is lost.
    pub(crate) async fn gone(&mut self) {
        while self.buffer.len() <= BODY && self.fill().await.unwrap_or(false) {}
    }

    /// Waits; the error says that the other side has gone meanwhile.
    pub(crate) async fn pause(&mut self, time: Duration) -> io::Result<()> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.gone() => Err(cut()),
        }
    }

    /// Breaks the connection off: the other side gets a reset, not an end.
    pub(crate) fn reset(self) {
        // If it can't be set, the connection is broken already.
        drop(self.stream.set_zero_linger());
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                let bytes: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Ok(String::from_utf8_lossy(&bytes).trim().to_owned());
            }
            if self.buffer.len() > HEAD || !self.fill().await? {
                return Err(cut());
            }
        }
    }

    /// At most so many bytes, at least one; none at the end.
    async fn some(&mut self, most: usize) -> io::Result<Option<Vec<u8>>> {
        if self.buffer.is_empty() && !self.fill().await? {
            return Ok(None);
        }
        Ok(Some(self.buffer.drain(..most.min(self.buffer.len())).collect()))
    }

    /// Reads more; false at the end.
    async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(PIECE);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the other side has gone")
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

//! Content on its way in: in one request with its metadata, or in a session, chunk by chunk.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::call::Call;
use crate::content::Incoming;

/// What a session takes for good; what is left over of an interrupted chunk is forgotten.
pub(crate) const GRAIN: usize = 256 * 1024;

/// An upload session, of which one chunk comes at a time.
pub(crate) type Shared = Arc<Mutex<Session>>;

/// An upload session.
#[derive(Debug)]
pub(crate) struct Session {
    /// What is done when all is there.
    pub(crate) call: Option<Call>,
    pub(crate) mime_type: Option<String>,
    pub(crate) total: Option<u64>,
    incoming: Incoming,
    pending: Vec<u8>,
    /// What was answered in the end.
    pub(crate) done: Option<Value>,
}

/// What a chunk says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkRange {
    /// How far is it? With the length of the whole, if that is known.
    Probe(Option<u64>),
    /// First byte, end, and the length of the whole, if that is known.
    Bytes(u64, u64, Option<u64>),
}

impl Session {
    pub(crate) fn new(call: Call, mime_type: Option<String>, total: Option<u64>) -> Self {
        Self {
            call: Some(call),
            mime_type,
            total,
            incoming: Incoming::default(),
            pending: Vec::new(),
            done: None,
        }
    }

    /// How many bytes are there for good.
    pub(crate) fn kept(&self) -> u64 {
        self.incoming.len()
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while self.pending.len() + bytes.len() >= GRAIN {
            let (now, later) = bytes.split_at(GRAIN - self.pending.len());
            self.pending.extend_from_slice(now);
            self.incoming.push(&self.pending);
            self.pending.clear();
            bytes = later;
        }
        self.pending.extend_from_slice(bytes);
    }

    /// A chunk broke off.
    pub(crate) fn interrupt(&mut self) {
        self.pending.clear();
    }

    /// All is there.
    pub(crate) fn take(&mut self) -> Incoming {
        let mut incoming = std::mem::take(&mut self.incoming);
        incoming.push(&std::mem::take(&mut self.pending));
        incoming
    }
}

impl ChunkRange {
    /// `bytes 0-99/200`, `bytes 0-99/*`, `bytes */200`, `bytes */*`.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (range, total) = header.strip_prefix("bytes ")?.split_once('/')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        if range == "*" {
            return Some(Self::Probe(total));
        }
        let (first, last) = range.split_once('-')?;
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let fits = first <= last && total.is_none_or(|total| last < total);
        fits.then_some(Self::Bytes(first, last + 1, total))
    }
}

/// The parts of `multipart/related`: metadata and content. Lines may end with a line feed alone, as
/// Google's Python client writes them, and there may be an empty line before the first part.
pub(crate) fn parts(
    kind: &str,
    body: &Bytes,
) -> Option<(Map<String, Value>, Bytes, Option<String>)> {
    let boundary = kind.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = find(body.get(from..)?, delimiter.as_bytes()) {
        let at = from + at;
        if at == 0 || body.get(at - 1) == Some(&b'\n') {
            places.push(at);
        }
        from = at + delimiter.len();
    }
    let [first, second, end] = places.as_slice() else { return None };
    let (_, metadata) = part(&body.slice(first + delimiter.len()..*second))?;
    let (headers, content) = part(&body.slice(second + delimiter.len()..*end))?;
    let header = |name: &str| {
        let mut lines = headers.lines();
        let line = lines.find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let content = match header("content-transfer-encoding").as_deref() {
        Some("base64") => {
            use base64::Engine as _;
            let text: Vec<u8> =
                content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            base64::engine::general_purpose::STANDARD.decode(text).ok()?.into()
        }
        _ => content,
    };
    Some((serde_json::from_slice(&metadata).ok()?, content, header("content-type")))
}

/// The headers of a part and what it holds, without the line end that belongs to the next delimiter.
fn part(bytes: &Bytes) -> Option<(String, Bytes)> {
    let start = find(bytes, b"\n")? + 1;
    let rest = bytes.slice(start..);
    let (head, skip) = [&b"\r\n\r\n"[..], b"\n\n"]
        .iter()
        .filter_map(|end| Some((find(&rest, end)?, end.len())))
        .min()?;
    let headers = String::from_utf8(rest.get(..head)?.to_vec()).ok()?;
    let mut end = rest.len().checked_sub(1)?;
    if end > head + skip && rest.get(end - 1) == Some(&b'\r') {
        end -= 1;
    }
    Some((headers, rest.slice(head + skip..end.max(head + skip))))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_python_and_rust_write_them() {
        let python = "--=x=\nContent-Type: application/json\nMIME-Version: 1.0\n\n{\"name\": \"n\"}\n\
                      --=x=\nContent-Type: text/plain\nContent-Transfer-Encoding: binary\n\n\
                      one\r\ntwo\n\n--=x=--";
        let rust = "\r\n--=x=\r\nContent-Length: 12\r\nContent-Type: application/json\r\n\r\n\
                    {\"name\":\"n\"}\r\n--=x=\r\nContent-Type: text/plain\r\n\r\none\r\ntwo\n\r\n--=x=--\r\n";
        let coded = "--=x=\r\ncontent-type: application/json\r\n\r\n{\"name\":\"n\"}\r\n--=x=\r\n\
                     content-type: text/plain\r\ncontent-transfer-encoding: base64\r\n\r\n\
                     b25lDQp0\r\nd28K\r\n--=x=--";
        for text in [python, rust, coded] {
            let kind = "multipart/related; boundary=\"=x=\"";
            let (metadata, content, kind) = parts(kind, &Bytes::from(text)).unwrap();
            assert_eq!(metadata["name"], "n");
            assert_eq!(content, "one\r\ntwo\n");
            assert_eq!(kind.as_deref(), Some("text/plain"));
        }
        assert!(parts("multipart/related; boundary=y", &Bytes::from(python)).is_none());
        assert!(parts("multipart/related", &Bytes::from(python)).is_none());
    }

    #[test]
    fn ranges_of_chunks_are_read() {
        assert_eq!(ChunkRange::parse("bytes 0-99/200"), Some(ChunkRange::Bytes(0, 100, Some(200))));
        assert_eq!(ChunkRange::parse("bytes 5-5/*"), Some(ChunkRange::Bytes(5, 6, None)));
        assert_eq!(ChunkRange::parse("bytes */7"), Some(ChunkRange::Probe(Some(7))));
        assert_eq!(ChunkRange::parse("bytes */*"), Some(ChunkRange::Probe(None)));
        for wrong in ["bytes=0-1/2", "bytes 2-1/5", "bytes 0-5/5", "bytes 0-/5", "0-1/2"] {
            assert_eq!(ChunkRange::parse(wrong), None, "{wrong}");
        }
    }
}

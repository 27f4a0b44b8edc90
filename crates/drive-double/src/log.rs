//! What came.

use bytes::Bytes;
use serde::Serialize;

/// A request, as it came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Seen {
    /// The id of the method, or what the double calls it (`upload.chunk`, `oauth.token`); empty if it is
    /// neither.
    pub id: String,
    /// `GET` and so on.
    pub verb: String,
    /// The path, as it was on the wire.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, of uploads nothing.
    #[serde(skip)]
    pub body: Bytes,
    /// How many bytes the body had, as far as it was read.
    pub received: u64,
    /// What was answered; 0 if nothing was yet.
    pub status: u16,
}

impl Seen {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

//! What went through the proxy, for tests to look at afterwards.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::script::Fault;
use crate::message::Request;

/// How many requests are kept; older ones are only counted.
const KEPT: usize = 4096;
/// How much of a body is kept.
const BODY: usize = 1024;

/// A request that reached the proxy.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection it came on, from 1.
    pub connection: u64,
    /// Its method.
    pub method: String,
    /// Its path with the query.
    pub path: String,
    /// Its header fields, names in lower case, but for values of credentials.
    pub fields: Vec<(String, String)>,
    /// Its body, at most 1 KiB of it.
    pub body: Vec<u8>,
    /// What was done with it.
    pub fault: Fault,
    /// Whether the upstream got it.
    pub forwarded: bool,
    /// When it was complete.
    pub at: Instant,
}

impl Seen {
    pub(super) fn new(connection: u64, request: &Request, fault: Fault) -> Self {
        let secret =
            |name: &str| matches!(name, "authorization" | "cookie" | "proxy-authorization");
        let fields = request.head.fields.iter().map(|(name, value)| {
            (name.clone(), if secret(name) { String::new() } else { value.clone() })
        });
        Self {
            connection,
            method: request.head.word(0).to_owned(),
            path: request.head.word(1).to_owned(),
            fields: fields.collect(),
            body: request.body.get(..BODY).unwrap_or(&request.body).to_vec(),
            forwarded: false,
            fault,
            at: Instant::now(),
        }
    }

    /// A header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The last requests, and how many there were of each kind.
#[derive(Debug, Default)]
pub(super) struct Book {
    seen: VecDeque<Seen>,
    /// The number of the first that is kept.
    first: u64,
    faults: BTreeMap<&'static str, u64>,
}

impl Book {
    /// Enters a request and returns its number.
    pub(super) fn enter(&mut self, seen: Seen) -> u64 {
        *self.faults.entry(seen.fault.name()).or_default() += 1;
        if self.seen.len() == KEPT {
            self.seen.pop_front();
            self.first += 1;
        }
        self.seen.push_back(seen);
        self.total() - 1
    }

    /// Notes that a request has gone to the upstream.
    pub(super) fn forwarded(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(seen) = index.and_then(|index| self.seen.get_mut(index)) {
            seen.forwarded = true;
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.first + self.seen.len() as u64
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.iter().cloned().collect()
    }

    pub(super) fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.clone()
    }
}

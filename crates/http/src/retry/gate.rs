//! What an upstream asked all of us to wait for. Without it, each call would find out by itself,
//! with one more request that is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::request::Parts;
use tokio::time::Instant;

use crate::fingerprint::Fingerprint;
use crate::semantics::Quota;

/// So many gates are kept; there is one for each host, credential and quota.
const MOST: usize = 64;

/// Until when which requests aren't made. Clones are the same gates.
#[derive(Debug, Clone, Default)]
pub(super) struct Gates(Arc<Mutex<BTreeMap<Key, Instant>>>);

/// Which requests share a gate: those to the same host with the same credential, of the same quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(parts: &Parts) -> Self {
        let mut key = Fingerprint::default();
        key.add(parts.uri.scheme_str().unwrap_or_default());
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        key.add(authority.unwrap_or_default().to_ascii_lowercase());
        key.add(parts.extensions.get::<Quota>().map_or("", |quota| quota.0));
        key.add_header(&parts.headers, &AUTHORIZATION);
        Self(key.finish())
    }
}

impl Gates {
    /// How long there must be no such request, if there must be none now.
    pub(super) fn closed(&self, key: Key) -> Option<Duration> {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = gates.get(&key)?.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left)
    }

    /// No such request for so long.
    pub(super) fn close(&self, key: Key, wait: Duration) {
        let now = Instant::now();
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, until| *until > now);
        let until = gates.entry(key).or_insert(now);
        *until = (*until).max(now + wait);
        if gates.len() > MOST {
            let first = gates.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key);
            first.map(|key| gates.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &str, credential: &str, quota: Option<Quota>) -> Key {
        let mut request = http::Request::get(uri).header(AUTHORIZATION, credential);
        if let Some(quota) = quota {
            request = request.extension(quota);
        }
        Key::of(&request.body(()).unwrap().into_parts().0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_is_for_a_host_a_credential_and_a_quota() {
        let gates = Gates::default();
        let one = key("https://a/x", "1", None);
        gates.close(one, Duration::from_secs(5));
        gates.close(one, Duration::from_secs(2));
        assert_eq!(gates.closed(key("https://A/y?z", "1", None)), Some(Duration::from_secs(5)));
        for other in [
            key("https://b/x", "1", None),
            key("https://a:8443/x", "1", None),
            key("http://a/x", "1", None),
            key("https://a/x", "2", None),
            key("https://a/x", "1", Some(Quota("search"))),
        ] {
            assert_eq!(gates.closed(other), None);
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(gates.closed(one), None);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_only_so_many() {
        let gates = Gates::default();
        for n in 0..1_000_u64 {
            gates.close(key("https://a/", &n.to_string(), None), Duration::from_secs(n + 1));
        }
        assert_eq!(gates.0.lock().unwrap().len(), MOST);
        assert!(gates.closed(key("https://a/", "999", None)).is_some());
    }
}

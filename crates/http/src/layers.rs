//! The layers in their order. From the outside in: the cache, redirects, retries; then, around each
//! attempt, the breaker, the trace, the cap and the decoding. Each knows only what it is for; what
//! they mean for each other is this order.

use std::sync::Arc;

use lockkeeper_core::Upstream;

use crate::Stack;
use crate::breaker::breaker;
use crate::cache::{Cache, cache};
use crate::cap::cap;
use crate::decode::decode;
use crate::redirect::redirects;
use crate::retry::retry;
use crate::trace::trace;

/// What the layers over a connection do.
#[derive(Debug, Clone)]
pub struct Layers {
    /// The service, as core watches it.
    pub upstream: Upstream,
    /// What is kept of its answers, and a digest of whom they are for: principal and policy.
    pub cache: Option<(Cache, [u8; 32])>,
    /// The hosts that the caller's trace goes on to: the service's own, without ports.
    pub traced: Arc<[String]>,
    /// The longest body of a response, decoded, where its request doesn't set
    /// [`MaxBody`](crate::MaxBody).
    pub max_body: u64,
}

impl Layers {
    /// Puts them around what makes one attempt of a request.
    pub fn around(self, transport: Stack) -> Stack {
        // Everything that can go wrong with a body goes wrong inside the breaker and the retry.
        let attempt = cap(decode(trace(transport, self.traced)), self.max_body);
        let attempt = breaker(attempt, self.upstream.clone());
        // Each hop of a redirect is a request of its own, with retries of its own.
        let operation = redirects(retry(attempt, self.upstream.clone()));
        match self.cache {
            Some((kept, partition)) => cache(operation, kept, self.upstream, partition),
            None => operation,
        }
    }
}

#[cfg(test)]
mod tests;

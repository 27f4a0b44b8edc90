//! What whoever makes a request says of it beyond its method and headers, as extensions of the
//! request: the layers read them.

use http::Method;
use http::request::Parts;

/// What a request does, where its method doesn't tell. Without it, GET, HEAD and OPTIONS read, and
/// all else is a change that must not be made twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    /// It only reads, as a GraphQL query by POST does.
    Reads,
    /// It changes something, and made twice has the effect of once: the upstream knows it again
    /// (an idempotency key), or sets a state (a chunk of an upload at its place).
    Repeatable,
    /// It changes something, although its method says otherwise.
    Once,
}

/// The longest body that a response to this request may have, in bytes, decoded. Without it, the
/// client's own limit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxBody(pub u64);

/// The response's body is read piece by piece: it is neither kept nor waited for as a whole, and
/// one that breaks off is not asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed;

/// A redirect is an answer like any other, and handed back: for requests that may only be made to what
/// their maker has checked by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfollowed;

/// The quota of the upstream that a request uses up, where it has several: being out of searches
/// says nothing about other requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota(pub &'static str);

/// Whether a request changes nothing at the upstream.
pub(crate) fn reads(parts: &Parts) -> bool {
    match parts.extensions.get::<Semantics>() {
        Some(Semantics::Reads) => true,
        Some(Semantics::Repeatable | Semantics::Once) => false,
        None => matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS),
    }
}

/// Whether a request that may have reached the upstream may be sent again.
pub(crate) fn is_repeatable(parts: &Parts) -> bool {
    reads(parts) || parts.extensions.get() == Some(&Semantics::Repeatable)
}

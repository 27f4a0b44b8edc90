//! Outbound HTTP: the one way in which connector servers speak with services elsewhere. A stack of
//! [`tower::Service`]s from [`Request`] to [`Response`], each layer with one duty, over one connector
//! that checks every address it dials. It knows no service in particular and no MCP.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make files and servers"))]

mod body;
mod breaker;
mod bridge;
mod cache;
mod cap;
mod client;
mod connect;
mod decode;
mod dial;
mod error;
mod fingerprint;
mod gather;
mod layers;
mod proxy;
#[cfg(any(test, feature = "testing"))]
pub mod recording;
mod redirect;
mod retry;
#[cfg(test)]
mod scripted;
mod semantics;
pub mod tls;
mod trace;
mod transport;

pub use body::Body;
pub use bridge::{Bridge, Bridged};
pub use cache::{Cache, CacheSettings};
pub use client::{Builder, Http};
pub use dial::DestinationError;
pub use error::{BoxError, HttpError, Phase};
pub use layers::Layers;
pub use semantics::{MaxBody, Quota, Semantics, Streamed, Unfollowed};
pub use transport::Timeouts;

/// What goes through the layers.
pub type Request = http::Request<Body>;
/// What comes back through them.
pub type Response = http::Response<Body>;

/// A stack of layers, or a part of one, whatever its layers are: each is a
/// `tower::Service<Request, Response = Response, Error = HttpError>`.
///
/// A layer reads the call it works for ([`Ongoing::current`](lockkeeper_core)) inside the future
/// that it returns, never in `Service::call`: clients may put a task of their own in between.
pub type Stack = tower::util::BoxCloneSyncService<Request, Response, HttpError>;

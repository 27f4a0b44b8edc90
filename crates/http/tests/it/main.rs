//! The stack against real servers on this machine.
#![expect(clippy::disallowed_methods, reason = "tests make files and servers")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

mod faults;
mod limits;
mod secure;
mod server;
mod vendors;

use lockkeeper_core::{Environment, Network};
use lockkeeper_http::{Body, Builder, Http, HttpError, Response, Streamed};
use tower::ServiceExt as _;

/// A client that may contact this server alone.
fn client(server: &str) -> Builder {
    let upstream = Environment::default().upstream("service");
    Http::builder(upstream, &Network::default()).named_host(server).unwrap()
}

async fn send(http: &Http, method: &str, uri: &str, body: Body) -> Result<Response, HttpError> {
    let request = http::Request::builder().method(method).uri(uri).body(body).unwrap();
    http.clone().oneshot(request).await
}

/// A GET whose answer is read by its caller, and by no layer before.
async fn stream(http: &Http, uri: &str) -> Result<Response, HttpError> {
    let request = http::Request::get(uri).extension(Streamed).body(Body::empty()).unwrap();
    http.clone().oneshot(request).await
}

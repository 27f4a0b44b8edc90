//! How everything is put together: settings into one client for one remote service, which all code of
//! a server shares. It knows the order of the layers and nothing of what they do.

use std::path::PathBuf;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use lockkeeper_core::{Network, Ports, Reach, Upstream};
use tower::ServiceExt as _;

use crate::body::Body;
use crate::cache::Cache;
use crate::connect::{self, Resolve, Tls, system_resolver};
use crate::dial::{DestinationError, Destinations};
use crate::error::{BoxError, HttpError};
use crate::layers::Layers;
use crate::proxy::Proxies;
use crate::tls::Roots;
use crate::transport::{Timeouts, Transport};
use crate::{Request, Response, Stack};

/// Bodies of requests up to this length are kept until the response is there, to be sent again.
const REPLAYABLE: usize = 1024 * 1024;

/// The longest body of a response, decoded, whose request doesn't say otherwise.
const LONGEST_BODY: u64 = 32 * 1024 * 1024;

/// How many requests one host gets at once.
const CONCURRENCY: usize = 8;

/// A client for one remote service. Clones share connections.
#[derive(Clone)]
pub struct Http {
    stack: Stack,
    upstream: Upstream,
    reach: Reach,
}

/// What a client is made of.
pub struct Builder {
    upstream: Upstream,
    destinations: Destinations,
    network: Network,
    certificates: Vec<PathBuf>,
    timeouts: Timeouts,
    concurrency: usize,
    cache: Option<(Cache, [u8; 32])>,
    max_body: u64,
    resolve: Resolve,
}

impl Http {
    /// Begins a client for this upstream, in the network that the environment describes. No host may be
    /// contacted until it is named.
    pub fn builder(upstream: Upstream, network: &Network) -> Builder {
        Builder {
            upstream,
            destinations: Destinations::default(),
            network: network.clone(),
            certificates: Vec::new(),
            timeouts: Timeouts::default(),
            concurrency: CONCURRENCY,
            cache: None,
            max_body: LONGEST_BODY,
            resolve: system_resolver(),
        }
    }

    /// The service that it speaks with, as core watches it.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// What it reaches outside the process.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }
}

impl Builder {
    /// A host that the program itself names, such as `https://api.example.com`, or a family of them,
    /// such as `https://*.example.com`. It is contacted at public addresses only. Traces go on to
    /// hosts, and not to families: those are where redirects lead.
    pub fn host(mut self, host: &str) -> Result<Self, DestinationError> {
        self.destinations.add_host(host, false)?;
        Ok(self)
    }

    /// A host that whoever runs the server names. It may be at a private address, and plain `http://` on
    /// this machine.
    pub fn named_host(mut self, host: &str) -> Result<Self, DestinationError> {
        self.destinations.add_host(host, true)?;
        Ok(self)
    }

    /// A network, or one address, that whoever runs the server names: hosts may be there although it is
    /// private.
    pub fn network(mut self, network: &str) -> Result<Self, DestinationError> {
        self.destinations.add_network(network)?;
        Ok(self)
    }

    /// Trusts the certificates in this file, too.
    #[must_use]
    pub fn certificates(mut self, file: PathBuf) -> Self {
        self.certificates.push(file);
        self
    }

    /// Other time limits.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Another number of requests to one host at once.
    #[must_use]
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// Keeps answers in this cache, for whom `partition` is a digest of: principal and policy.
    #[must_use]
    pub fn cache(mut self, cache: Cache, partition: [u8; 32]) -> Self {
        self.cache = Some((cache, partition));
        self
    }

    /// Another limit for bodies of responses whose requests have no [`MaxBody`](crate::MaxBody).
    #[must_use]
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = bytes;
        self
    }

    /// The client. It connects nowhere and reads nothing before its first request.
    pub fn build(self) -> Http {
        let roots = Roots { files: self.certificates, ..Roots::system(&self.network) };
        let proxies = Proxies::new(&self.network);
        let mut ports: Vec<u16> = self.destinations.ports().chain(proxies.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        let reach = Reach { read: roots.reach(), ports: Ports::Fixed(ports), ..Reach::default() };
        let traced = self.destinations.names().collect();
        let connector = connect::Parts {
            destinations: self.destinations,
            proxies,
            resolve: self.resolve,
            tls: Tls::new(roots),
            timeout: self.timeouts.connect,
        };
        let transport = Transport::new(connector, self.timeouts, self.concurrency);
        let upstream = self.upstream.clone();
        let layers = Layers { upstream, cache: self.cache, traced, max_body: self.max_body };
        let stack = layers.around(Stack::new(transport));
        Http { stack, upstream: self.upstream, reach }
    }
}

/// Requests with bodies of any make, as the clients of vendors send them.
impl<B> tower::Service<http::Request<B>> for Http
where
    B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = HttpError;
    type Future = BoxFuture<'static, Result<Response, HttpError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        // Always: a client that asks for its turn on a task of its own must not wait for others.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let stack = self.stack.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = Body::buffered(body, REPLAYABLE).await?;
            stack.oneshot(Request::from_parts(parts, body)).await
        })
    }
}

#[cfg(test)]
mod tests;

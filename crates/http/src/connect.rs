//! The connector: from the address of a request to a connection that carries it. The only code that
//! opens sockets. Each new connection looks its name up, has every address checked, and dials those
//! that are left; nothing is remembered of an earlier look.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;

use crate::dial::{Destinations, Target};
use crate::error::{HttpError, Phase};
use crate::proxy::{Proxies, Proxy};
use crate::tls::{self, Roots};

/// An address that doesn't answer is given this long until the next one is tried beside it (RFC 8305).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Names are looked up by so many threads at most. A look-up can't be broken off.
const LOOKUPS: usize = 4;

/// At so many addresses of one name a connection is tried.
const MOST_ADDRESSES: usize = 8;

/// Looks a name up.
pub(crate) type Resolve =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) Arc<Parts>);

/// What connections are made with.
pub(crate) struct Parts {
    pub(crate) destinations: Destinations,
    pub(crate) proxies: Proxies,
    pub(crate) resolve: Resolve,
    pub(crate) tls: Tls,
    pub(crate) timeout: Duration,
}

/// The TLS configuration, made with the first connection that needs it: reading the system's
/// certificates takes time and memory that a server's start doesn't have.
pub(crate) struct Tls {
    roots: Roots,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(crate) fn new(roots: Roots) -> Self {
        Self { roots, config: OnceCell::new() }
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, tls::TlsError> {
        let make = || async {
            let roots = self.roots.clone();
            let made = tokio::task::spawn_blocking(move || roots.client_config()).await;
            let mut config = made.unwrap_or(Err(tls::TlsError::NoRoots))?;
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Ok(Arc::new(config))
        };
        self.config.get_or_try_init(make).await.map(Arc::clone)
    }
}

/// The system's resolver.
pub(crate) fn system_resolver() -> Resolve {
    let threads = Arc::new(Semaphore::new(LOOKUPS));
    Arc::new(move |host, port| {
        let threads = Arc::clone(&threads);
        Box::pin(async move {
            let thread = threads.acquire_owned().await.map_err(io::Error::other)?;
            let look_up = move || {
                let _thread = thread;
                std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port))
                    .map(Iterator::collect)
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    })
}

impl Parts {
    async fn connect(&self, uri: &Uri) -> Result<Io, HttpError> {
        let target = Target::of(uri)?;
        let made = tokio::time::timeout(self.timeout, self.reach(&target)).await;
        made.unwrap_or_else(|_| {
            let (host, limit) = (target.to_string(), self.timeout);
            Err(HttpError::Timeout { host, phase: Phase::Connect, limit })
        })
    }

    async fn reach(&self, target: &Target) -> Result<Io, HttpError> {
        self.destinations.admit(target)?;
        let stream: Stream = if let Some(proxy) = self.proxies.take(target) {
            self.tunnel(proxy, target).await?
        } else {
            let addresses = self.look_up(target).await?;
            Box::new(dial(target, self.destinations.allowed(target, addresses)?).await?)
        };
        if !target.secure {
            return Ok(Io { stream: TokioIo::new(stream), is_h2: false });
        }
        let (stream, is_h2) = self.secure(target, stream).await?;
        Ok(Io { stream: TokioIo::new(stream), is_h2 })
    }

    async fn look_up(&self, target: &Target) -> Result<Vec<SocketAddr>, HttpError> {
        if let Some(address) = target.address {
            return Ok(vec![SocketAddr::new(address, target.port)]);
        }
        (self.resolve)(target.host.clone(), target.port).await.map_err(|error| {
            HttpError::NameNotFound { host: target.to_string(), source: Some(Arc::new(error)) }
        })
    }

    /// A connection through the proxy. The proxy's address is the operator's own word and may be
    /// private; the target's is looked up by the proxy, out of our sight.
    async fn tunnel(&self, proxy: &Proxy, target: &Target) -> Result<Stream, HttpError> {
        let Some(place) = &proxy.place else {
            let reason =
                "its address is not understood; only http and https proxies are".to_owned();
            return Err(HttpError::Proxy { host: target.to_string(), reason });
        };
        let addresses = self.look_up(place).await?;
        let mut stream: Stream =
            Box::new(dial(place, Destinations::proxy(place, addresses)?).await?);
        if place.secure {
            stream = self.secure(place, stream).await?.0;
        }
        proxy.connect(&mut stream, target).await?;
        Ok(stream)
    }

    async fn secure(&self, target: &Target, stream: Stream) -> Result<(Stream, bool), HttpError> {
        let host = || target.to_string();
        let config = self.tls.config().await.map_err(|error| HttpError::Tls {
            host: host(),
            reason: error.to_string(),
            source: None,
        })?;
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| HttpError::Invalid { reason: "its host is no valid name" })?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            let reason = tls::explain(&error);
            HttpError::Tls { host: host(), reason, source: Some(Arc::new(error)) }
        })?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), is_h2))
    }
}

/// Dials addresses in turn, each a little after the one before, and takes what answers first.
async fn dial(target: &Target, addresses: Vec<SocketAddr>) -> Result<TcpStream, HttpError> {
    let mut waiting = interleaved(addresses).into_iter().take(MOST_ADDRESSES);
    let mut dialling = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        match waiting.next() {
            Some(address) => dialling.push(TcpStream::connect(address)),
            None if dialling.is_empty() => break,
            None => {}
        }
        let is_last = waiting.len() == 0;
        let next = async {
            if is_last {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(NEXT_ADDRESS).await;
        };
        tokio::select! {
            dialled = dialling.next() => match dialled {
                Some(Ok(stream)) => {
                    // A small request must not wait for the acknowledgement of another one.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY");
                    }
                    return Ok(stream);
                }
                Some(Err(error)) => failure = error,
                None => {}
            },
            () = next => {}
        }
    }
    Err(HttpError::Connect { host: target.to_string(), source: Arc::new(failure) })
}

/// The addresses with both families in turn, in the resolver's order otherwise.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return all;
        }
        all.extend(pair.0);
        all.extend(pair.1);
    }
}

impl tower::Service<Uri> for Connector {
    type Response = Io;
    type Error = HttpError;
    type Future = BoxFuture<'static, Result<Io, HttpError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let parts = Arc::clone(&self.0);
        Box::pin(async move { parts.connect(&uri).await })
    }
}

/// A stream of any make: plain, encrypted, or encrypted within another.
type Stream = Box<dyn ReadWrite>;

trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for S {}

/// A connection as hyper takes it.
pub(crate) struct Io {
    stream: TokioIo<Stream>,
    is_h2: bool,
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("is_h2", &self.is_h2).finish_non_exhaustive()
    }
}

impl Connection for Io {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.is_h2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|address| address.parse().unwrap()).collect()
        };
        let mixed = parse(&["[2606::1]:1", "[2606::2]:1", "[2606::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        let expected =
            parse(&["[2606::1]:1", "1.1.1.1:1", "[2606::2]:1", "1.1.1.2:1", "[2606::3]:1"]);
        assert_eq!(interleaved(mixed), expected);
        assert_eq!(interleaved(Vec::new()), Vec::new());
    }
}

//! Metrics over HTTP, on a loopback address: `GET /metrics` and `GET /healthz`. A page in a browser
//! of this machine must not be able to read them (the `Host` it sends is its own), and no client
//! can hold anything for long: few connections, one request each, short heads, little time. It
//! takes nothing but the first line and `Host` from a request.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::instance::Lifecycle;

/// Connections at once; others wait for their turn.
const CONNECTIONS: usize = 8;
/// A connection may take so long in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest head of a request, bytes.
const LONGEST_HEAD: usize = 8 << 10;
/// After this system has no descriptor left, or the like.
const PAUSE: Duration = Duration::from_secs(1);

/// A bound address.
pub(crate) struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

/// What can be asked.
pub(crate) struct Health<'a, T, L> {
    pub(crate) text: &'a T,
    pub(crate) lifecycle: &'a L,
}

impl Listener {
    /// Binds `address`. To be called before the sandbox closes.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that the system chose if none was named.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for as long as the server runs.
    pub(super) async fn serve<T, L>(&self, health: &Health<'_, T, L>)
    where
        T: Fn() -> String,
        L: Fn() -> Lifecycle,
    {
        let listener = self.listener.try_clone().and_then(TcpListener::from_std);
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "metrics are not served");
                return;
            }
        };
        tracing::info!(address = %self.address, "metrics are served");
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                    Ok((stream, _)) => connections.push(timeout(PATIENCE, answer(stream, health))),
                    Err(error) => {
                        tracing::debug!(%error, "a connection for metrics was lost");
                        sleep(PAUSE).await;
                    }
                },
                Some(ended) = connections.next() => {
                    if let Ok(Err(error)) = ended {
                        tracing::debug!(%error, "a client for metrics went away");
                    }
                }
            }
        }
    }
}

/// One request and its answer.
async fn answer<T, L>(mut stream: TcpStream, health: &Health<'_, T, L>) -> io::Result<()>
where
    T: Fn() -> String,
    L: Fn() -> Lifecycle,
{
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    let end = loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let before = head.len().saturating_sub(3);
        head.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let found = memchr::memmem::find(head.get(before..).unwrap_or_default(), b"\r\n\r\n");
        let end = found.map(|at| before + at);
        if end.unwrap_or(head.len()) > LONGEST_HEAD {
            break None;
        }
        if end.is_some() {
            break end;
        }
    };
    let response = match end.and_then(|end| head.get(..end)) {
        Some(head) => respond(head, health),
        None => Response::error("431 Request Header Fields Too Large"),
    };
    stream.write_all(&response.bytes()).await?;
    stream.shutdown().await?;
    // What the client still sends is taken away: unread, it would make the system reset the
    // connection, and the answer with it.
    for _ in 0..LONGEST_HEAD / buffer.len() {
        if stream.read(&mut buffer).await? == 0 {
            break;
        }
    }
    Ok(())
}

struct Response {
    status: &'static str,
    kind: &'static str,
    body: String,
    head_only: bool,
}

impl Response {
    fn error(status: &'static str) -> Self {
        let body = format!("{status}\n");
        Self { status, kind: PLAIN, body, head_only: false }
    }

    fn bytes(self) -> Vec<u8> {
        let Self { status, kind, body, head_only } = self;
        let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
        let mut bytes = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        if !head_only {
            bytes.push_str(&body);
        }
        bytes.into_bytes()
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What to say to a request, of which this is all up to the empty line.
fn respond<T, L>(head: &[u8], health: &Health<'_, T, L>) -> Response
where
    T: Fn() -> String,
    L: Fn() -> Lifecycle,
{
    let Some((method, target, host)) = parse(head) else {
        return Response::error("400 Bad Request");
    };
    if !host.is_none_or(is_loopback) {
        return Response::error("403 Forbidden");
    }
    let path = target.split('?').next().unwrap_or_default();
    if !matches!(path, "/metrics" | "/healthz") {
        return Response::error("404 Not Found");
    }
    if !matches!(method, "GET" | "HEAD") {
        return Response::error("405 Method Not Allowed");
    }
    let head_only = method == "HEAD";
    if path == "/metrics" {
        return Response { status: "200 OK", kind: METRICS, body: (health.text)(), head_only };
    }
    let lifecycle = (health.lifecycle)();
    let status = match lifecycle {
        Lifecycle::Ready | Lifecycle::Degraded => "200 OK",
        _ => "503 Service Unavailable",
    };
    Response { status, kind: PLAIN, body: format!("{}\n", lifecycle.as_str()), head_only }
}

/// Method, target and `Host` of a request; `None` if it is none, or has two hosts.
fn parse(head: &[u8]) -> Option<(&str, &str, Option<&str>)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target, version) = (first.next()?, first.next()?, first.next()?);
    if first.next().is_some() || !target.starts_with('/') || !version.starts_with("HTTP/1.") {
        return None;
    }
    let mut host = None;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("host") && host.replace(value.trim()).is_some() {
            return None;
        }
    }
    Some((method, target, host))
}

/// Whether a `Host` names this machine itself, rather than a name that somebody made lead here.
pub(crate) fn is_loopback(host: &str) -> bool {
    if host.is_empty() {
        return true;
    }
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

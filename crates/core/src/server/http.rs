//! Serving over Streamable HTTP, on a loopback address and to who has the token. rmcp speaks the
//! protocol; here is what stands before it: who may come in, how much, and the gate that lines of
//! standard input have. Beyond this machine a gateway has to serve.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap,
    HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::model::ProtocolVersion;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{GRACE, LONGEST_FLUSH};
use crate::decode;
use crate::handler::{Admission, Handler};
use crate::instance::Lifecycle;
use crate::metrics::{Noted, OTHER_METHOD};
use crate::pipeline::Pipeline;
use crate::scrape::is_loopback;
use crate::secret::Secret;
use crate::state::random;
use crate::wire::{ArgumentsText, MAX_LINE, arguments_text};

/// Connections at once; a subscription holds one. Others wait.
const CONNECTIONS: usize = 128;
/// Sessions of clients before 2026-07-28 at once. One that is silent for 5 minutes ends.
const SESSIONS: usize = 64;
/// The head of a request comes within this time, and so does its body after it.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this system has no descriptor left, or the like.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest head of a request, bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// A token that is shorter could be guessed.
const SHORTEST_TOKEN: usize = 16;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Where `serve --http` serves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpAddress(SocketAddr);

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address: SocketAddr = text
            .trim()
            .parse()
            .map_err(|_| "an address and a port are needed, such as 127.0.0.1:8000".to_owned())?;
        if !address.ip().is_loopback() {
            return Err("only loopback addresses are served, 127.0.0.1 or [::1]: to be reached \
                from elsewhere, put an MCP gateway with TLS and users before it"
                .to_owned());
        }
        Ok(Self(address))
    }
}

/// A bound address. To be made before the sandbox closes.
pub(crate) struct Endpoint {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Endpoint {
    pub(crate) fn bind(HttpAddress(address): HttpAddress) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Knows the token without keeping it, and compares in constant time.
pub(crate) struct Doorkeeper {
    key: Vec<u8>,
    tag: Vec<u8>,
}

impl Doorkeeper {
    pub(crate) fn new(token: &Secret<String>) -> Result<Self, &'static str> {
        let token = token.expose().trim();
        if token.len() < SHORTEST_TOKEN {
            return Err("the token for HTTP is too short: at least 16 characters");
        }
        let key = random(32);
        let tag = Self::mac(&key, token.as_bytes()).finalize().into_bytes().to_vec();
        Ok(Self { key, tag })
    }

    fn mac(key: &[u8], token: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::new_from_slice(key).expect("a key");
        mac.update(token);
        mac
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes) else {
            return false;
        };
        let Some((scheme, token)) = value.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ")
            && Self::mac(&self.key, token).verify_slice(&self.tag).is_ok()
    }
}

/// What serves over HTTP, and says how it is.
pub(crate) struct Serving<S: 'static> {
    pub(crate) handler: Handler<S>,
    pub(crate) endpoint: Endpoint,
    pub(crate) doorkeeper: Doorkeeper,
    pub(crate) health: Arc<dyn Fn() -> Lifecycle + Send + Sync>,
}

/// Serves until `draining` is cancelled and what was under way has ended.
pub(crate) async fn serve<S>(serving: Serving<S>, draining: CancellationToken) -> io::Result<()>
where
    S: Send + Sync + 'static,
{
    let began = Instant::now();
    let Serving { handler, endpoint, doorkeeper, health } = serving;
    let pipeline = Arc::clone(&handler.pipeline);
    let listener = TcpListener::from_std(endpoint.listener)?;
    let sessions = Arc::<LocalSessionManager>::default();
    let ended = CancellationToken::new();
    let config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .with_sse_retry(None)
        .with_max_request_body_bytes(MAX_LINE)
        .with_allowed_origins(LOOPBACK.map(|host| format!("http://{host}:*")))
        .with_cancellation_token(ended.clone());
    let new = handler.sibling();
    let service =
        StreamableHttpService::new(move || Ok(new.sibling()), Arc::clone(&sessions), config);
    let front = Arc::new(Front { handler, service, sessions, doorkeeper, health });
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        let (front, draining) = (Arc::clone(&front), draining.clone());
                        connections.spawn(connection(stream, front, draining));
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a connection was lost");
                        sleep(PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                () = draining.cancelled() => return,
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = pipeline.audit.keep_head() => {}
    }
    drop(listener);
    end(&pipeline, &ended, &mut connections).await;
    pipeline.metrics.session(began.elapsed());
    Ok(())
}

/// Calls under way get their time, as at the end of standard input.
async fn end<S: Send + Sync + 'static>(
    pipeline: &Pipeline<S>,
    ended: &CancellationToken,
    connections: &mut JoinSet<()>,
) {
    let all = async { while connections.join_next().await.is_some() {} };
    tokio::pin!(all);
    if timeout(GRACE, &mut all).await.is_ok() {
        return;
    }
    pipeline.ending.cancel();
    pipeline.mutations.close();
    pipeline.mutations.wait().await;
    // Answers go out; what is left then are streams on which nothing will come.
    if timeout(GRACE / 2, &mut all).await.is_ok() {
        return;
    }
    ended.cancel();
    if timeout(LONGEST_FLUSH, all).await.is_err() {
        tracing::info!("a client takes its last answers too slowly");
    }
}

async fn connection<S: Send + Sync + 'static>(
    stream: TcpStream,
    front: Arc<Front<S>>,
    draining: CancellationToken,
) {
    let asked = AtomicBool::new(false);
    let service = service_fn(|request| {
        asked.store(true, Ordering::Relaxed);
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = draining.cancelled() => {
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Everything that a request passes before rmcp sees it.
struct Front<S: 'static> {
    handler: Handler<S>,
    service: StreamableHttpService<Handler<S>, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    doorkeeper: Doorkeeper,
    health: Arc<dyn Fn() -> Lifecycle + Send + Sync>,
}

/// Names of this machine that lead nowhere else.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl<S: Send + Sync + 'static> Front<S> {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if !is_from_here(request.headers()) {
            return text(StatusCode::FORBIDDEN, "only clients of this machine are served");
        }
        let path = request.uri().path();
        let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
        if path == "/health" {
            return if is_reading { self.healthy() } else { not_allowed("GET, HEAD") };
        }
        if !self.doorkeeper.admits(request.headers()) {
            let mut answer = text(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong");
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return answer;
        }
        match path {
            "/metrics" if is_reading => text(StatusCode::OK, &self.handler.pipeline.metrics.text()),
            "/metrics" => not_allowed("GET, HEAD"),
            "/mcp" if request.method() == Method::POST => self.post(request).await,
            "/mcp" => self.service.handle(request).await,
            _ => text(StatusCode::NOT_FOUND, "there are /mcp, /health and /metrics"),
        }
    }

    fn healthy(&self) -> Answer {
        let lifecycle = (self.health)();
        let status = match lifecycle {
            Lifecycle::Ready | Lifecycle::Degraded => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        text(status, lifecycle.as_str())
    }

    async fn post(&self, request: Request<Incoming>) -> Answer {
        let started = Instant::now();
        let (mut parts, body) = request.into_parts();
        let body = match timeout(PATIENCE, Limited::new(body, MAX_LINE).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, "at most 16 MiB"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
        };
        let (raw, mut message) = match read(&body) {
            Ok(read) => read,
            Err(answer) => return *answer,
        };
        let id = message.get("id").cloned();
        let Some(method) = message.get("method").and_then(Value::as_str).map(str::to_owned) else {
            return self.service.handle(Request::from_parts(parts, Full::new(body))).await;
        };
        let noted = Arc::new(Noted::new(id.as_ref().and_then(short_id)));
        let mut body = body;
        if let Some(id) = &id {
            let modern = is_modern(&message);
            let Some(admission) = self.handler.admission(&method, modern) else {
                let error = Some("method_not_found");
                let metrics = &self.handler.pipeline.metrics;
                metrics.operation(OTHER_METHOD, &noted, error, started.elapsed());
                // To older clients, 404 means that their session has ended.
                let status = if modern { StatusCode::NOT_FOUND } else { StatusCode::OK };
                return refusal(status, id, METHOD_NOT_FOUND, truncated(&method));
            };
            if method == "initialize" && self.sessions.sessions.read().await.len() >= SESSIONS {
                return text(StatusCode::SERVICE_UNAVAILABLE, "too many sessions; end some first");
            }
            match admission {
                Admission::Listen => {
                    let listened = self.handler.open_listen_of(&mut message, &noted).await;
                    parts.extensions.insert(listened);
                    body = message.to_string().into();
                }
                Admission::Call if self.handler.pipeline.ordered => {
                    if let Some(text) = arguments_text(&raw) {
                        parts.extensions.insert::<ArgumentsText>(text);
                    }
                }
                Admission::Call | Admission::Other => {}
            }
        }
        parts.extensions.insert(Arc::clone(&noted));
        let answer = self.service.handle(with_body(parts, body)).await;
        if id.is_some() {
            let error = (!answer.status().is_success()).then_some("invalid_request");
            let method = crate::handler::known_method(&method);
            self.handler.pipeline.metrics.operation(method, &noted, error, started.elapsed());
        }
        answer
    }
}

/// The length of the body may be another one than the client sent.
fn with_body(mut parts: Parts, body: Bytes) -> Request<Full<Bytes>> {
    parts.headers.remove(CONTENT_LENGTH);
    Request::from_parts(parts, Full::new(body))
}

/// The message as it was written and as it reads: with what [`decode::strict`] bounds.
fn read(body: &[u8]) -> Result<(Box<RawValue>, Value), Box<Answer>> {
    let refuse = |code, problem: &str| {
        Box::new(refusal(StatusCode::BAD_REQUEST, &Value::Null, code, problem))
    };
    let raw: Box<RawValue> =
        serde_json::from_slice(body).map_err(|_| refuse(PARSE_ERROR, "the body is not JSON"))?;
    let mut problem =
        |error: serde_json::Error| refuse(INVALID_REQUEST, &crate::wire::short(&error));
    let message = decode::strict(&raw).map_err(&mut problem)?;
    if message.is_array() {
        return Err(refuse(
            INVALID_REQUEST,
            "batches are not supported; send one message a request",
        ));
    }
    Ok((raw, message))
}

/// Where a request names its revision of the protocol.
const VERSION: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";

fn is_modern(message: &Value) -> bool {
    let version = message.pointer(VERSION).and_then(Value::as_str);
    version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28.as_str())
}

/// As much of a method's name as a refusal repeats.
fn truncated(method: &str) -> &str {
    method.get(..crate::text::floor_char_boundary(method, 200)).unwrap_or_default()
}

/// An id as the log may repeat it.
fn short_id(id: &Value) -> Option<String> {
    let name = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (name.len() <= 64 && name.bytes().all(plain)).then_some(name)
}

/// A page of a browser comes under the name of its own host, or says so as its origin, whatever that
/// name leads to (DNS rebinding, CVE-2026-42559).
fn is_from_here(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let origins = headers.get_all(ORIGIN).iter();
    let mut origins = origins.map(|origin| origin.to_str().ok().and_then(|o| o.split_once("://")));
    hosts.next().is_none()
        && host.is_some_and(|host| !host.is_empty() && is_loopback(host))
        && origins.all(|origin| origin.is_some_and(|(_, host)| is_loopback(host)))
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn text(status: StatusCode, said: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", format!("{}\n", said.trim_end()))
}

fn refusal(status: StatusCode, id: &Value, code: i32, problem: &str) -> Answer {
    let error = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": problem}});
    answer(status, "application/json", error.to_string())
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)).boxed());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

//! The lowest layer: one request over one connection. It sees to it that only hosts of the settings
//! are asked, that no host gets more than so many requests at once, and that nothing is waited for
//! longer than it may. It repeats nothing, but for a request that a connection closed on before any
//! of it was sent.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, Connected, capture_connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lockkeeper_core::Ongoing;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::body::Body;
use crate::connect::{self, Connector};
use crate::dial::Target;
use crate::error::{HttpError, Phase};
use crate::semantics::reads;
use crate::{Request, Response};

/// So much of a call's time is left when its waiting ends, to say what was waited for.
const EARLY: Duration = Duration::from_millis(100);

/// A change that was sent may go on for so long after its call's time: better late than unknown.
const GRACE: Duration = Duration::from_secs(20);

/// Connections that wait for more, to one host.
const IDLE_CONNECTIONS: usize = 8;

/// How long they wait.
const IDLE_FOR: Duration = Duration::from_secs(30);

/// How long steps may take. Whatever they say, nothing outlasts the call that it is for.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To look a name up, connect and agree on TLS.
    pub connect: Duration,
    /// From the end of a request to the beginning of its response, and between two pieces of a
    /// request that is streamed.
    pub first_byte: Duration,
    /// Between two pieces of a response.
    pub idle: Duration,
    /// All together, outside calls.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(8),
            first_byte: Duration::from_secs(12),
            idle: Duration::from_secs(12),
            total: Duration::from_mins(1),
        }
    }
}

/// Sends requests.
#[derive(Clone)]
pub(crate) struct Transport(Arc<Parts>);

struct Parts {
    client: Client<Connector, Sending>,
    connector: Arc<connect::Parts>,
    timeouts: Timeouts,
    places: Places,
}

impl Transport {
    pub(crate) fn new(connector: connect::Parts, timeouts: Timeouts, concurrency: usize) -> Self {
        let connector = Arc::new(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            // Many calls share such a connection: one that died must not fail them one by one.
            .http2_keep_alive_interval(Duration::from_secs(10))
            .http2_keep_alive_timeout(Duration::from_secs(5))
            .http2_adaptive_window(true)
            .build(Connector(Arc::clone(&connector)));
        let places = Places { each: concurrency, hosts: Mutex::default() };
        Self(Arc::new(Parts { client, connector, timeouts, places }))
    }
}

impl tower::Service<Request> for Transport {
    type Response = Response;
    type Error = HttpError;
    type Future = BoxFuture<'static, Result<Response, HttpError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let parts = Arc::clone(&self.0);
        Box::pin(async move { parts.send(request).await })
    }
}

impl Parts {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let target = Target::of(request.uri())?;
        self.connector.destinations.admit(&target)?;
        let host = target.to_string();
        let (parts, body) = request.into_parts();
        let ends = Ends::new(&self.timeouts, reads(&parts));
        let mut request = Request::from_parts(parts, body);
        let late = |phase, given| HttpError::Deadline { host: host.clone(), phase, given };
        let place = timeout_at(ends.connect, self.places.take(&host)).await;
        let place = place.map_err(|_| late(Phase::Turn, Duration::ZERO))?;
        let began = Instant::now();
        // It is made from the address, so that no header leads past the list of hosts.
        request.headers_mut().remove(http::header::HOST);
        *request.version_mut() = http::Version::HTTP_11;
        let progress = Arc::new(Progress::new());
        let mut captured = capture_connection(&mut request);
        let sending = |body| Sending { body, progress: Arc::clone(&progress) };
        let mut answer = pin!(self.client.request(request.map(sending)));
        let mut phase = Phase::Connect;
        let limit = self.timeouts.first_byte;
        let answer = loop {
            let until = match phase {
                Phase::Connect => ends.connect,
                _ => ends.answer.min(progress.last() + limit),
            };
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                () = connected(&mut captured), if phase == Phase::Connect => {
                    progress.made();
                    phase = Phase::FirstByte;
                }
                () = sleep_until(until) => {
                    let now = Instant::now();
                    if phase == Phase::Connect || ends.answer <= now {
                        return Err(late(phase, now - began));
                    }
                    if progress.last() + limit <= now {
                        // Whatever it is that doesn't answer, it may be the connection.
                        captured.connection_metadata().as_ref().map(Connected::poison);
                        return Err(HttpError::Timeout { host, phase, limit });
                    }
                }
            }
        };
        let sent = captured.connection_metadata().is_some();
        let answer = answer.map_err(|error| failure(error, &host, sent))?;
        Ok(answer.map(|body| {
            if body.is_end_stream() {
                return Body::empty();
            }
            Body::stream(Received {
                body,
                place,
                host,
                idle: self.timeouts.idle,
                began,
                end: ends.answer,
                timer: Box::pin(sleep_until(ends.answer)),
                is_waiting: false,
            })
        }))
    }
}

async fn connected(captured: &mut CaptureConnection) {
    drop(captured.wait_for_connection_metadata().await);
}

/// What became of a request without an answer.
fn failure(error: legacy::Error, host: &str, sent: bool) -> HttpError {
    if let Some(ours) = HttpError::find(&error) {
        return ours.clone();
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut untouched = !sent;
    while let Some(error) = cause {
        // hyper calls a request cancelled that it hands back unsent.
        untouched |= error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        cause = error.source();
    }
    let (host, source) = (host.to_owned(), Arc::new(error));
    if untouched {
        HttpError::BrokenBeforeSend { host, source }
    } else {
        HttpError::BrokenAfterSend { host, source }
    }
}

/// When waiting ends.
#[derive(Clone, Copy)]
struct Ends {
    /// For a place and a connection.
    connect: Instant,
    /// For the answer and its body.
    answer: Instant,
}

impl Ends {
    fn new(timeouts: &Timeouts, reads: bool) -> Self {
        let now = Instant::now();
        let Some(call) = Ongoing::current() else {
            let end = now + timeouts.total;
            return Self { connect: end, answer: end };
        };
        let deadline = Instant::from_std(call.deadline());
        let end = deadline.checked_sub(EARLY).unwrap_or(deadline);
        // A read is worth nothing when its call is over; what became of a change is recorded.
        Self { connect: end, answer: if reads { end } else { deadline + GRACE } }
    }
}

/// When a request last got further.
struct Progress(Mutex<Instant>);

impl Progress {
    fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    fn made(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The places for requests at once, of each host.
struct Places {
    each: usize,
    hosts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Places {
    async fn take(&self, host: &str) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            hosts.get(host).and_then(Weak::upgrade).unwrap_or_else(|| {
                hosts.retain(|_, places| places.strong_count() > 0);
                let places = Arc::new(Semaphore::new(self.each));
                hosts.insert(host.to_owned(), Arc::downgrade(&places));
                places
            })
        };
        // It is never closed.
        places.acquire_owned().await.ok()
    }
}

/// A request's body on its way.
struct Sending {
    body: Body,
    progress: Arc<Progress>,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.progress.made();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body. It keeps its place at the host until it was read to its end, or is dropped.
struct Received {
    body: Incoming,
    place: Option<OwnedSemaphorePermit>,
    host: String,
    idle: Duration,
    began: Instant,
    end: Instant,
    timer: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.is_waiting = false;
            if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
                this.place = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        // Time counts while the reader waits, not while it is busy with what it has.
        if !this.is_waiting {
            this.is_waiting = true;
            this.timer.as_mut().reset(this.end.min(Instant::now() + this.idle));
        }
        if this.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.place = None;
        let (host, limit, phase) = (this.host.clone(), this.idle, Phase::Idle);
        let now = Instant::now();
        Poll::Ready(Some(Err(if now >= this.end {
            HttpError::Deadline { host, phase, given: now - this.began }
        } else {
            HttpError::Timeout { host, phase, limit }
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn broken(error: hyper::Error) -> HttpError {
    let mut cause = std::error::Error::source(&error);
    let mut ended = error.is_incomplete_message();
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        ended |= io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof);
        cause = error.source();
    }
    if ended {
        return HttpError::BodyTruncated;
    }
    HttpError::Body { source: Arc::new(error) }
}

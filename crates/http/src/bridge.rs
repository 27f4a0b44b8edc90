//! For clients that take a connector and nothing else, such as google-drive3: a connection that leads
//! into [`Http`]. Its other end is in memory, where each request is taken off again and goes through
//! the whole stack. One connection carries one request and belongs to the call that made it, so that
//! cancellation, deadline and trace go through.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::header::{
    CONNECTION, CONTENT_TYPE, HOST, HeaderMap, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Uri, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lockkeeper_core::Ongoing;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;
use tower::Service as _;

use crate::Response;
use crate::body::Body;
use crate::client::Http;
use crate::error::{BoxError, HttpError};

/// What one end may write before the other reads.
const PIPE: usize = 64 * 1024;

/// Of an answer in JSON so much is read before its head is passed on. Such a client takes a body that
/// breaks off for an empty one; like this it learns of it as of any other failure.
const AHEAD: usize = 1024 * 1024;

/// A connector whose connections lead into a client's stack.
#[derive(Clone)]
pub struct Bridge(Http);

/// A connection made by [`Bridge`].
pub type Bridged = TokioIo<Pipe>;

impl Bridge {
    /// A connector into this client.
    pub fn new(http: Http) -> Self {
        Self(http)
    }

    /// A client with bodies of the type that is needed, over this connector.
    pub fn client<B>(&self) -> Client<Self, B>
    where
        B: http_body::Body + Send,
        B::Data: Send,
    {
        // A connection that is kept would belong to a call that is over.
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(self.clone())
    }
}

impl tower::Service<Uri> for Bridge {
    type Response = Bridged;
    type Error = HttpError;
    type Future = BoxFuture<'static, Result<Bridged, HttpError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, origin: Uri) -> Self::Future {
        let http = self.0.clone();
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(PIPE);
            let failure = Failure::default();
            let serving = serve(theirs, http, origin, failure.clone());
            let ongoing = Ongoing::current();
            let serving = async move {
                match ongoing {
                    Some(call) => call.during(serving).await,
                    None => serving.await,
                }
            };
            #[expect(clippy::disallowed_methods, reason = "it ends with the connection it serves")]
            let task = Task(tokio::spawn(serving));
            Ok(TokioIo::new(Pipe { stream: ours, failure, _task: task }))
        })
    }
}

/// The first failure of the far end.
#[derive(Debug, Clone, Default)]
struct Failure(Arc<Mutex<Option<HttpError>>>);

impl Failure {
    fn set(&self, error: &HttpError) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| error.clone());
    }

    fn get(&self) -> Option<io::Error> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.clone().map(io::Error::other)
    }
}

/// The far end: one request in, its response out.
async fn serve(stream: DuplexStream, http: Http, origin: Uri, failure: Failure) {
    let answer = |request: http::Request<Incoming>| {
        let (http, origin, failure) = (http.clone(), origin.clone(), failure.clone());
        async move {
            let answer = pass_on(http, &origin, request, failure.clone()).await;
            answer.inspect_err(|error| failure.set(error))
        }
    };
    let serving = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), hyper::service::service_fn(answer))
        .await;
    if let Err(error) = serving {
        tracing::trace!(%error, "a bridged request ended early");
    }
}

async fn pass_on(
    mut http: Http,
    origin: &Uri,
    request: http::Request<Incoming>,
    failure: Failure,
) -> Result<Response, HttpError> {
    let (mut request, body) = request.into_parts();
    let mut uri = origin.clone().into_parts();
    uri.path_and_query = request.uri.into_parts().path_and_query;
    request.uri = Uri::from_parts(uri)
        .map_err(|_| HttpError::Invalid { reason: "its address has no host" })?;
    request.headers.remove(HOST);
    drop_hop_headers(&mut request.headers);
    let answer = http.call(http::Request::from_parts(request, body)).await?;
    let (mut answer, body) = answer.into_parts();
    answer.version = Version::HTTP_11;
    drop_hop_headers(&mut answer.headers);
    let body = if is_json(&answer.headers) { read_ahead(body).await? } else { body };
    let body = body.map_err(move |error| {
        failure.set(&error);
        error
    });
    Ok(Response::from_parts(answer, Body::stream(body)))
}

/// Headers that speak of the connection, and not of what is carried.
fn drop_hop_headers(headers: &mut HeaderMap) {
    for name in [
        CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"))
}

/// Reads a body to its end, or as far as may be, and gives it back as if it were unread.
async fn read_ahead(mut body: Body) -> Result<Body, HttpError> {
    let (mut frames, mut length) = (Vec::new(), 0);
    while length < AHEAD {
        let Some(frame) = body.frame().await else {
            let frames = futures_util::stream::iter(frames.into_iter().map(Ok::<_, BoxError>));
            return Ok(Body::stream(http_body_util::StreamBody::new(frames)));
        };
        let frame = frame?;
        length += frame.data_ref().map_or(0, Bytes::len);
        frames.push(frame);
    }
    let read = futures_util::stream::iter(frames.into_iter().map(Ok));
    let rest = http_body_util::BodyStream::new(body);
    Ok(Body::stream(http_body_util::StreamBody::new(read.chain(rest))))
}

/// The near end. When the far one failed, reading and writing say how.
#[derive(Debug)]
pub struct Pipe {
    stream: DuplexStream,
    failure: Failure,
    _task: Task,
}

/// A task that ends with whoever holds it.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let ended = buffer.filled().len() == before && buffer.remaining() > 0;
        Poll::Ready(match self.failure.get() {
            Some(failure) if ended => Err(failure),
            _ => Ok(()),
        })
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        Poll::Ready(written.map_err(|error| self.failure.get().unwrap_or(error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

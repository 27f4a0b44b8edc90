//! A service that does what a test says, over a real HTTP/1.1 connection in memory: hyper on one
//! side, bytes as they are written in the test on the other. Nothing in it waits for the network, so
//! tests run on a paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::HOST;
use hyper_util::rt::TokioIo;
use lockkeeper_core::{Environment, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tower::{ServiceExt as _, service_fn};

use crate::{Body, HttpError, Phase, Request, Response, Stack};

/// What happens to one request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// These bytes, then the connection stays open.
    Say(Vec<u8>),
    /// These bytes, then the end of the connection.
    SayAndEnd(Vec<u8>),
    /// The same this much later.
    Later(Duration, Vec<u8>),
    /// The request arrives and is never answered.
    Silence,
    /// The request arrives, and its time runs out.
    TimeOut,
    /// No connection: nothing arrives.
    Refuse,
    /// A connection that is gone before anything is sent on it.
    Gone,
}

/// A script, and what arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Played>>);

#[derive(Debug, Default)]
struct Played {
    steps: VecDeque<Step>,
    /// What happens to requests after the last step.
    then: Option<Step>,
    /// The heads and bodies of requests that arrived.
    arrived: Vec<String>,
}

/// A step that answers with a status, headers (`name: value`) and a body of known length.
pub(crate) fn say(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Step {
    let body = body.as_ref();
    let mut all = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        all.push_str(header);
        all.push_str("\r\n");
    }
    all.push_str("\r\n");
    Step::Say([all.as_bytes(), body].concat())
}

/// Bytes as they go over the line, then the end of the connection.
pub(crate) fn raw(text: &str) -> Step {
    Step::SayAndEnd(text.as_bytes().to_vec())
}

/// A service named `test` that no server is watched for.
pub(crate) fn upstream() -> Upstream {
    Environment::default().upstream("test")
}

pub(crate) fn get(uri: &str) -> Request {
    http::Request::get(uri).body(Body::empty()).unwrap()
}

pub(crate) fn post(uri: &str, body: &'static str) -> Request {
    http::Request::post(uri).body(Body::from(body)).unwrap()
}

/// Sends a request and reads the whole answer.
pub(crate) async fn text(stack: &Stack, request: Request) -> Result<(u16, String), HttpError> {
    let response = stack.clone().oneshot(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect(64 * 1024 * 1024).await?;
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Self::default();
        script.next(steps);
        script
    }

    pub(crate) fn next(&self, steps: impl IntoIterator<Item = Step>) {
        self.0.lock().unwrap().steps.extend(steps);
    }

    pub(crate) fn then(&self, step: Step) {
        self.0.lock().unwrap().then = Some(step);
    }

    pub(crate) fn arrived(&self) -> Vec<String> {
        self.0.lock().unwrap().arrived.clone()
    }

    /// How many requests arrived.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().arrived.len()
    }

    /// What is left of the script.
    pub(crate) fn left(&self) -> usize {
        self.0.lock().unwrap().steps.len()
    }

    /// The transport that layers are put around.
    pub(crate) fn transport(&self) -> Stack {
        let script = self.clone();
        Stack::new(service_fn(move |request| script.clone().exchange(request)))
    }

    async fn exchange(self, mut request: Request) -> Result<Response, HttpError> {
        let step = {
            let mut played = self.0.lock().unwrap();
            let step = played.steps.pop_front().or_else(|| played.then.clone());
            step.expect("a request that the script doesn't have")
        };
        let host = request.uri().authority().unwrap().to_string();
        let error = || Arc::new(std::io::Error::other("scripted"));
        match step {
            Step::Refuse => return Err(HttpError::Connect { host, source: error() }),
            Step::Gone => return Err(HttpError::BrokenBeforeSend { host, source: error() }),
            _ => {}
        }
        let time_out = matches!(step, Step::TimeOut);
        request.headers_mut().entry(HOST).or_insert(host.parse().unwrap());
        let address = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        *request.uri_mut() = address;
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
        let arrived = self.clone();
        let (seen, is_seen) = tokio::sync::oneshot::channel();
        let serving = async move {
            let mut theirs = theirs;
            let request = read(&mut theirs).await;
            arrived.0.lock().unwrap().arrived.push(request);
            let _unless_nobody_waits = seen.send(());
            answer(theirs, step).await;
        };
        #[expect(clippy::disallowed_methods, reason = "both sides of a connection in a test")]
        {
            tokio::spawn(connection);
            tokio::spawn(serving);
        }
        if time_out {
            let answer = sender.send_request(request);
            tokio::select! { _ = answer => {}, _ = is_seen => {} }
            let limit = Duration::from_secs(1);
            return Err(HttpError::Timeout { host, phase: Phase::FirstByte, limit });
        }
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| HttpError::BrokenAfterSend { host, source: Arc::new(error) })?;
        Ok(response.map(Body::stream))
    }
}

/// One request: its head, and as much of a body as it says.
async fn read(stream: &mut DuplexStream) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let is_whole = match length {
                Some(length) => body.len() >= length.parse::<usize>().unwrap(),
                None => !head.contains("transfer-encoding") || body.ends_with("0\r\n\r\n"),
            };
            if is_whole {
                return text;
            }
        }
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "half a request: {text}");
        read.extend_from_slice(&piece[..length]);
    }
}

async fn answer(mut stream: DuplexStream, step: Step) {
    let (bytes, is_end) = match step {
        Step::Say(bytes) => (bytes, false),
        Step::SayAndEnd(bytes) => (bytes, true),
        Step::Later(pause, bytes) => {
            tokio::time::sleep(pause).await;
            (bytes, false)
        }
        _ => (Vec::new(), false),
    };
    // Whoever has read enough may have gone.
    if stream.write_all(&bytes).await.is_ok() && !is_end {
        let mut rest = Vec::new();
        let _until_they_go = stream.read_to_end(&mut rest).await;
    }
}

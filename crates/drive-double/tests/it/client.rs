//! A client that sends what a test says, and waits.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lockkeeper_drive_double::{Double, FULL, Seed};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// A double, and a client of it with a token.
pub(crate) struct Session {
    pub(crate) double: Double,
    pub(crate) token: String,
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body broke off.
    pub(crate) broke: bool,
}

impl Session {
    pub(crate) fn new(seed: Seed) -> Self {
        Self::with(seed, &[FULL])
    }

    pub(crate) fn with(seed: Seed, scopes: &[&str]) -> Self {
        let double = Double::start(seed);
        let token = double.token(scopes);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { double, token, runtime, client }
    }

    /// The same with another token.
    pub(crate) fn switch(&mut self, email: &str, scopes: &[&str]) {
        self.token = self.double.token_of(email, scopes);
    }

    pub(crate) fn send(
        &self,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let address = if path.starts_with("http") { path.into() } else { self.double.url() + path };
        let mut request = Request::builder().method(verb).uri(address);
        if !headers.iter().any(|(name, _)| *name == "authorization") && !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        self.runtime.block_on(async {
            let response = self.client.request(request).await.unwrap();
            let (head, mut body) = response.into_parts();
            let (mut bytes, mut broke) = (Vec::new(), false);
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else {
                    broke = true;
                    break;
                };
                bytes.extend_from_slice(frame.data_ref().unwrap());
            }
            let (status, headers) = (head.status.as_u16(), head.headers);
            Reply { status, headers, body: bytes.into(), broke }
        })
    }

    /// `GET`, below `/drive/v3/`.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", &format!("/drive/v3/{path}"), &[], "")
    }

    /// Another verb with JSON, below `/drive/v3/`.
    pub(crate) fn tell(&self, verb: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let kind = [("content-type", "application/json")];
        self.send(verb, &format!("/drive/v3/{path}"), &kind, body)
    }

    /// The names that a search finds, in its order.
    pub(crate) fn names(&self, query: &str) -> Vec<String> {
        let found = self.get(&format!("files?{query}&fields=files/name")).ok();
        let files = found["files"].as_array().unwrap().iter();
        files.map(|file| file["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The JSON of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {:?}", self.status, self.body);
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    /// The status and reason of a refusal.
    #[track_caller]
    pub(crate) fn refused(&self) -> (u16, String) {
        assert!(self.status >= 400, "{} {:?}", self.status, self.body);
        let value: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let error = &value["error"];
        let reason = error["errors"][0]["reason"].as_str().or(error["status"].as_str());
        (self.status, reason.unwrap_or_default().to_owned())
    }

    /// What a refusal says.
    pub(crate) fn error(&self) -> Value {
        let value: Value = serde_json::from_slice(&self.body).unwrap();
        value["error"].clone()
    }
}

/// A text as it stands in a query.
pub(crate) fn q(text: &str) -> String {
    let mut encoded = String::from("q=");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

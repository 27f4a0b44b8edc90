//! A token service for tests, on a port of this machine: it counts, and answers as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use lockkeeper_core::Environment;
use lockkeeper_http::Http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::provider::{Origins, Provider};

/// One answer: a status and a body.
type Said = (u16, String);

#[derive(Clone, Default)]
pub(crate) struct TokenService {
    pub(crate) root: String,
    said: Arc<Mutex<VecDeque<Said>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl TokenService {
    /// Answers each request with a new token that lasts an hour, unless it was told something else.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let service = Self { root, ..Self::default() };
        let serving = service.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = Vec::new();
                let mut piece = [0; 4096];
                let whole = |text: &[u8]| {
                    let text = String::from_utf8_lossy(text).to_lowercase();
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
                    (body.len() >= length.map_or(0, |l| l.parse().unwrap())).then_some(())
                };
                while whole(&text).is_none() {
                    let length = stream.read(&mut piece).await.unwrap();
                    assert!(length > 0, "half a request");
                    text.extend_from_slice(&piece[..length]);
                }
                let (status, body) = serving.answer(String::from_utf8(text).unwrap());
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n\
                     content-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        service
    }

    fn answer(&self, request: String) -> Said {
        let mut heard = self.heard.lock().unwrap();
        heard.push(request);
        let n = heard.len();
        let usual =
            format!(r#"{{"access_token":"access-{n}","expires_in":3600,"token_type":"Bearer"}}"#);
        self.said.lock().unwrap().pop_front().unwrap_or((200, usual))
    }

    /// What the next request is answered with.
    pub(crate) fn say(&self, status: u16, body: &str) {
        self.said.lock().unwrap().push_back((status, body.to_owned()));
    }

    /// All requests so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn provider(&self) -> Provider {
        Provider::google("lockkeeper-drive", Some(&self.root))
    }

    pub(crate) fn http(&self) -> Http {
        let mut origins = Origins::default();
        origins.add(&self.root).unwrap();
        origins.client("test", &Environment::default()).unwrap()
    }
}

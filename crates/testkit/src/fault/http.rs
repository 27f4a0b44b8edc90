//! One connection through the HTTP proxy.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpStream;

use super::script::Fault;
use super::seen::Seen;
use super::{Shared, locked};
use crate::message::{Framing, Head, Request, Wire};

/// Where endless headers end after all: by then every client should have gone.
const ENDLESS: usize = 64 * 1024 * 1024;

pub(super) struct Connection {
    client: Wire,
    number: u64,
    address: SocketAddr,
    upstream: Option<Wire>,
    shared: Arc<Shared>,
}

/// What becomes of the connection after a request.
enum Then {
    Keep,
    Close,
    Reset,
}

impl Connection {
    pub(super) fn new(
        client: TcpStream,
        number: u64,
        address: SocketAddr,
        shared: Arc<Shared>,
    ) -> Self {
        Self { client: Wire::new(client), number, address, upstream: None, shared }
    }

    /// Serves until one side goes or a fault ends it.
    pub(super) async fn serve(mut self) {
        // An error is a client that went, or an upstream that did: both end the connection.
        while let Ok(Some(request)) = self.client.request().await {
            match self.one(&request).await {
                Ok(Then::Keep) => {}
                Ok(Then::Close) => return,
                Ok(Then::Reset) | Err(_) => return self.client.reset(),
            }
        }
    }

    async fn one(&mut self, request: &Request) -> io::Result<Then> {
        let fault = locked(&self.shared.script).decide(request.head.word(0), request.head.word(1));
        let seen = Seen::new(self.number, request, fault.clone());
        let number = locked(&self.shared.book).enter(seen);
        match fault {
            Fault::ResetBefore => return Ok(Then::Reset),
            Fault::Silence => {
                self.client.gone().await;
                return Ok(Then::Close);
            }
            Fault::Status(status, retry_after) => {
                self.answer(status, retry_after).await?;
                return Ok(Then::Keep);
            }
            Fault::Malformed => {
                self.client.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n\0\0\0\0").await?;
                return Ok(Then::Close);
            }
            Fault::EndlessHeaders => {
                self.endless_headers().await?;
                return Ok(Then::Close);
            }
            Fault::GzipBomb(bytes) => {
                self.gzip_bomb(bytes).await?;
                return Ok(Then::Keep);
            }
            Fault::Latency(time) => self.client.pause(time).await?,
            _ => {}
        }
        let head = self.forward(request, number).await?;
        match fault {
            Fault::ResetAfter => Ok(Then::Reset),
            Fault::SilenceAfter => {
                self.client.gone().await;
                Ok(Then::Close)
            }
            Fault::StatusAfter(status) => {
                // The rest of the real answer goes with its connection.
                self.upstream = None;
                self.answer(status, None).await?;
                Ok(Then::Keep)
            }
            Fault::SlowBody(bytes, pause) => {
                let body = self.rest(&head).await?;
                let head = framed(head, "content-length", &body.len().to_string());
                self.client.send(&head.bytes()).await?;
                for piece in body.chunks(bytes.max(1)) {
                    self.client.send(piece).await?;
                    self.client.pause(pause).await?;
                }
                Ok(Then::Keep)
            }
            Fault::CutLength => {
                let body = self.rest(&head).await?;
                // At least one byte is owed, whatever the body was.
                let head = framed(head, "content-length", &body.len().max(1).to_string());
                self.client.send(&head.bytes()).await?;
                self.client.send(half(&body)).await?;
                Ok(Then::Close)
            }
            Fault::CutChunks => {
                let body = self.rest(&head).await?;
                let head = framed(head, "transfer-encoding", "chunked");
                self.client.send(&head.bytes()).await?;
                self.client.send(&chunk(half(&body))).await?;
                Ok(Then::Close)
            }
            Fault::ResetInBody => {
                let body = self.rest(&head).await?;
                let head = framed(head, "content-length", &body.len().max(1).to_string());
                self.client.send(&head.bytes()).await?;
                self.client.send(half(&body)).await?;
                Ok(Then::Reset)
            }
            _ => self.pass(head).await,
        }
    }

    /// Sends the request on and waits for the head of the answer. If the client goes meanwhile,
    /// that is an error and the upstream's connection goes too.
    async fn forward(&mut self, request: &Request, number: u64) -> io::Result<Head> {
        let mut upstream = match self.upstream.take() {
            Some(upstream) => upstream,
            None => Wire::new(TcpStream::connect(self.address).await?),
        };
        let mut head = request.head.clone();
        head.remove("transfer-encoding");
        if !request.body.is_empty() {
            head.set("content-length", &request.body.len().to_string());
        }
        let mut bytes = head.bytes();
        bytes.extend(&request.body);
        locked(&self.shared.book).forwarded(number);
        upstream.send(&bytes).await?;
        let head = tokio::select! {
            head = upstream.head() => head?,
            () = self.client.gone() => None,
        };
        self.upstream = Some(upstream);
        head.ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }

    /// Passes an answer on, piece by piece.
    async fn pass(&mut self, head: Head) -> io::Result<Then> {
        let Some(mut upstream) = self.upstream.take() else { return Ok(Then::Close) };
        let mut framing = head.framing();
        let is_chunked = framing == Framing::Chunked;
        let closes = framing == Framing::UntilClose || head.value("connection") == Some("close");
        self.client.send(&head.bytes()).await?;
        loop {
            let piece = tokio::select! {
                piece = upstream.piece(&mut framing) => piece?,
                () = self.client.gone() => return Ok(Then::Close),
            };
            let Some(piece) = piece else { break };
            if is_chunked {
                self.client.send(&chunk(&piece)).await?;
            } else {
                self.client.send(&piece).await?;
            }
        }
        if is_chunked {
            self.client.send(b"0\r\n\r\n").await?;
        }
        if closes {
            return Ok(Then::Close);
        }
        self.upstream = Some(upstream);
        Ok(Then::Keep)
    }

    /// The whole body of the upstream's answer.
    async fn rest(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        let mut framing = head.framing();
        let mut body = Vec::new();
        let Some(upstream) = &mut self.upstream else { return Ok(body) };
        while let Some(piece) = upstream.piece(&mut framing).await? {
            body.extend(piece);
        }
        Ok(body)
    }

    async fn answer(&mut self, status: u16, retry_after: Option<u32>) -> io::Result<()> {
        let body = format!("{{\"message\":\"the proxy says {status}\"}}");
        let mut head = Head::new(format!("HTTP/1.1 {status} No"))
            .with("content-type", "application/json")
            .with("content-length", &body.len().to_string());
        if let Some(seconds) = retry_after {
            head.set("retry-after", &seconds.to_string());
        }
        let mut bytes = head.bytes();
        bytes.extend(body.as_bytes());
        self.client.send(&bytes).await
    }

    async fn endless_headers(&mut self) -> io::Result<()> {
        let filler = "x-filler: and so on\r\n".repeat(100);
        self.client.send(b"HTTP/1.1 200 OK\r\n").await?;
        for _ in 0..ENDLESS / filler.len() {
            self.client.send(filler.as_bytes()).await?;
        }
        Ok(())
    }

    async fn gzip_bomb(&mut self, bytes: usize) -> io::Result<()> {
        let bomb = self.shared.bomb.get_or_init(|| bomb(bytes));
        let head = Head::new("HTTP/1.1 200 OK")
            .with("content-type", "application/json")
            .with("content-encoding", "gzip")
            .with("content-length", &bomb.len().to_string());
        self.client.send(&head.bytes()).await?;
        self.client.send(bomb).await
    }
}

/// So many spaces, compressed.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    let spaces = [b' '; 16 * 1024];
    for _ in 0..bytes.div_ceil(spaces.len()) {
        // Memory takes all that is written.
        drop(bomb.write_all(&spaces));
    }
    bomb.finish().unwrap_or_default()
}

/// The head with another framing of its body.
fn framed(mut head: Head, name: &str, value: &str) -> Head {
    head.remove("content-length");
    head.remove("transfer-encoding");
    head.with(name, value)
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend(bytes);
    chunk.extend(b"\r\n");
    chunk
}

fn half(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len() / 2).unwrap_or_default()
}

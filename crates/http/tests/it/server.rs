//! A server for tests, plain or with TLS, that counts what it has open.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) connections: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) running: AtomicUsize,
    pub(crate) most_running: AtomicUsize,
    changed: Notify,
    seen: Mutex<Vec<Seen>>,
}

impl Counts {
    /// Waits until that many connections are open.
    pub(crate) async fn open_is(&self, expected: usize) {
        self.until(|counts| counts.open.load(Ordering::SeqCst) == expected).await;
    }

    pub(crate) async fn until(&self, is: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if is(self) {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn add(&self, count: &AtomicUsize) -> usize {
        let now = count.fetch_add(1, Ordering::SeqCst) + 1;
        self.changed.notify_waiters();
        now
    }

    fn subtract(&self, count: &AtomicUsize) {
        count.fetch_sub(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) counts: Arc<Counts>,
}

/// What a server answers a request with.
pub(crate) type Answer = http::Response<Full<Bytes>>;

impl Server {
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers every request with what `answer` makes of it.
    pub(crate) async fn start<F>(answer: impl Fn(Seen) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self::serve(answer, None).await
    }

    /// The same, over TLS.
    pub(crate) async fn start_tls<F>(
        answer: impl Fn(Seen) -> F + Clone + Send + Sync + 'static,
        config: ServerConfig,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self::serve(answer, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve<F>(
        answer: impl Fn(Seen) -> F + Clone + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let all = Arc::clone(&counts);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, counts, tls) = (answer.clone(), Arc::clone(&all), tls.clone());
                counts.connections.fetch_add(1, Ordering::SeqCst);
                counts.add(&counts.open);
                tokio::spawn(async move {
                    match tls {
                        None => connection(stream, false, &counts, answer).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                                connection(stream, is_h2, &counts, answer).await;
                            }
                        }
                    }
                    counts.subtract(&counts.open);
                });
            }
        });
        Self { address, counts }
    }
}

async fn connection<S, F>(
    stream: S,
    is_h2: bool,
    counts: &Arc<Counts>,
    answer: impl Fn(Seen) -> F + Clone + Send + 'static,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Answer> + Send,
{
    let counts = Arc::clone(counts);
    let serve = service_fn(move |request: http::Request<Incoming>| {
        let (counts, answer) = (Arc::clone(&counts), answer.clone());
        async move {
            let running = Running::new(counts);
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await else {
                return Ok(http::Response::default());
            };
            let seen = Seen {
                method: head.method.to_string(),
                target: head.uri.to_string(),
                headers: head.headers,
                body: String::from_utf8(body.to_bytes().to_vec()).unwrap(),
            };
            running.0.seen.lock().unwrap().push(seen.clone());
            Ok::<_, Infallible>(answer(seen).await)
        }
    });
    let stream = TokioIo::new(stream);
    // Clients go away in the middle of things; that is what is tested.
    if is_h2 {
        let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(serving.serve_connection(stream, serve).await);
    } else {
        let serving = hyper::server::conn::http1::Builder::new();
        drop(serving.serve_connection(stream, serve).await);
    }
}

struct Running(Arc<Counts>);

impl Running {
    fn new(counts: Arc<Counts>) -> Self {
        let now = counts.add(&counts.running);
        counts.most_running.fetch_max(now, Ordering::SeqCst);
        Self(counts)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.subtract(&self.0.running);
    }
}

pub(crate) fn json(text: &str) -> Answer {
    let answer = http::Response::builder().header("content-type", "application/json");
    answer.body(Full::from(text.to_owned())).unwrap()
}

/// An authority of the test's own, and what it signed for a name.
pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    /// Every authority has a name of its own: by its name a certificate finds who signed it.
    pub(crate) fn new(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(parameters, key), pem }
    }

    pub(crate) fn config(
        &self,
        name: &str,
        change: fn(&mut rcgen::CertificateParams),
    ) -> ServerConfig {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        presenting(certificate.der().clone(), &key)
    }
}

/// A server whose certificate nobody signed but itself.
pub(crate) fn self_signed(name: &str) -> ServerConfig {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    presenting(parameters.self_signed(&key).unwrap().der().clone(), &key)
}

fn presenting(certificate: CertificateDer<'static>, key: &rcgen::KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

//! TLS, redirect targets as requests, and proxies.

use std::future::{Ready, ready};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use lockkeeper_core::{Environment, Network, Secret, ToolError};
use lockkeeper_http::{Body, Http, HttpError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Answer, Authority, Seen, Server, self_signed};
use crate::{client, send};

fn ok(_: Seen) -> Ready<Answer> {
    ready(http::Response::new(Full::from("ok")))
}

fn pem(authority: &Authority) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    (directory, file)
}

#[tokio::test]
async fn a_certificate_is_for_its_name_from_who_is_trusted_and_in_its_time() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let (_directory, file) = pem(&ours);
    let past: fn(&mut rcgen::CertificateParams) = |parameters| {
        parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    };
    for (config, expected) in [
        (ours.config("127.0.0.1", |_| {}), None),
        (ours.config("service.test", |_| {}), Some("for another name")),
        (other.config("127.0.0.1", |_| {}), Some("nobody that this machine trusts")),
        (self_signed("127.0.0.1"), Some("nobody that this machine trusts")),
        (ours.config("127.0.0.1", past), Some("has expired")),
    ] {
        let server = Server::start_tls(ok, config).await;
        let uri = format!("https://{}", server.address);
        let http = client(&uri).certificates(file.clone()).build();
        match (send(&http, "POST", &uri, Body::from("x")).await, expected) {
            (Ok(answer), None) => {
                assert_eq!(answer.into_body().collect(9).await.unwrap(), "ok");
            }
            (Err(error), Some(expected)) => {
                assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
                assert!(!error.may_have_been_sent());
                assert!(server.counts.seen().is_empty());
                let text = ToolError::from(error).text();
                assert!(text.contains(expected), "{text}");
            }
            (outcome, _) => panic!("{expected:?}: {outcome:?}"),
        }
    }
    // A server without TLS.
    let server = Server::start(ok).await;
    let uri = format!("https://{}", server.address);
    let http = client(&uri).certificates(file).build();
    let error = send(&http, "GET", &uri, Body::empty()).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn http_2_is_spoken_with_who_offers_it() {
    let authority = Authority::new("ours");
    let (_directory, file) = pem(&authority);
    let mut config = authority.config("127.0.0.1", |_| {});
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = Server::start_tls(ok, config).await;
    let uri = format!("https://{}", server.address);
    let http = client(&uri).certificates(file).concurrency(4).build();
    assert_eq!(
        send(&http, "GET", &uri, Body::empty()).await.unwrap().version(),
        http::Version::HTTP_2
    );
    let one = async || {
        let answer = send(&http, "POST", &uri, Body::from("x")).await.unwrap();
        assert_eq!(answer.into_body().collect(9).await.unwrap(), "ok");
    };
    futures_util::future::join_all((0..100).map(|_| one())).await;
    assert_eq!(server.counts.connections.load(Ordering::SeqCst), 1);
    assert!(server.counts.most_running.load(Ordering::SeqCst) <= 4);
}

#[tokio::test]
async fn nothing_leads_past_the_list_of_hosts() {
    let server = Server::start(ok).await;
    let other = Server::start(ok).await;
    let http = client(&server.uri("")).build();
    for uri in [
        other.uri("/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://169.254.169.254/".to_owned(),
        "https://[fd00:ec2::254]/".to_owned(),
        "https://metadata.google.internal/".to_owned(),
        format!("http://2130706433:{}/", server.address.port()),
        format!("http://0x7f.1:{}/", server.address.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", server.address.port()),
    ] {
        let error = send(&http, "GET", &uri, Body::empty()).await.unwrap_err();
        let denied = matches!(error, HttpError::HostDenied { .. } | HttpError::Invalid { .. });
        assert!(denied && !error.may_have_been_sent(), "{uri}: {error:?}");
    }
    // A header names no other host either.
    let request = http::Request::get(server.uri("/")).header("host", "internal.test");
    let answer = tower::ServiceExt::oneshot(http, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.unwrap().status(), 200);
    let host = server.counts.seen()[0].headers["host"].to_str().unwrap().to_owned();
    assert_eq!(host, server.address.to_string());
    assert!(other.counts.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_leads_to_no_other_place_than_a_request() {
    let other = Server::start(ok).await;
    let elsewhere = other.uri("/");
    let server = Server::start(move |seen: Seen| {
        let to = match seen.target.as_str() {
            "/metadata" => "http://169.254.169.254/latest/meta-data/".to_owned(),
            "/secure" => "https://169.254.169.254/latest/meta-data/".to_owned(),
            "/name" => "https://metadata.google.internal/".to_owned(),
            "/number" => format!("http://2852039166{}", seen.target),
            _ => elsewhere.clone(),
        };
        ready(
            http::Response::builder()
                .status(302)
                .header("location", to)
                .body(Full::default())
                .unwrap(),
        )
    })
    .await;
    let http = client(&server.uri("")).build();
    for path in ["/metadata", "/secure", "/name", "/number", "/elsewhere"] {
        let error = send(&http, "GET", &server.uri(path), Body::empty()).await.unwrap_err();
        let refused = matches!(
            error,
            HttpError::HostDenied { .. } | HttpError::Invalid { .. } | HttpError::Redirect { .. }
        );
        assert!(refused, "{path}: {error:?}");
    }
    assert!(other.counts.seen().is_empty());
}

/// A proxy that leads everything to one address, and what it was asked.
async fn proxy(to: std::net::SocketAddr) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            *log.lock().unwrap() += std::str::from_utf8(&head).unwrap();
            let mut target = TcpStream::connect(to).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            tokio::spawn(async move {
                drop(tokio::io::copy_bidirectional(&mut stream, &mut target).await);
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_proxy_resolves_the_name_and_sees_nothing_else() {
    let authority = Authority::new("ours");
    let (_directory, file) = pem(&authority);
    let server = Server::start_tls(ok, authority.config("service.test", |_| {})).await;
    let (address, asked) = proxy(server.address).await;
    let network = Network {
        proxy: Some(Arc::new(Secret::new(format!("http://user:pa55@{address}")))),
        no_proxy: Some("direct.test".to_owned()),
        certificate_file: Some(file),
        ..Network::default()
    };
    let builder = Http::builder(Environment::default().upstream("service"), &network);
    let http = builder.host("https://service.test").unwrap().host("https://10.0.0.1").unwrap();
    let http = http.build();
    let uri = "https://service.test/path?secret";
    let answer = send(&http, "POST", uri, Body::from("x")).await.unwrap();
    assert_eq!(answer.into_body().collect(9).await.unwrap(), "ok");
    assert_eq!(server.counts.seen()[0].target, "/path?secret");
    // Even through a proxy, an address that is private on its face is not asked for.
    let error = send(&http, "GET", "https://10.0.0.1/", Body::empty()).await.unwrap_err();
    assert!(matches!(error, HttpError::AddressDenied { .. }), "{error:?}");
    assert_eq!(
        *asked.lock().unwrap(),
        "CONNECT service.test:443 HTTP/1.1\r\nHost: service.test:443\r\n\
         Proxy-Authorization: Basic dXNlcjpwYTU1\r\n\r\n"
    );
    let seen = server.counts.seen();
    assert!(!seen[0].headers.contains_key("proxy-authorization"));
}

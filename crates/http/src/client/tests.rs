use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lockkeeper_core::Environment;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A client whose resolver gives these answers, one after the other.
fn resolving(builder: Builder, answers: Vec<Vec<SocketAddr>>) -> (Http, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolve: Resolve = Arc::new(move |_, _| {
        let answer = answers.get(count.fetch_add(1, Ordering::SeqCst)).cloned();
        Box::pin(async move { answer.ok_or_else(|| std::io::Error::other("no such name")) })
    });
    (Builder { resolve, ..builder }.build(), asked)
}

fn builder() -> Builder {
    Http::builder(Environment::default().upstream("service"), &Network::default())
}

async fn get(http: &Http, uri: &str) -> Result<Response, HttpError> {
    http.clone().oneshot(http::Request::get(uri).body(Body::empty()).unwrap()).await
}

/// A server that closes after each answer, so that each request needs a connection.
async fn closing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n").await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_name_that_moves_to_this_machine_is_not_dialled() {
    let address = closing().await;
    let port = address.port();
    let elsewhere = SocketAddr::from(([127, 0, 0, 1], port));
    // The first answer is one that may be dialled, the second is not: a look-up for each connection.
    let builder = builder().named_host(&format!("http://localhost:{port}")).unwrap();
    let metadata = SocketAddr::from(([169, 254, 169, 254], 80));
    let private = SocketAddr::from(([10, 0, 0, 1], 80));
    let (http, asked) = resolving(builder, vec![vec![elsewhere], vec![metadata], vec![private]]);
    let uri = format!("http://localhost:{port}/");
    assert_eq!(get(&http, &uri).await.unwrap().status(), 204);
    for expected in [metadata, private] {
        match get(&http, &uri).await.unwrap_err() {
            HttpError::AddressDenied { address, .. } => assert_eq!(address, expected.ip()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[cfg(target_os = "linux")] // Only there is all of 127.0.0.0/8 this machine.
#[tokio::test]
async fn a_name_that_was_good_once_is_looked_at_again() {
    let allowed = TcpListener::bind("127.0.0.5:0").await.unwrap();
    let port = allowed.local_addr().unwrap().port();
    let hidden = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let uri = format!("https://service.test:{port}");
    let builder = builder().host(&uri).unwrap().network("127.0.0.5").unwrap();
    let at = |last| vec![SocketAddr::from(([127, 0, 0, last], port))];
    let (http, _) = resolving(builder, vec![at(5), at(1)]);
    let dialled = async {
        let (mut stream, _) = allowed.accept().await.unwrap();
        stream.write_all(b"no TLS").await.unwrap();
    };
    let (first, ()) = tokio::join!(get(&http, &uri), dialled);
    assert!(matches!(first, Err(HttpError::Tls { .. })), "{first:?}");
    let second = get(&http, &uri).await;
    assert!(matches!(second, Err(HttpError::AddressDenied { .. })), "{second:?}");
    let nobody = futures_util::FutureExt::now_or_never(hidden.accept());
    assert!(nobody.is_none(), "it was dialled");
}

#[tokio::test]
async fn a_public_name_is_not_dialled_at_home() {
    let address = closing().await;
    let builder = builder().host(&format!("https://api.example.com:{}", address.port())).unwrap();
    let (http, _) = resolving(builder, vec![vec![address]]);
    let error = get(&http, &format!("https://api.example.com:{}/", address.port())).await;
    let error = error.unwrap_err();
    assert!(matches!(error, HttpError::AddressDenied { .. }), "{error:?}");
    assert!(!error.may_have_been_sent());
}

#[tokio::test]
async fn a_name_without_an_address_was_not_found() {
    let (http, _) = resolving(builder().host("https://api.example.com").unwrap(), vec![]);
    let error = get(&http, "https://api.example.com/").await.unwrap_err();
    assert!(matches!(error, HttpError::NameNotFound { source: Some(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_dead_address_does_not_keep_a_living_one_waiting() {
    let address = closing().await;
    let builder = builder().named_host(&format!("http://localhost:{}", address.port())).unwrap();
    // Nobody listens at the first two.
    let dead = |last| SocketAddr::from(([127, 0, 9, last], address.port()));
    let (http, _) = resolving(builder, vec![vec![dead(1), dead(2), address]]);
    let answer = get(&http, &format!("http://localhost:{}/", address.port())).await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[test]
fn the_sandbox_is_told_what_is_reached() {
    let network = Network {
        proxy: Some(Arc::new(lockkeeper_core::Secret::new("http://proxy.test:3128".to_owned()))),
        certificate_file: Some("/ca.pem".into()),
        ..Network::default()
    };
    let builder = Http::builder(Environment::default().upstream("service"), &network);
    let builder = builder.host("https://api.example.com").unwrap();
    let http = builder.host("https://*.example.com").unwrap().build();
    assert_eq!(http.reach().ports, Ports::Fixed(vec![443, 3128]));
    assert_eq!(http.reach().read, [PathBuf::from("/ca.pem")]);
}

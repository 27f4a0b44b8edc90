//! Metrics as those who collect them get them, over real files and sockets.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::listen::is_loopback;
use super::*;

fn listener() -> Listener {
    Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Runs `test` beside a listener.
async fn beside<T>(lifecycle: Lifecycle, test: impl AsyncFnOnce(SocketAddr) -> T) -> T {
    let listener = listener();
    let text = || "metric 1\n".to_owned();
    let health = Health { text: &text, lifecycle: &|| lifecycle };
    tokio::select! {
        () = listener.serve(&health) => panic!("it serves until it is dropped"),
        result = test(listener.address()) => result,
    }
}

/// Sends these bytes and reads until the other side ends.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn status(address: SocketAddr, request: &str) -> String {
    let answer = exchange(address, request.as_bytes()).await;
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn metrics_and_health_can_be_asked_for() {
    beside(Lifecycle::Degraded, async |address| {
        let host = format!("Host: {address}\r\nAccept: */*\r\n\r\n");
        let answer = exchange(address, format!("GET /metrics HTTP/1.1\r\n{host}").as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        assert!(head.contains("Content-Length: 9\r\n"), "{head}");
        assert_eq!(body, "metric 1\n");
        let answer = exchange(address, format!("GET /healthz HTTP/1.1\r\n{host}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\ndegraded\n"));
        let answer =
            exchange(address, format!("HEAD /metrics HTTP/1.1\r\n{host}").as_bytes()).await;
        assert!(answer.contains("Content-Length: 9\r\n") && answer.ends_with("\r\n\r\n"));
    })
    .await;
    for lifecycle in [Lifecycle::Starting, Lifecycle::Draining] {
        beside(lifecycle, async |address| {
            let health = status(address, "GET /healthz HTTP/1.0\r\n\r\n").await;
            assert_eq!(health, "HTTP/1.1 503 Service Unavailable");
        })
        .await;
    }
}

#[tokio::test]
async fn all_else_is_refused() {
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9_000));
    let requests = [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /metrics?name=x HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
        ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "405"),
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", "400"),
        ("GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
        ("GET /metrics\r\n\r\n", "400"),
        ("GET /metrics HTTP/2\r\n\r\n", "400"),
        ("GET  /metrics HTTP/1.1\r\n\r\n", "400"),
        ("GET /metrics HTTP/1.1\r\nno header\r\n\r\n", "400"),
        ("\r\n\r\n", "400"),
        ("{\"jsonrpc\":\"2.0\"}\r\n\r\n", "400"),
        (long.as_str(), "431"),
    ];
    beside(Lifecycle::Ready, async |address| {
        for (request, expected) in requests {
            let status = status(address, request).await;
            assert!(
                status.starts_with(&format!("HTTP/1.1 {expected} ")),
                "{request:.50}: {status}"
            );
        }
        let bytes = exchange(address, b"\xff\xfe\r\n\r\n").await;
        assert!(bytes.starts_with("HTTP/1.1 400 "), "{bytes}");
    })
    .await;
}

#[test]
fn a_name_that_leads_here_is_no_name_of_ours() {
    for host in
        ["", "localhost", "LocalHost:9464", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:9464"]
    {
        assert!(is_loopback(host), "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:9464",
        "localhost:x",
        "10.0.0.1",
        "0.0.0.0:9464",
        "[::]",
        "[::ffff:127.0.0.1]",
        "127.0.0.1@evil.example",
    ] {
        assert!(!is_loopback(host), "{host}");
    }
}

#[test]
fn only_loopback_addresses_are_taken() {
    for text in ["127.0.0.1:0", "127.1.2.3:9464", " [::1]:9464 "] {
        assert!(text.parse::<Loopback>().is_ok(), "{text}");
    }
    for text in [
        "0.0.0.0:9464",
        "[::]:9464",
        "192.168.1.1:1",
        "[::ffff:127.0.0.1]:1",
        "localhost:9464",
        "9464",
        ":9464",
        "",
    ] {
        assert!(text.parse::<Loopback>().is_err(), "{text}");
    }
}

/// Who says nothing, or a byte now and then, holds its place for a short while and no more; and
/// whoever comes in between is answered.
#[tokio::test(start_paused = true)]
async fn a_slow_client_holds_nothing() {
    beside(Lifecycle::Ready, async |address| {
        let mut slow = Vec::new();
        for _ in 0..64 {
            slow.push(TcpStream::connect(address).await.unwrap());
        }
        slow[0].write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
        let started = tokio::time::Instant::now();
        let answer = status(address, "GET /metrics HTTP/1.1\r\n\r\n").await;
        assert_eq!(answer, "HTTP/1.1 200 OK");
        // Eight at once, five seconds each.
        assert!(started.elapsed() <= Duration::from_secs(8 * 5 + 5), "{:?}", started.elapsed());
        for mut stream in slow {
            let mut left = Vec::new();
            // Ended or reset, but ended.
            assert!(!matches!(stream.read_to_end(&mut left).await, Ok(1..)));
        }
    })
    .await;
}

fn source(path: &Path) -> MetricsSource {
    MetricsSource { file: Some(path.to_owned()), listen: None }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_replaced_when_something_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("metrics.prom");
    let outlets = Outlets::open(&source(&path), "lockkeeper-test", "00000001");
    let (changed, changes) = watch::channel(());
    let count = std::cell::Cell::new(0);
    let text = || {
        count.set(count.get() + 1);
        format!("text {}\n", count.get())
    };
    let test = async {
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(count.get(), 1, "once at the start, and nothing happened");
        changed.send_replace(());
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "text 2\n");
        for _ in 0..300 {
            changed.send_replace(());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert!((4..=5).contains(&count.get()), "{}", count.get());
    };
    tokio::select! {
        () = outlets.serve(changes, text, || Lifecycle::Ready) => panic!("it goes on"),
        () = test => {}
    }
    outlets.end("the end\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "the end\n");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn siblings_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let open = |instance| Outlets::open(&source(directory.path()), "lockkeeper-test", instance);
    let (one, two) = (open("00000001"), open("00000002"));
    one.end("one\n");
    two.end("two\n");
    let path = |name: &str| directory.path().join(name);
    assert_eq!(fs::read_to_string(path("lockkeeper-test-00000001.prom")).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(path("lockkeeper-test-00000002.prom")).unwrap(), "two\n");
    // What an ended one left stays until it was surely read, that of a living one always.
    drop(one);
    let others = ["other.prom", "other-00000003.prom", "lockkeeper-test-0000000x.prom"];
    for name in others {
        fs::write(path(name), "theirs").unwrap();
    }
    two.end("two\n");
    assert!(path("lockkeeper-test-00000001.prom").exists());
    let old = SystemTime::now() - Duration::from_hours(1);
    for entry in fs::read_dir(directory.path()).unwrap() {
        let file = fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
        file.set_modified(old).unwrap();
    }
    open("00000004").end("four\n");
    assert!(!path("lockkeeper-test-00000001.prom").exists());
    assert!(path("lockkeeper-test-00000002.prom").exists(), "it lives");
    assert!(others.iter().all(|name| path(name).exists()));
}

#[test]
fn what_cannot_be_opened_stops_nothing() {
    let taken = listener();
    let listen = Some(Loopback(taken.address()));
    let settings = MetricsSource { file: Some("/nowhere/at/all.prom".into()), listen };
    let outlets = Outlets::open(&settings, "lockkeeper-test", "00000001");
    assert_eq!(outlets.address(), None);
    outlets.end("text");
    let findings = settings.findings();
    let said: Vec<_> = findings.iter().map(|one| (one.state.as_str(), one.ok)).collect();
    assert_eq!(said[0], ("/nowhere/at/all.prom: there is no such directory", false));
    assert!(said[1].0.contains("can't be listened on now") && said[1].1, "{said:?}");
}

#[cfg(unix)]
#[test]
fn only_a_file_gives_way() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("victim");
    fs::write(&victim, "theirs").unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let socket = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [link, socket] {
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let findings = source(&path).findings();
        assert!(findings[0].state.ends_with("not a regular file") && !findings[0].ok);
        Outlets::open(&source(&path), "lockkeeper-test", "00000001").end("text");
        assert_eq!(fs::symlink_metadata(&path).unwrap().file_type(), kind, "{}", path.display());
    }
    assert_eq!(fs::read_to_string(victim).unwrap(), "theirs");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "no draft is left");
}

#[test]
fn what_is_said_nearer_counts() {
    let lower = MetricsSource { file: Some("lower".into()), listen: "[::1]:2".parse().ok() };
    let said = MetricsSource { file: None, listen: "127.0.0.1:1".parse().ok() };
    let both = said.or(lower);
    assert_eq!(both.file, Some("lower".into()));
    assert_eq!(both.listen, "127.0.0.1:1".parse().ok());
}

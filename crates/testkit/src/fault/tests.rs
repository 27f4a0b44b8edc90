use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;

use super::*;
use crate::notes::{NotesService, is_sealed};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(150);

/// All that comes until the end, and how it ended.
fn heard(stream: &mut TcpStream) -> (String, io::Result<()>) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).map(drop);
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

/// One request on a connection of its own, which the client's side of it closes.
fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (String, io::Result<()>) {
    let mut stream = connect(address);
    say(&mut stream, method, path, body);
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    heard(&mut stream)
}

fn say(stream: &mut TcpStream, method: &str, path: &str, body: &str) {
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
}

/// The same with a client that doesn't say that it is done, for answers that take a while.
fn wait(address: SocketAddr, method: &str, path: &str) -> (String, io::Result<()>) {
    let mut stream = connect(address);
    say(&mut stream, method, path, "");
    heard(&mut stream)
}

fn is_reset(ended: &io::Result<()>) -> bool {
    ended.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

fn pair() -> (NotesService, HttpProxy) {
    let notes = NotesService::start().unwrap();
    let proxy = HttpProxy::start(notes.address()).unwrap();
    (notes, proxy)
}

/// One answer on a connection that goes on.
fn one(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).unwrap();
        bytes.extend(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        assert!(n > 0, "{text}");
    }
}

#[test]
fn without_faults_it_is_the_upstream_and_keeps_connections() {
    let (notes, proxy) = pair();
    let mut stream = connect(proxy.address());
    for _ in 0..3 {
        say(&mut stream, "GET", "/notes/note-1", "");
        let answer = one(&mut stream);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("etag: \"v1\""), "{head}");
        let note: serde_json::Value = serde_json::from_str(body).unwrap();
        assert!(is_sealed(note["text"].as_str().unwrap(), "note-1"));
    }
    say(&mut stream, "POST", "/notes", r#"{"token":"t","text":"x"}"#);
    assert!(one(&mut stream).starts_with("HTTP/1.1 201"));
    let request = "GET /notes/note-1 HTTP/1.1\r\nIf-None-Match: \"v1\"\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    assert!(one(&mut stream).starts_with("HTTP/1.1 304"));
    say(&mut stream, "PUT", "/notes/note-1", r#"{"text":"new"}"#);
    assert!(one(&mut stream).contains("etag: \"v2\""));
    assert_eq!((notes.posted("t"), notes.requests()), (1, 6));
    assert_eq!(notes.text("note-1").unwrap(), "new");
    let seen = proxy.seen();
    assert!(seen.iter().all(|seen| seen.connection == 1 && seen.forwarded));
    assert_eq!(seen[4].field("if-none-match"), Some("\"v1\""));
    assert_eq!(proxy.forwarded("POST", "/notes", "\"t\""), 1);
    assert_eq!(proxy.faults(), [("pass", 6)].into());
}

#[test]
fn resets_come_before_or_after_the_upstream() {
    let (notes, proxy) = pair();
    proxy.next([Fault::ResetBefore, Fault::ResetAfter, Fault::StatusAfter(502)]);
    let (text, ended) = ask(proxy.address(), "POST", "/notes", r#"{"token":"a"}"#);
    assert!(is_reset(&ended) && text.is_empty(), "{text}: {ended:?}");
    assert_eq!((notes.posted("a"), proxy.forwarded("POST", "/notes", "\"a\"")), (0, 0));
    let mut stream = connect(proxy.address());
    say(&mut stream, "POST", "/notes", r#"{"token":"b"}"#);
    let (text, ended) = heard(&mut stream);
    assert!(is_reset(&ended) && text.is_empty(), "{text}: {ended:?}");
    assert_eq!((notes.posted("b"), proxy.forwarded("POST", "/notes", "\"b\"")), (1, 1));
    let mut stream = connect(proxy.address());
    say(&mut stream, "POST", "/notes", r#"{"token":"c"}"#);
    assert!(one(&mut stream).starts_with("HTTP/1.1 502"));
    assert_eq!(notes.posted("c"), 1);
}

#[test]
fn bodies_are_slow_or_cut() {
    let (_notes, proxy) = pair();
    let whole = {
        let mut stream = connect(proxy.address());
        say(&mut stream, "GET", "/notes", "");
        one(&mut stream).split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    for fault in [Fault::CutLength, Fault::CutChunks, Fault::ResetInBody] {
        let resets = fault == Fault::ResetInBody;
        proxy.next([fault.clone()]);
        let (text, ended) = wait(proxy.address(), "GET", "/notes");
        // A reset may overtake what was sent before it.
        assert_eq!(is_reset(&ended), resets, "{fault:?}: {ended:?}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        assert!(resets || whole.contains(body.trim().lines().last().unwrap()));
        let is_chunked = head.contains("transfer-encoding: chunked");
        assert_eq!(is_chunked, fault == Fault::CutChunks);
        let promised = format!("content-length: {}", whole.len());
        assert!(is_chunked || resets || head.contains(&promised), "{head}");
        assert!(!body.ends_with("0\r\n\r\n") && body.len() < whole.len());
    }
    proxy.next([Fault::SlowBody(whole.len() / 4, Duration::from_millis(50))]);
    let began = Instant::now();
    let mut stream = connect(proxy.address());
    say(&mut stream, "GET", "/notes", "");
    assert!(one(&mut stream).ends_with(&whole));
    assert!(began.elapsed() >= SHORT);
}

#[test]
fn answers_that_are_not_the_upstreams() {
    let (notes, proxy) = pair();
    proxy.next([Fault::Status(429, Some(3)), Fault::Status(503, None), Fault::Malformed]);
    let mut stream = connect(proxy.address());
    say(&mut stream, "GET", "/notes", "");
    let limited = one(&mut stream);
    assert!(limited.starts_with("HTTP/1.1 429") && limited.contains("retry-after: 3"), "{limited}");
    say(&mut stream, "GET", "/notes", "");
    assert!(one(&mut stream).starts_with("HTTP/1.1 503"));
    say(&mut stream, "GET", "/notes", "");
    let (text, ended) = heard(&mut stream);
    assert!(ended.is_ok() && !text.starts_with("HTTP"), "{text}");

    proxy.next([Fault::GzipBomb(3_000_000), Fault::EndlessHeaders]);
    let mut stream = connect(proxy.address());
    say(&mut stream, "GET", "/notes", "");
    stream.set_read_timeout(Some(SHORT)).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap_err();
    assert!(bytes.len() < 50_000, "{} bytes travel", bytes.len());
    let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut bomb = Vec::new();
    GzDecoder::new(&bytes[body..]).read_to_end(&mut bomb).unwrap();
    assert!(bomb.len() >= 3_000_000);
    say(&mut stream, "GET", "/notes", "");
    let mut read = 0;
    let mut buffer = [0; 16384];
    while read < 4_000_000 {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0 && !buffer[..n].windows(4).any(|window| window == b"\r\n\r\n"));
        read += n;
    }
    assert_eq!(notes.requests(), 0);
}

#[test]
fn who_never_answers_sees_its_client_go() {
    let (notes, proxy) = pair();
    proxy.next([Fault::Pass, Fault::Silence, Fault::SilenceAfter]);
    let mut slow = connect(proxy.address());
    say(&mut slow, "GET", "/slow/one", "");
    notes.slow_came("one", PATIENCE).unwrap();
    assert!(notes.slow_left("one", Duration::ZERO).is_none());
    let went = Instant::now();
    drop(slow);
    let left = notes.slow_left("one", PATIENCE).unwrap();
    assert!(left.duration_since(went) < Duration::from_secs(1));
    for came in [0, 1] {
        let mut stream = connect(proxy.address());
        say(&mut stream, "GET", "/notes", "");
        stream.set_read_timeout(Some(SHORT)).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        assert_eq!(notes.requests(), came);
    }
}

#[test]
fn latency_delays_what_the_upstream_gets() {
    let (notes, proxy) = pair();
    proxy.next([Fault::Latency(SHORT)]);
    let began = Instant::now();
    let mut stream = connect(proxy.address());
    say(&mut stream, "GET", "/notes", "");
    assert!(one(&mut stream).starts_with("HTTP/1.1 200"));
    assert!(began.elapsed() >= SHORT);
    // A client that goes while it waits asks the upstream nothing.
    proxy.next([Fault::Latency(SHORT)]);
    let mut stream = connect(proxy.address());
    say(&mut stream, "POST", "/notes", r#"{"token":"t"}"#);
    while proxy.requests() < 2 {
        std::thread::yield_now();
    }
    drop(stream);
    // One that waits as long, and began later, is answered.
    proxy.next([Fault::Latency(2 * SHORT)]);
    let mut stream = connect(proxy.address());
    say(&mut stream, "GET", "/notes", "");
    one(&mut stream);
    assert_eq!(notes.posted("t"), 0);
}

#[test]
fn what_is_down_refuses_until_it_is_up_again() {
    let (notes, proxy) = pair();
    let mut stream = connect(proxy.address());
    say(&mut stream, "GET", "/notes", "");
    one(&mut stream);
    for round in 0..20 {
        proxy.down();
        let error = TcpStream::connect(proxy.address()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "round {round}");
        proxy.up();
        let mut stream = connect(proxy.address());
        say(&mut stream, "GET", "/notes", "");
        assert!(one(&mut stream).starts_with("HTTP/1.1 200"));
    }
    // The connection from before is gone.
    drop(stream.write_all(b"GET /notes HTTP/1.1\r\n\r\n"));
    assert!(heard(&mut stream).0.is_empty());
    notes.down();
    let (text, ended) = wait(proxy.address(), "GET", "/notes");
    assert!(text.is_empty() && is_reset(&ended), "{text}: {ended:?}");
}

#[test]
fn rules_and_chance_take_what_they_are_given() {
    let (_notes, proxy) = pair();
    let statuses = |seed| {
        proxy.heal();
        proxy.mix(seed, [(50, Fault::Pass), (50, Fault::Status(503, None))]);
        proxy.rule(Rule::new(Fault::Status(403, Some(1))).path("/notes/"));
        let mut stream = connect(proxy.address());
        let mut said = |path| {
            say(&mut stream, "GET", path, "");
            one(&mut stream).split(' ').nth(1).unwrap().to_owned()
        };
        assert_eq!(said("/notes/note-1"), "403");
        (0..40).map(|_| said("/notes")).collect::<Vec<_>>()
    };
    let first = statuses(1);
    assert_eq!(first, statuses(1));
    assert_ne!(first, statuses(2));
    assert!(first.contains(&"200".to_owned()) && first.contains(&"503".to_owned()));
    assert_eq!(proxy.faults()["403"], 3);
    proxy.heal();
    let mut stream = connect(proxy.address());
    say(&mut stream, "GET", "/notes/note-1", "");
    assert!(one(&mut stream).starts_with("HTTP/1.1 200"));
}

#[test]
fn what_went_through_is_kept_in_bounded_memory() {
    let (_notes, proxy) = pair();
    proxy.rule(Rule::new(Fault::Status(503, None)));
    let mut stream = connect(proxy.address());
    let request = b"GET /notes HTTP/1.1\r\nauthorization: Bearer canary\r\n\r\n";
    for _ in 0..5_000 {
        stream.write_all(request).unwrap();
        one(&mut stream);
    }
    assert_eq!((proxy.requests(), proxy.seen().len()), (5_000, 4_096));
    assert_eq!(proxy.seen()[0].field("authorization"), Some(""));
}

#[test]
fn tcp_faults_need_no_protocol() {
    let notes = NotesService::start().unwrap();
    let proxy = TcpProxy::start(notes.address()).unwrap();
    let asked = || {
        let mut stream = connect(proxy.address());
        say(&mut stream, "GET", "/notes", "");
        stream
    };
    assert!(one(&mut asked()).starts_with("HTTP/1.1 200"));
    let drip = TcpFault::Drip(100, Duration::from_millis(10));
    proxy.next([TcpFault::Latency(SHORT), drip, TcpFault::Reset]);
    for _ in 0..2 {
        let began = Instant::now();
        assert!(one(&mut asked()).starts_with("HTTP/1.1 200"));
        assert!(began.elapsed() > SHORT / 3);
    }
    let mut stream = connect(proxy.address());
    assert!(is_reset(&heard(&mut stream).1));
    proxy.always(TcpFault::ResetAfter(20));
    let (text, ended) = heard(&mut asked());
    assert!(is_reset(&ended) && text.len() <= 20, "{text}");
    proxy.always(TcpFault::StallAfter(20));
    let mut stream = asked();
    let mut twenty = [0; 20];
    stream.read_exact(&mut twenty).unwrap();
    stream.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    proxy.down();
    TcpStream::connect(proxy.address()).unwrap_err();
    proxy.up();
    proxy.always(TcpFault::Pass);
    assert!(one(&mut asked()).starts_with("HTTP/1.1 200"));
    assert_eq!(proxy.connections(), 7);
}

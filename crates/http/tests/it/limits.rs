//! How long things may take, how many may run at once, and what is left afterwards.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use lockkeeper_core::{Ongoing, ToolError};
use lockkeeper_http::{Body, Http, HttpError, Phase, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Answer, Server};
use crate::{client, send, stream};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_mins(10);
const ALL_LONG: Timeouts = Timeouts { connect: LONG, first_byte: LONG, idle: LONG, total: LONG };

fn ok(_: crate::server::Seen) -> Ready<Answer> {
    ready(http::Response::new(Full::from("ok")))
}

async fn never(_: crate::server::Seen) -> Answer {
    std::future::pending().await
}

/// A server that gives each connection these bytes once it was asked, and then nothing more.
async fn stalling(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                // Who is too late to ask gets no answer; all others keep their connection.
                if stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    stream.write_all(bytes).await.unwrap();
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address.to_string()
}

/// What is behind an outcome that isn't known.
fn cause(error: &HttpError) -> &HttpError {
    match error {
        HttpError::OutcomeUnknown { source } => source,
        other => other,
    }
}

fn phase(error: &HttpError) -> Phase {
    match cause(error) {
        HttpError::Timeout { phase, limit: SHORT, .. } => *phase,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_step_has_a_limit_of_its_own() {
    // It takes the connection and never says a word of TLS.
    let silent = stalling(b"").await;
    let uri = format!("https://{silent}");
    let http = client(&uri).timeouts(Timeouts { connect: SHORT, ..ALL_LONG }).build();
    let error = send(&http, "POST", &uri, Body::from("x")).await.unwrap_err();
    assert_eq!(phase(&error), Phase::Connect);
    assert!(!error.may_have_been_sent());

    let uri = format!("http://{silent}");
    let http = client(&uri).timeouts(Timeouts { first_byte: SHORT, ..ALL_LONG }).build();
    let error = send(&http, "POST", &uri, Body::from("x")).await.unwrap_err();
    assert_eq!(phase(&error), Phase::FirstByte);
    assert!(error.may_have_been_sent());
    assert_eq!(ToolError::from(error).code(), "outcome_unknown");

    let uri =
        format!("http://{}", stalling(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab").await);
    let http = client(&uri).timeouts(Timeouts { idle: SHORT, ..ALL_LONG }).build();
    let answer = stream(&http, &uri).await.unwrap();
    let error = answer.into_body().collect(100).await.unwrap_err();
    assert_eq!(phase(&error), Phase::Idle);
}

#[tokio::test]
async fn a_reader_that_takes_its_time_is_not_the_servers_fault() {
    let server = Server::start(|_| async { Answer::new(Full::from(vec![b'x'; 4 << 20])) }).await;
    let http = client(&server.uri("")).timeouts(Timeouts { idle: SHORT, ..ALL_LONG }).build();
    let mut body = stream(&http, &server.uri("/")).await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(body.collect(8 << 20).await.unwrap().len() + first, 4 << 20);
}

#[tokio::test]
async fn a_request_that_gets_further_is_not_late() {
    let server = Server::start(|seen| async move { Answer::new(Full::from(seen.body)) }).await;
    let first_byte = SHORT;
    let http = client(&server.uri("")).timeouts(Timeouts { first_byte, ..ALL_LONG }).build();
    let pieces = futures_util::stream::unfold(0, |n| async move {
        tokio::time::sleep(SHORT / 2).await;
        (n < 6).then(|| (Ok::<_, HttpError>(http_body::Frame::data(Bytes::from("a"))), n + 1))
    });
    let body = Body::stream(http_body_util::StreamBody::new(Box::pin(pieces)));
    let answer = send(&http, "POST", &server.uri("/"), body).await.unwrap();
    assert_eq!(answer.into_body().collect(10).await.unwrap(), "aaaaaa");
}

#[tokio::test]
async fn no_read_outlasts_its_call() {
    let server = Server::start(never).await;
    let http = client(&server.uri("")).timeouts(ALL_LONG).concurrency(1).build();
    let call = Ongoing::for_testing(Instant::now() + Duration::from_millis(400));
    let (a, b) = (server.uri("/a"), server.uri("/b"));
    let sent = call.clone().during(send(&http, "GET", &a, Body::empty()));
    // There is one place: the second request doesn't get to the server.
    let queued = call.during(send(&http, "POST", &b, Body::empty()));
    let (sent, queued) = tokio::join!(sent, queued);
    let (sent, queued) = (sent.unwrap_err(), queued.unwrap_err());
    assert!(matches!(sent, HttpError::Deadline { phase: Phase::FirstByte, .. }), "{sent:?}");
    // The place may still get free in the moment in which the time is up.
    let unsent = |phase: &Phase| matches!(phase, Phase::Turn | Phase::Connect);
    assert!(matches!(&queued, HttpError::Deadline { phase, .. } if unsent(phase)), "{queued:?}");
    assert!(!queued.may_have_been_sent());
    // What came of it is the host's affair only where the host had it.
    let given = |error: &HttpError| match error {
        HttpError::Deadline { given, .. } => *given,
        error => panic!("{error:?}"),
    };
    assert!(given(&queued) < SHORT && SHORT < given(&sent), "{sent:?} {queued:?}");
    assert_eq!(server.counts.seen().len(), 1);

    let uri =
        format!("http://{}", stalling(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab").await);
    let http = client(&uri).timeouts(ALL_LONG).build();
    let call = Ongoing::for_testing(Instant::now() + Duration::from_millis(400));
    let answer = call.during(stream(&http, &uri)).await.unwrap();
    let error = answer.into_body().collect(100).await.unwrap_err();
    assert!(matches!(error, HttpError::Deadline { phase: Phase::Idle, .. }), "{error:?}");
}

#[tokio::test]
async fn a_change_that_was_sent_may_end_after_its_call() {
    let late = |_| async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        Answer::new(Full::from("done"))
    };
    let server = Server::start(late).await;
    let http = client(&server.uri("")).build();
    let call = Ongoing::for_testing(Instant::now() + Duration::from_millis(300));
    let answer = call.during(send(&http, "POST", &server.uri("/"), Body::empty())).await;
    assert_eq!(answer.unwrap().into_body().collect(9).await.unwrap(), "done");
}

#[tokio::test]
async fn a_thousand_requests_share_eight_places_and_leave_nothing() {
    let server = Server::start(|seen| async move {
        tokio::task::yield_now().await;
        ok(seen).await
    })
    .await;
    let http = client(&server.uri("")).concurrency(8).timeouts(ALL_LONG).build();
    let before = descriptors();
    let one = async |http: Http| {
        let answer = send(&http, "GET", &server.uri("/"), Body::empty()).await.unwrap();
        assert_eq!(answer.into_body().collect(9).await.unwrap(), "ok");
    };
    futures_util::future::join_all((0..1_000).map(|_| one(http.clone()))).await;
    let counts = &server.counts;
    assert_eq!(counts.seen().len(), 1_000);
    let most = counts.most_running.load(Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most} at once");
    assert!(counts.open.load(Ordering::SeqCst) <= 8, "connections are kept and shared");
    drop(http);
    counts.open_is(0).await;
    // Other tests of this process have sockets of their own; under nextest there are none.
    let after = descriptors();
    assert!(after <= before + 8, "{before} descriptors before, {after} after");
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or_default()
}

#[tokio::test]
async fn who_goes_away_leaves_no_connection_and_no_place() {
    let server = Server::start(|seen| async move {
        if seen.target == "/hang" { never(seen).await } else { ok(seen).await }
    })
    .await;
    let http = client(&server.uri("")).concurrency(1).timeouts(ALL_LONG).build();
    let (hanging, uri) = (http.clone(), server.uri("/hang"));
    let hang = tokio::spawn(async move { send(&hanging, "GET", &uri, Body::empty()).await });
    server.counts.until(|counts| counts.running.load(Ordering::SeqCst) == 1).await;
    hang.abort();
    server.counts.until(|counts| counts.running.load(Ordering::SeqCst) == 0).await;
    // Its place is free again; an unread body keeps one until it is dropped.
    let uri = server.uri("/");
    let answer = stream(&http, &uri).await.unwrap();
    let waiting = send(&http, "GET", &uri, Body::empty());
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(SHORT, &mut waiting).await.is_err());
    drop(answer);
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_died_while_it_waited_costs_nothing() {
    // Each connection is closed after its first answer, without a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(tokio::sync::Semaphore::new(0));
    let done = Arc::clone(&served);
    tokio::spawn(async move {
        loop {
            let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
            drop(stream);
            done.add_permits(1);
        }
    });
    let uri = format!("http://{address}");
    let http = client(&uri).build();
    for _ in 0..20 {
        let answer = send(&http, "POST", &uri, Body::from("x")).await.unwrap();
        assert_eq!(answer.into_body().collect(9).await.unwrap(), "ok");
        served.acquire().await.unwrap().forget();
    }
}

#[tokio::test]
async fn what_breaks_off_says_where() {
    for (answer, truncated) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"[..], true),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", true),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", true),
        (b"", false),
        (b"HTTP/1.1 20", false),
        (b"SSH-2.0-OpenSSH\r\n\r\n", false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
        });
        let http = client(&uri).build();
        let outcome = send(&http, "POST", &uri, Body::from("x")).await;
        let text = String::from_utf8_lossy(answer);
        if truncated {
            let error = outcome.unwrap().into_body().collect(99).await.unwrap_err();
            assert!(matches!(cause(&error), HttpError::BodyTruncated), "{text:?}: {error:?}");
        } else {
            let error = outcome.unwrap_err();
            assert!(
                matches!(cause(&error), HttpError::BrokenAfterSend { .. }),
                "{text:?}: {error:?}"
            );
            assert!(error.may_have_been_sent());
        }
    }
}

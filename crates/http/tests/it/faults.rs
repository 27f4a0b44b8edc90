//! The whole client before a real service, with a proxy between them that fails at each stage of a
//! request: nothing is done twice, nothing half is taken for whole, and what is said of it is true.

use std::time::Duration;

use http_body_util::BodyExt as _;
use lockkeeper_core::{Environment, Network, ToolError};
use lockkeeper_http::{Body, Http, HttpError, MaxBody, Response, Streamed, Timeouts};
use lockkeeper_testkit::fault::{Fault, HttpProxy};
use lockkeeper_testkit::notes::{NotesService, is_sealed};
use tower::ServiceExt as _;

fn client(base: &str) -> Http {
    let limit = Duration::from_millis(400);
    let timeouts = Timeouts { first_byte: limit, idle: limit, ..Timeouts::default() };
    Http::builder(Environment::default().upstream("notes"), &Network::default())
        .named_host(base)
        .unwrap()
        .timeouts(timeouts)
        .max_body(1024 * 1024)
        .build()
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::Pass,
        Fault::Latency(Duration::from_millis(50)),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Silence,
        Fault::SilenceAfter,
        Fault::SlowBody(16, Duration::from_millis(5)),
        Fault::CutLength,
        Fault::CutChunks,
        Fault::ResetInBody,
        Fault::Status(429, Some(1)),
        Fault::Status(403, Some(1)),
        Fault::Status(503, Some(1)),
        Fault::Status(500, None),
        Fault::Status(502, None),
        Fault::StatusAfter(500),
        Fault::StatusAfter(502),
        Fault::StatusAfter(504),
        Fault::Malformed,
        Fault::EndlessHeaders,
        Fault::GzipBomb(2 * 1024 * 1024),
    ]
}

async fn send(http: &Http, request: http::Request<Body>) -> Result<(u16, String), HttpError> {
    let response: Response = http.clone().oneshot(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect(16 * 1024 * 1024).await?;
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

#[tokio::test]
async fn reads_survive_whatever_happens_once() {
    let cases = faults().into_iter().map(|fault| async move {
        let notes = NotesService::start().unwrap();
        let proxy = HttpProxy::start(notes.address()).unwrap();
        let base = format!("http://{}", proxy.address());
        let http = client(&base);
        proxy.next([fault.clone()]);
        let request = http::Request::get(format!("{base}/notes/note-7")).body(Body::empty());
        let answer = send(&http, request.unwrap()).await;
        if let Fault::GzipBomb(_) = fault {
            let error = answer.unwrap_err();
            assert!(matches!(error, HttpError::BodyTooLarge { .. }), "{error:?}");
            return;
        }
        let (status, text) = answer.unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(status, 200, "{fault:?}");
        let note: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(is_sealed(note["text"].as_str().unwrap(), "note-7"), "{fault:?}: {text}");
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn writes_are_made_once_and_what_is_said_of_them_is_true() {
    let mut cases = Vec::new();
    for (n, first) in faults().into_iter().enumerate() {
        for second in [Fault::Pass, Fault::ResetAfter, Fault::Status(503, Some(1))] {
            let (first, token) = (first.clone(), format!("t{n}"));
            cases.push(async move {
                let notes = NotesService::start().unwrap();
                let proxy = HttpProxy::start(notes.address()).unwrap();
                let base = format!("http://{}", proxy.address());
                let http = client(&base);
                proxy.next([first.clone(), second.clone()]);
                let body = format!("{{\"token\":\"{token}\",\"text\":\"x\"}}");
                let request = http::Request::post(format!("{base}/notes")).body(body.into());
                let answer = send(&http, request.unwrap()).await;
                let made = notes.posted(&token);
                let case = format!("{first:?}, {second:?}: {answer:?}, made {made} times");
                assert_eq!(proxy.requests(), 1, "{case}");
                match answer {
                    Ok((201, _)) => assert_eq!(made, 1, "{case}"),
                    Ok(_) => panic!("{case}"),
                    Err(error) => match ToolError::from(&error).code() {
                        "outcome_unknown" => assert!(made <= 1, "{case}"),
                        "rate_limited" => assert_eq!(made, 0, "{case}"),
                        _ => panic!("{case}"),
                    },
                }
            });
        }
    }
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn an_upstream_that_is_down_gets_no_write_and_the_answer_says_so() {
    let notes = NotesService::start().unwrap();
    let proxy = HttpProxy::start(notes.address()).unwrap();
    let base = format!("http://{}", proxy.address());
    let http = client(&base);
    proxy.down();
    let request = http::Request::post(format!("{base}/notes")).body(Body::from("{}")).unwrap();
    let error = send(&http, request).await.unwrap_err();
    assert_eq!(ToolError::from(&error).code(), "upstream_down", "{error:?}");
}

/// The most memory that this process ever had, bytes. Each test runs in a process of its own.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_log_of_200_megabytes_passes_in_little_memory() {
    use std::io::{Read as _, Write as _};

    const LENGTH: usize = 200 * 1024 * 1024;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let piece = vec![b'x'; 1024 * 1024];
        (0..LENGTH / piece.len()).for_each(|_| stream.write_all(&piece).unwrap());
    });
    let before = peak();
    let request = http::Request::get(format!("{base}/log"))
        .extension(MaxBody(u64::MAX))
        .extension(Streamed)
        .body(Body::empty())
        .unwrap();
    let mut body = client(&base).oneshot(request).await.unwrap().into_body();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    assert_eq!(read, LENGTH);
    let grown = peak() - before;
    assert!(grown < 50 * 1024 * 1024, "{grown} bytes");
}

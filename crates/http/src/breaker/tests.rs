//! What speaks about the upstream's health, and what doesn't.

use std::time::Duration;

use lockkeeper_core::BreakerState;

use super::*;
use crate::cap::cap;
use crate::decode::decode;
use crate::scripted::{Script, Step, get, raw, say, text, upstream};

const URI: &str = "http://api.test/x";

async fn judged(step: Step) -> (u64, [u64; 4], u64) {
    let (upstream, script) = (upstream(), Script::new([step]));
    let attempt = cap(decode(script.transport()), 1_000);
    let _whatever = text(&breaker(attempt, upstream.clone()), get(URI)).await;
    let reading = upstream.reading();
    (reading.succeeded, reading.failed, reading.dropped)
}

#[tokio::test(start_paused = true)]
async fn answers_are_successes_whatever_they_say() {
    for status in [200, 204, 301, 304, 400, 401, 403, 404, 422, 429] {
        assert_eq!(judged(say(status, &[], "text")).await, (1, [0; 4], 0), "{status}");
    }
    assert_eq!(judged(say(200, &[], "x".repeat(2_000))).await, (1, [0; 4], 0));
}

#[tokio::test(start_paused = true)]
async fn failures_have_a_kind() {
    assert_eq!(judged(Step::Refuse).await, (0, [1, 0, 0, 0], 0));
    assert_eq!(judged(Step::TimeOut).await, (0, [0, 1, 0, 0], 0));
    for broken in [
        raw(""),
        raw("nonsense\r\n\r\n"),
        raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"),
        raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n"),
        say(200, &["content-encoding: gzip"], "no gzip"),
    ] {
        assert_eq!(judged(broken.clone()).await, (0, [0, 0, 1, 0], 0), "{broken:?}");
    }
    for status in [500, 502, 503, 504] {
        assert_eq!(judged(say(status, &[], "")).await, (0, [0, 0, 0, 1], 0), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_says_nothing() {
    let (upstream, script) = (upstream(), Script::default());
    script.then(Step::Silence);
    let stack = breaker(script.transport(), upstream.clone());
    for _ in 0..20 {
        let asking = text(&stack, get(URI));
        assert!(tokio::time::timeout(Duration::from_secs(1), asking).await.is_err());
    }
    let reading = upstream.reading();
    assert_eq!((reading.dropped, reading.breaker), (20, BreakerState::Closed));
    // Also while a body is read.
    script.next([say(200, &[], "x".repeat(50_000))]);
    drop(stack.oneshot(get(URI)).await.unwrap());
    assert_eq!(upstream.reading().dropped, 21);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_lets_nothing_through_until_one_probe_succeeds() {
    let (upstream, script) = (upstream(), Script::default());
    let stack = breaker(script.transport(), upstream.clone());
    script.then(say(500, &[], ""));
    let mut asked = 0;
    let error = loop {
        match text(&stack, get(URI)).await {
            Ok(_) => asked += 1,
            Err(error) => break error,
        }
        assert!(asked < 100);
    };
    let HttpError::BreakerOpen { retry_after } = error else { panic!("{error:?}") };
    let tool_error = lockkeeper_core::ToolError::from(&error);
    assert_eq!(tool_error.code(), "upstream_down");
    assert!(tool_error.text().contains("retry_after_s: "), "{}", tool_error.text());
    assert_eq!(script.count(), asked);
    // One probe, and nobody beside it.
    tokio::time::advance(retry_after).await;
    script.then(say(200, &[], "ok"));
    let probe = stack.clone().oneshot(get(URI)).await.unwrap();
    assert!(matches!(text(&stack, get(URI)).await, Err(HttpError::BreakerOpen { .. })));
    probe.into_body().collect(100).await.unwrap();
    assert_eq!(text(&stack, get(URI)).await.unwrap(), (200, "ok".to_owned()));
    assert_eq!(upstream.reading().breaker, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_read_slowly_keeps_nobody_away() {
    let (upstream, script) = (upstream(), Script::new([say(200, &[], "x".repeat(2 * ENOUGH))]));
    let stack = breaker(script.transport(), upstream.clone());
    for _ in 0..5 {
        upstream.admit().unwrap().failed(Failure::Faulty);
    }
    tokio::time::advance(Duration::from_mins(1)).await;
    let mut body = stack.oneshot(get(URI)).await.unwrap().into_body();
    let mut read = 0;
    while read <= ENOUGH {
        let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        read += frame.into_data().unwrap().len();
    }
    assert_eq!(upstream.reading().breaker, BreakerState::Closed);
}

#[tokio::test]
async fn an_upstream_that_hangs_until_calls_are_over_has_failed() {
    for (given, failed) in [(CHANCE, 5), (CHANCE / 2, 0)] {
        let late = Stack::new(service_fn(move |_: Request| async move {
            let (host, phase) = ("api.test".to_owned(), crate::Phase::FirstByte);
            Err::<Response, _>(HttpError::Deadline { host, phase, given })
        }));
        let upstream = upstream();
        let stack = breaker(late, upstream.clone());
        for _ in 0..5 {
            text(&stack, get(URI)).await.unwrap_err();
        }
        let reading = upstream.reading();
        assert_eq!((reading.failed, reading.dropped), ([0, failed, 0, 0], 5 - failed));
        assert_eq!(reading.breaker == BreakerState::Open, failed > 0);
    }
}

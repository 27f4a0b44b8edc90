//! What is asked again, what isn't, and how often the upstream sees it.

use http::Method;
use lockkeeper_core::ToolError;
use lockkeeper_core::testing::during;

use super::*;
use crate::scripted::{Script, Step, get, post, raw, say, text, upstream};
use crate::semantics::{Quota, Semantics};

const URI: &str = "http://api.test/x";

fn stack(script: &Script) -> Stack {
    retry(script.transport(), upstream())
}

fn ok() -> Step {
    say(200, &[], "ok")
}

/// Everything that goes wrong once, with a name for it.
fn faults() -> Vec<(&'static str, Step)> {
    let github = "You have exceeded a secondary rate limit";
    vec![
        ("refused", Step::Refuse),
        ("gone", Step::Gone),
        ("timed out", Step::TimeOut),
        ("closed", raw("")),
        ("half a head", raw("HTTP/1.1 200 OK\r\ncontent-le")),
        ("short body", raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")),
        ("short chunks", raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n")),
        ("408", say(408, &[], "")),
        ("429", say(429, &["retry-after: 1"], "")),
        ("429 untimed", say(429, &[], "")),
        ("403", say(403, &["retry-after: 1"], "")),
        ("403 by body", say(403, &[], format!("{{\"message\":\"{github}\"}}"))),
        ("500", say(500, &[], "")),
        ("502", say(502, &[], "")),
        ("503", say(503, &[], "")),
        ("503 timed", say(503, &["retry-after: 1"], "")),
        ("504", say(504, &[], "")),
    ]
}

fn request(method: &Method, semantics: Option<Semantics>) -> Request {
    let mut request = http::Request::builder().method(method).uri(URI);
    if let Some(semantics) = semantics {
        request = request.extension(semantics);
    }
    let has_body = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    request.body(if has_body { Body::from("content") } else { Body::empty() }).unwrap()
}

async fn within<T>(time: Duration, work: impl Future<Output = T>) -> T {
    during(std::time::Instant::now() + time, None, work).await
}

#[tokio::test(start_paused = true)]
async fn what_reads_is_asked_again() {
    let reading = [(Method::GET, None), (Method::POST, Some(Semantics::Reads))];
    for (method, semantics) in reading {
        for (name, fault) in faults() {
            let arrives = !matches!(fault, Step::Refuse | Step::Gone);
            let script = Script::new([fault, ok()]);
            let answer = within(
                Duration::from_secs(1_000_000),
                text(&stack(&script), request(&method, semantics)),
            )
            .await;
            assert_eq!(answer.unwrap(), (200, "ok".to_owned()), "{method} {name}");
            assert_eq!(script.count(), 1 + usize::from(arrives), "{method} {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_wont_change_are_not_asked_for_again() {
    for status in [200, 204, 304, 400, 401, 403, 404, 409, 422, 501, 505] {
        let script = Script::new([say(status, &[], "")]);
        assert_eq!(text(&stack(&script), get(URI)).await.unwrap().0, status);
        assert_eq!(script.count(), 1);
    }
}

/// The promise: whatever goes wrong, in any order, a change arrives at most once, and what is said
/// of it is true.
#[tokio::test(start_paused = true)]
async fn a_change_is_never_sent_twice() {
    let changing = [
        (Method::POST, None),
        (Method::PUT, None),
        (Method::PATCH, None),
        (Method::DELETE, None),
        (Method::GET, Some(Semantics::Once)),
        (Method::PUT, Some(Semantics::Once)),
    ];
    let faults = faults();
    for (method, semantics) in changing {
        for (first, one) in &faults {
            for (second, other) in &faults {
                let case = format!("{method} {semantics:?}: {first}, {second}");
                let script = Script::new([one.clone(), other.clone()]);
                script.then(ok());
                let answer = within(
                    Duration::from_secs(1_000_000),
                    text(&stack(&script), request(&method, semantics)),
                )
                .await;
                let count = script.count();
                assert!(count <= 1, "{case}: arrived {count} times");
                let last = match (first, script.left()) {
                    (_, 0) if answer.as_ref().is_ok_and(|(status, _)| *status == 200) => "",
                    (first, 1) => first,
                    _ => second,
                };
                match answer {
                    Ok((200, _)) => assert_eq!((count, last), (1, ""), "{case}"),
                    Ok((status, _)) => assert_eq!((status, last), (408, "408"), "{case}"),
                    Err(error) => {
                        let code = ToolError::from(&error).code();
                        let expected = match last {
                            "429" | "429 untimed" | "403" | "403 by body" | "503 timed" => {
                                "rate_limited"
                            }
                            _ => "outcome_unknown",
                        };
                        assert_eq!((code, count), (expected, 1), "{case}: {error:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_never_leaves_says_so() {
    for fault in [Step::Refuse, Step::Gone] {
        let script = Script::default();
        script.then(fault);
        let error = text(&stack(&script), post(URI, "content")).await.unwrap_err();
        assert_eq!(ToolError::from(error).code(), "upstream_down");
        assert_eq!(script.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeatable_change_that_failed_every_time_may_have_happened() {
    for (name, fault) in faults() {
        for last in [Step::Refuse, fault.clone()] {
            let script = Script::new([fault.clone(), fault.clone(), fault.clone(), last]);
            let request = request(&Method::PUT, Some(Semantics::Repeatable));
            let answer =
                within(Duration::from_secs(1_000_000), text(&stack(&script), request)).await;
            assert!(script.left() == 0, "{name}");
            let is_open = !matches!(
                name,
                "refused"
                    | "gone"
                    | "408"
                    | "429"
                    | "429 untimed"
                    | "403"
                    | "403 by body"
                    | "503 timed"
            );
            let code = answer.as_ref().map_err(|error| ToolError::from(error).code());
            assert_eq!(code == Err("outcome_unknown"), is_open, "{name}: {answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_never_sent_again() {
    for (name, fault) in faults() {
        let script = Script::new([fault]);
        let body = Body::stream(Body::from("content"));
        let request = http::Request::put(URI).extension(Semantics::Repeatable).body(body).unwrap();
        let _whatever = text(&stack(&script), request).await;
        assert!(script.count() <= 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_three_retries() {
    let script = Script::default();
    script.then(say(502, &[], "bad gateway"));
    let answer = text(&stack(&script), get(URI)).await.unwrap();
    assert_eq!(answer, (502, "bad gateway".to_owned()));
    assert_eq!(script.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_was_asked_for_is_kept() {
    let script = Script::new([say(429, &["retry-after: 7"], ""), ok()]);
    let begin = Instant::now();
    within(Duration::from_secs(20), text(&stack(&script), get(URI))).await.unwrap();
    let waited = begin.elapsed();
    assert!((7..9).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_is_said_at_once_and_to_all() {
    let script = Script::new([say(403, &["retry-after: 90"], ""), ok(), ok()]);
    let stack = stack(&script);
    let begin = Instant::now();
    let error = within(Duration::from_secs(25), text(&stack, get(URI))).await.unwrap_err();
    assert!(ToolError::from(&error).text().ends_with("retry_after_s: 90"), "{error:?}");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    tokio::time::advance(Duration::from_secs(30)).await;
    for request in [get(URI), post("http://api.test/other", "content")] {
        let error = text(&stack, request).await.unwrap_err();
        assert!(ToolError::from(&error).text().ends_with("retry_after_s: 60"), "{error:?}");
    }
    assert_eq!(script.count(), 1);
    let other = http::Request::get(URI).extension(Quota("search")).body(Body::empty()).unwrap();
    assert_eq!(text(&stack, other).await.unwrap().0, 200);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(text(&stack, get(URI)).await.unwrap().0, 200);
}

#[tokio::test(start_paused = true)]
async fn no_retry_comes_after_the_deadline() {
    let script = Script::new([say(503, &[], "")]);
    script.then(Step::Later(Duration::from_mins(1), Vec::new()));
    let late = std::time::Instant::now();
    let answer = during(late, None, text(&stack(&script), get(URI))).await;
    assert_eq!((answer.unwrap().0, script.count()), (503, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_is_not_asked_again() {
    let script = Script::new([say(429, &["retry-after: 5"], ""), ok()]);
    let stack = stack(&script);
    let asking = text(&stack, get(URI));
    assert!(tokio::time::timeout(Duration::from_secs(1), asking).await.is_err());
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_body_that_breaks_off_is_an_error_of_its_reader() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 2 * WHOLE);
    let script = Script::new([Step::SayAndEnd([head.as_bytes(), &vec![b'x'; WHOLE + 5]].concat())]);
    let error = text(&stack(&script), get(URI)).await.unwrap_err();
    assert!(matches!(error, HttpError::Body { .. } | HttpError::BodyTruncated), "{error:?}");
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_streamed_is_handed_on_at_once() {
    let script = Script::new([raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"), ok()]);
    let request = http::Request::get(URI).extension(Streamed).body(Body::empty()).unwrap();
    let error = text(&stack(&script), request).await.unwrap_err();
    assert!(matches!(error, HttpError::Body { .. } | HttpError::BodyTruncated), "{error:?}");
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_reason_breaks_off_is_still_a_refusal() {
    let broken = raw("HTTP/1.1 403 Forbidden\r\ncontent-length: 50\r\n\r\n{");
    let script = Script::new([broken]);
    let response = stack(&script).oneshot(post(URI, "content")).await.unwrap();
    assert_eq!(response.status(), 403);
    let error = response.into_body().collect(100).await.unwrap_err();
    assert!(!matches!(error, HttpError::OutcomeUnknown { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted() {
    let upstream = upstream();
    let script = Script::new([say(503, &[], ""), Step::Refuse, ok()]);
    let stack = retry(script.transport(), upstream.clone());
    text(&stack, get(URI)).await.unwrap();
    assert_eq!(upstream.reading().retried, 2);
}

//! All layers at once: what each promises has to hold with the others around it.

use std::time::{Duration, Instant};

use http::Method;
use lockkeeper_core::testing::during;
use lockkeeper_core::{BreakerState, ToolError};

use super::*;
use crate::cache::CacheSettings;
use crate::scripted::{Script, Step, get, post, raw, say, text, upstream};
use crate::{Body, HttpError};

const URI: &str = "http://api.test/x";

fn layers(script: &Script) -> (Stack, Upstream) {
    let upstream = upstream();
    let layers = Layers {
        upstream: upstream.clone(),
        cache: Some((Cache::new(CacheSettings::default()), [0; 32])),
        traced: ["api.test".to_owned()].into(),
        max_body: 64 * 1024,
    };
    (layers.around(script.transport()), upstream)
}

/// Any two things that go wrong one after the other, redirects among them.
#[tokio::test(start_paused = true)]
async fn no_change_arrives_twice_at_one_place() {
    let faults = || {
        vec![
            Step::Refuse,
            Step::Gone,
            Step::TimeOut,
            raw(""),
            raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"),
            say(429, &["retry-after: 1"], ""),
            say(503, &["retry-after: 1"], ""),
            say(500, &[], ""),
            say(502, &[], ""),
            say(304, &[], ""),
            say(301, &["location: /y"], ""),
            say(302, &["location: /y"], ""),
            say(303, &["location: /y"], ""),
            say(307, &["location: /y"], ""),
            say(308, &["location: /y"], ""),
            say(307, &["location: /x"], ""),
            say(200, &["content-encoding: gzip"], "no gzip"),
            say(200, &["content-encoding: br"], "br"),
            say(200, &[], "x".repeat(65 * 1024)),
        ]
    };
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for one in faults() {
            for other in faults() {
                let case =
                    format!("{method} {:.60} {:.60}", format!("{one:?}"), format!("{other:?}"));
                let script = Script::new([one.clone(), other.clone()]);
                script.then(say(200, &[], "ok"));
                let (stack, _) = layers(&script);
                let request = http::Request::builder().method(&method).uri(URI);
                let request = request.body(Body::from("content")).unwrap();
                let later = Instant::now() + Duration::from_secs(1_000_000);
                let _whatever = during(later, None, text(&stack, request)).await;
                let arrived = script.arrived();
                for place in ["/x", "/y"] {
                    let line = format!("{method} {place} ");
                    let count = arrived.iter().filter(|head| head.starts_with(&line)).count();
                    assert!(count <= 1, "{case}: {count} times at {place}");
                }
                assert!(arrived.len() <= 3, "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_down_is_left_alone() {
    let script = Script::default();
    script.then(Step::Refuse);
    let (stack, upstream) = layers(&script);
    let mut codes = Vec::new();
    for _ in 0..4 {
        let error = text(&stack, get(URI)).await.unwrap_err();
        codes.push(ToolError::from(&error).code());
    }
    assert_eq!(codes, ["upstream_down"; 4]);
    assert_eq!(upstream.reading().breaker, BreakerState::Open);
    let error = text(&stack, post(URI, "content")).await.unwrap_err();
    assert!(matches!(error, HttpError::BreakerOpen { .. }), "{error:?}");
    // Five attempts opened it, and no more were made.
    assert_eq!(upstream.reading().failed, [5, 0, 0, 0]);
    // It comes back by itself.
    tokio::time::advance(Duration::from_mins(1)).await;
    script.then(say(200, &[], "ok"));
    assert_eq!(text(&stack, get(URI)).await.unwrap().1, "ok");
    assert_eq!(upstream.reading().breaker, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_for_what_fails_hammer_nobody() {
    let script = Script::default();
    script.then(say(503, &[], ""));
    let (stack, upstream) = layers(&script);
    for _ in 0..10 {
        let all = (0..16).map(|n| text(&stack, get(&format!("http://api.test/{n}"))));
        let all: Vec<_> = futures_util::future::join_all(all.collect::<Vec<_>>()).await;
        drop(all);
    }
    let count = script.count();
    assert!(count <= 16 + 10, "{count} of 160 requests and their retries arrived");
    assert!(upstream.reading().retried <= 10 + 16, "{:?}", upstream.reading());
}

#[tokio::test(start_paused = true)]
async fn a_short_body_that_breaks_off_is_asked_for_again_and_kept_whole() {
    let short = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 5\r\n\r\nab";
    let script = Script::new([raw(short), say(200, &["cache-control: max-age=60"], "whole")]);
    let (stack, _) = layers(&script);
    assert_eq!(text(&stack, get(URI)).await.unwrap().1, "whole");
    assert_eq!(text(&stack, get(URI)).await.unwrap().1, "whole");
    assert_eq!(script.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_trace_stays_with_the_upstream_over_redirects() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let script =
        Script::new([say(302, &["location: http://blob.test/log"], ""), say(200, &[], "log")]);
    let (stack, _) = layers(&script);
    let later = Instant::now() + Duration::from_secs(9);
    during(later, Some(PARENT), text(&stack, get(URI))).await.unwrap();
    let arrived = script.arrived();
    assert!(arrived[0].contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
    assert!(!arrived[1].contains("traceparent"), "{}", arrived[1]);
}

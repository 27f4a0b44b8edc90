//! The upstream as its users see it, on a paused clock.

use super::*;
use crate::metrics::Metrics;

fn upstream() -> Upstream {
    Upstreams::default().register("test")
}

async fn break_it(upstream: &Upstream) {
    for _ in 0..5 {
        upstream.admit().unwrap().failed(Failure::Faulty);
    }
    tokio::task::yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_left_alone_and_tried_again() {
    let upstream = upstream();
    break_it(&upstream).await;
    let Open { retry_after } = upstream.admit().unwrap_err();
    assert!((5..=7).contains(&retry_after.as_secs()), "{retry_after:?}");
    // Paused time goes in milliseconds.
    tokio::time::advance(retry_after.saturating_sub(Duration::from_millis(2))).await;
    assert!(upstream.admit().is_err());
    tokio::time::advance(Duration::from_millis(2)).await;
    let probe = upstream.admit().unwrap();
    assert_eq!(upstream.admit().unwrap_err().retry_after, Duration::from_secs(1));
    probe.succeeded();
    assert_eq!(upstream.reading().breaker, BreakerState::Closed);
    let reading = upstream.reading();
    assert_eq!((reading.succeeded, reading.failed, reading.opened), (1, [0, 0, 0, 5], 1));
    assert_eq!((reading.refused, reading.dropped), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_frees_its_place() {
    let upstream = upstream();
    break_it(&upstream).await;
    tokio::time::advance(Duration::from_mins(1)).await;
    drop(upstream.admit().unwrap());
    let probe = upstream.admit().unwrap();
    assert!(upstream.admit().is_err());
    probe.failed(Failure::TimedOut);
    let reading = upstream.reading();
    assert_eq!((reading.breaker, reading.opened, reading.dropped), (BreakerState::Open, 2, 1));
    assert!((10..=13).contains(&reading.opens_in.as_secs()), "{:?}", reading.opens_in);
}

#[tokio::test(start_paused = true)]
async fn cancelled_calls_say_nothing_about_the_upstream() {
    let upstream = upstream();
    for _ in 0..100 {
        drop(upstream.admit().unwrap());
    }
    assert_eq!(upstream.reading().breaker, BreakerState::Closed);
}

#[test]
fn one_name_is_one_upstream() {
    let upstreams = Upstreams::default();
    let first = upstreams.register("one");
    upstreams.register("other");
    upstreams.register("one").retried();
    upstreams.register("one").cached(Cached::Coalesced);
    assert_eq!((first.reading().retried, first.reading().cached), (1, [0, 0, 0, 1, 0]));
    let names: Vec<_> = upstreams.readings().iter().map(|reading| reading.name).collect();
    assert_eq!(names, ["one", "other"]);
}

#[test]
fn the_jitter_is_a_fraction() {
    for _ in 0..1_000 {
        assert!((0.0..1.0).contains(&unit()));
    }
}

#[test]
fn metrics_tell_how_it_goes() {
    let metrics = Metrics::new("lockkeeper-test", "1", "ab12".to_owned());
    let upstreams = Upstreams::default();
    metrics.collect(upstreams.collector());
    let upstream = upstreams.register("notes");
    upstream.admit().unwrap().succeeded();
    drop(upstream.admit().unwrap());
    for _ in 0..5 {
        upstream.admit().unwrap().failed(Failure::TimedOut);
    }
    assert!(upstream.admit().is_err());
    upstream.retried();
    upstream.cached(Cached::Revalidated);
    let text = metrics.text();
    for (name, labels, value) in [
        ("upstream_attempts_total", r#",outcome="ok""#, 1),
        ("upstream_attempts_total", r#",outcome="timed_out""#, 5),
        ("upstream_attempts_total", r#",outcome="faulty""#, 0),
        ("upstream_attempts_total", r#",outcome="dropped""#, 1),
        ("upstream_retries_total", "", 1),
        ("breaker_state", r#",state="open""#, 1),
        ("breaker_state", r#",state="closed""#, 0),
        ("breaker_opened_total", "", 1),
        ("breaker_refusals_total", "", 1),
        ("cache_requests_total", r#",outcome="revalidated""#, 1),
        ("cache_requests_total", r#",outcome="hit""#, 0),
    ] {
        let sample = format!(r#",upstream="notes"{labels}}} {value}"#);
        let found = text.lines().any(|line| {
            line.starts_with(&format!("lockkeeper_{name}{{")) && line.ends_with(&sample)
        });
        assert!(found, "{name} {sample}\n{text}");
    }
}

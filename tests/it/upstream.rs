//! What the agent sees when the upstream is slow, broken, hostile or gone, for each way in which it
//! can be: a read is repeated where that helps, a write never, and no call hangs.

use std::time::{Duration, Instant};

use lockkeeper_testkit::fault::{Fault, HttpProxy, Rule};
use lockkeeper_testkit::notes::{NotesService, is_sealed};
use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::fixture::{Fixture, PATIENCE, Session, eras, text, until};

/// Within this, a call that has to say no says it: far below any budget.
const SOON: Duration = Duration::from_secs(10);

struct Upstream {
    notes: NotesService,
    proxy: HttpProxy,
    fixture: Fixture,
}

impl Upstream {
    fn new(arguments: &[&str]) -> Self {
        let notes = NotesService::start().unwrap();
        let proxy = HttpProxy::start(notes.address()).unwrap();
        let url = format!("http://{}", proxy.address());
        let fixture = Fixture::new(&["--write", "--upstream", &url]).also(arguments);
        Self { notes, proxy, fixture }
    }

    fn connect(&self) -> Session {
        self.fixture.connect(Era::Modern)
    }
}

/// Fetches a note: its code, which is `ok` only for the whole note, and all that was said.
fn read(session: &mut Session) -> (String, String) {
    let result = session.call("fetch_note", json!({"name": "note-1"}));
    let said = text(&result);
    if result["isError"] == true {
        return (code(&said), said);
    }
    let note = result["structuredContent"]["text"].as_str().unwrap_or_default();
    assert!(is_sealed(note, "note-1"), "{said}");
    ("ok".to_owned(), said)
}

fn post(session: &mut Session, token: &str) -> (String, String) {
    let result = session.call("post_note", json!({"token": token, "text": "a note"}));
    let said = text(&result);
    (if result["isError"] == true { code(&said) } else { "ok".to_owned() }, said)
}

fn code(said: &str) -> String {
    let code = said.strip_prefix("error: ").unwrap_or_default();
    code.split(':').next().unwrap_or_default().to_owned()
}

#[test]
fn what_breaks_once_is_read_again_and_never_written_again() {
    let ms = Duration::from_millis;
    // The fault, what becomes of a write that meets it, and how often that was made.
    let faults = [
        (Fault::Latency(ms(100)), "ok", 1),
        (Fault::SlowBody(2_000, ms(5)), "ok", 1),
        (Fault::ResetBefore, "outcome_unknown", 0),
        (Fault::ResetAfter, "outcome_unknown", 1),
        (Fault::CutLength, "outcome_unknown", 1),
        (Fault::CutChunks, "outcome_unknown", 1),
        (Fault::ResetInBody, "outcome_unknown", 1),
        (Fault::Status(503, None), "outcome_unknown", 0),
        (Fault::StatusAfter(502), "outcome_unknown", 1),
        (Fault::Malformed, "outcome_unknown", 0),
    ];
    let mut handles = Vec::new();
    for (fault, code, made) in faults {
        // Each has a breaker of its own.
        handles.push(std::thread::spawn(move || {
            let upstream = Upstream::new(&[]);
            let mut session = upstream.connect();
            assert_eq!(read(&mut session).0, "ok");
            upstream.proxy.next([fault.clone()]);
            let (seen, said) = read(&mut session);
            assert_eq!(seen, "ok", "{fault:?}: {said}");
            upstream.proxy.next([fault.clone()]);
            let (seen, said) = post(&mut session, "t");
            assert_eq!(seen, code, "{fault:?}: {said}");
            assert_eq!(upstream.notes.posted("t"), made, "{fault:?}");
            assert_eq!(post(&mut session, "u").0, "ok", "{fault:?}");
            let sent = upstream.proxy.seen().iter().filter(|seen| seen.method == "POST").count();
            assert_eq!(sent, 2, "{fault:?}: a write is sent once");
            session.settle();
            session.end();
        }));
    }
    for handle in handles {
        handle.join().unwrap();
    }
}

#[test]
fn who_is_asked_to_wait_waits_or_says_for_how_long() {
    for status in [429, 403] {
        let upstream = Upstream::new(&[]);
        let mut session = upstream.connect();
        upstream.proxy.next([Fault::Status(status, Some(1))]);
        let began = Instant::now();
        assert_eq!(read(&mut session).0, "ok");
        assert!(began.elapsed() >= Duration::from_secs(1), "{status}");

        upstream.proxy.rule(Rule::new(Fault::Status(status, Some(100))));
        let began = Instant::now();
        let (code, said) = read(&mut session);
        assert_eq!(code, "rate_limited", "{status}: {said}");
        assert!(said.ends_with("retry_after_s: 100"), "{said}");
        let (code, said) = post(&mut session, "t");
        assert_eq!(code, "rate_limited", "{status}: {said}");
        assert!(said.contains("retry_after_s: "), "{said}");
        assert!(began.elapsed() < SOON);
        assert_eq!(upstream.notes.posted("t"), 0);
        session.settle();
        session.end();
    }
}

#[test]
fn an_upstream_that_never_answers_hangs_no_call() {
    eras(|era| {
        let upstream = Upstream::new(&["--call-budget", "1s"]);
        for fault in [Fault::Silence, Fault::SilenceAfter] {
            let mut session = upstream.fixture.connect(era);
            upstream.proxy.heal();
            upstream.proxy.rule(Rule::new(fault));
            let began = Instant::now();
            let (code, said) = read(&mut session);
            assert_eq!(code, "upstream_timeout", "{said}");
            let (code, said) = post(&mut session, "t");
            assert_eq!(code, "outcome_unknown", "{said}");
            assert!(began.elapsed() < Duration::from_secs(2 * 2), "{:?}", began.elapsed());
            session.settle();
            // The write is still waited for, until nothing can come any more.
            upstream.proxy.down();
            upstream.proxy.up();
            session.end();
        }
        assert_eq!(upstream.notes.posted("t"), 1);
    });
}

#[test]
fn an_upstream_that_hangs_for_whole_calls_is_left_alone() {
    // Shorter than any limit that an attempt has of its own.
    let upstream = Upstream::new(&["--call-budget", "1500ms"]);
    upstream.proxy.rule(Rule::new(Fault::Silence));
    let mut session = upstream.connect();
    for _ in 0..5 {
        assert_eq!(read(&mut session).0, "upstream_timeout");
    }
    let (code, said) = read(&mut session);
    assert_eq!(code, "upstream_down");
    assert!(said.contains("retry_after_s: "), "{said}");
    session.settle();
    session.end();
}

#[test]
fn answers_without_end_are_cut_off() {
    let upstream = Upstream::new(&[]);
    let mut session = upstream.connect();
    upstream.proxy.rule(Rule::new(Fault::GzipBomb(64 * 1024 * 1024)).times(2));
    let (code, said) = read(&mut session);
    assert_eq!(code, "too_large", "{said}");
    // It was taken, as far as anyone knows.
    let (code, said) = post(&mut session, "t");
    assert_eq!(code, "outcome_unknown", "{said}");
    upstream.proxy.rule(Rule::new(Fault::EndlessHeaders));
    let began = Instant::now();
    let (code, said) = read(&mut session);
    assert!(matches!(code.as_str(), "upstream_down" | "upstream_invalid"), "{said}");
    assert!(began.elapsed() < SOON);
    assert!(session.peak_mib() < 60, "{} MiB", session.peak_mib());
    session.settle();
    session.end();
}

#[test]
fn a_name_that_nobody_knows_is_said_at_once() {
    let fixture = Fixture::new(&["--upstream", "https://nowhere.invalid"]);
    let mut session = fixture.connect(Era::Modern);
    let began = Instant::now();
    let (code, said) = read(&mut session);
    assert_eq!(code, "upstream_down", "{said}");
    assert!(!said.contains("nowhere"), "{said}");
    assert!(began.elapsed() < SOON);
    session.settle();
    session.end();
}

#[test]
fn what_is_down_is_left_alone_and_found_when_it_is_back() {
    let upstream = Upstream::new(&[]);
    let mut session = upstream.connect();
    assert_eq!(read(&mut session).0, "ok");
    upstream.proxy.down();
    let began = Instant::now();
    let mut calls = 0;
    let said = loop {
        let (code, said) = read(&mut session);
        assert_eq!(code, "upstream_down", "{said}");
        calls += 1;
        if said.contains("retry_after_s: ") {
            break said;
        }
        assert!(calls < 20, "never left alone: {said}");
    };
    let wait = said.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    assert!((1..=60).contains(&wait), "{said}");
    // What never left can't have been done.
    let (code, said) = post(&mut session, "t");
    assert_eq!(code, "upstream_down", "{said}");
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    upstream.proxy.up();
    until("recovery", || read(&mut session).0 == "ok");
    assert_eq!(post(&mut session, "t").0, "ok");
    assert_eq!(upstream.notes.posted("t"), 1);
    session.settle();
    session.end();
}

#[test]
fn a_cancelled_read_lets_go_of_the_upstream() {
    eras(|era| {
        let upstream = Upstream::new(&["--concurrency", "1"]);
        let mut session = upstream.fixture.connect(era);
        let fastest = (0..5).map(|round| {
            let name = format!("slow-{round}");
            let slow = session.begin("fetch_note", json!({"name": name, "slow": true}));
            upstream.notes.slow_came(&name, PATIENCE).unwrap();
            let cancelled = Instant::now();
            session.cancel(slow);
            let left = upstream.notes.slow_left(&name, PATIENCE).unwrap();
            assert_eq!(read(&mut session).0, "ok");
            left.saturating_duration_since(cancelled)
        });
        // The best of five: other processes share this machine.
        assert!(fastest.min().unwrap() <= Duration::from_millis(100));
        session.settle();
        session.end();
    });
}

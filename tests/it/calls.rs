//! The life of a call when something goes wrong with it: panics, cancellations, crowds, time.

use std::time::{Duration, Instant};

use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::fixture::{Fixture, PATIENCE, eras, text};

const LONG: u64 = 60_000;

#[test]
fn a_panic_is_answered_and_the_server_lives() {
    eras(|era| {
        let fixture = Fixture::new(&[]);
        let mut session = fixture.connect(era);
        for place in ["plan", "body", "blocking", "output"] {
            let error = session.text("panic_now", json!({"place": place, "message": "canary"}));
            assert!(error.starts_with("error: internal: the call failed"), "{place}: {error}");
            assert!(!error.contains("canary"));
        }
        let answer = session.ask("resources/read", json!({"uri": "note:///panic"}));
        assert_eq!(answer["error"]["code"], -32603, "{answer}");
        session.settle();
        let client = session.end();
        assert!(client.stderr().contains("a defect: panicked"), "{}", client.stderr());
        assert!(!client.stderr().contains("canary"), "{}", client.stderr());
        let mut expected = vec!["panic_now internal"; 4];
        expected.push("resources/read internal");
        assert_eq!(fixture.outcomes(), expected);
    });
}

#[test]
fn a_cancelled_read_frees_its_slot_at_once_and_says_no_more() {
    eras(|era| {
        let fixture = Fixture::new(&["--concurrency", "1"]);
        let mut session = fixture.connect(era);
        let mut slept = 0;
        for (tool, end) in [("sleep_async", "dropped"), ("sleep_blocking", "stopped")] {
            let fastest = (1..=5).map(|times| {
                let sleeper = session.begin(tool, json!({"ms": LONG}));
                slept += 1;
                fixture.await_log("sleeping", slept);
                let next = session.begin("get_peak", json!({}));
                session.cancel(sleeper);
                let cancelled = Instant::now();
                assert_eq!(session.result(next)["isError"], json!(false));
                let freed = cancelled.elapsed();
                fixture.await_log(end, times);
                freed
            });
            // The best of five: other processes share this machine.
            let fastest = fastest.min().unwrap();
            assert!(fastest <= Duration::from_millis(100), "{tool}: {fastest:?}");
        }
        session.settle();
        session.end();
        let outcomes = fixture.outcomes();
        let cancelled = outcomes.iter().filter(|outcome| outcome.ends_with(" cancelled"));
        assert_eq!(cancelled.count(), 10, "{outcomes:?}");
    });
}

#[test]
fn a_cancelled_call_in_the_queue_never_runs() {
    eras(|era| {
        let fixture = Fixture::new(&["--concurrency", "1", "--write"]);
        let mut session = fixture.connect(era);
        let sleeper = session.begin("sleep_async", json!({"ms": LONG}));
        fixture.await_log("sleeping", 1);
        let queued = session.begin("add_note", json!({"name": "n", "text": "t"}));
        session.settle();
        session.cancel(queued);
        session.settle();
        session.cancel(sleeper);
        let error = session.text("get_note", json!({"note_name": "n"}));
        assert!(error.starts_with("error: not_found"), "{error}");
        session.settle();
        session.end();
        assert!(!fixture.log().contains("added"));
    });
}

#[test]
fn a_cancelled_mutation_runs_to_its_end_in_silence() {
    eras(|era| {
        let fixture = Fixture::new(&["--write"]);
        let mut session = fixture.connect(era);
        let change = json!({
            "name": "edit_note",
            "arguments": {"name": "first", "text": "edited", "ms": 600},
            "_meta": {"progressToken": "p"},
        });
        let edit = session.start("tools/call", change).unwrap();
        fixture.await_log("editing first", 1);
        session.cancel(edit);
        // What was on its way before the cancellation arrived may still come.
        let before = session.ask("tools/list", json!({}));
        assert!(before["result"].is_object());
        while session.next_line(Duration::ZERO).is_ok() {}
        fixture.await_log("edited first", 1);
        session.settle();
        assert_eq!(
            session.call("get_note", json!({"note_name": "first"}))["isError"],
            json!(false)
        );
        session.end();
        assert_eq!(fixture.outcomes(), ["edit_note ok", "get_note ok"]);
    });
}

#[test]
fn no_more_calls_run_at_once_than_allowed() {
    eras(|era| {
        let fixture = Fixture::new(&["--concurrency", "4"]);
        let mut session = fixture.connect(era);
        let ids: Vec<u64> = (0..200)
            .map(|number| {
                let tool = if number % 2 == 0 { "sleep_async" } else { "sleep_blocking" };
                session.begin(tool, json!({"ms": 10}))
            })
            .collect();
        for id in ids {
            assert_eq!(text(&session.result(id)), r#"{"how":"slept"}"#);
        }
        assert_eq!(session.text("get_peak", json!({})), r#"{"peak":4}"#);
        session.end();
    });
}

#[test]
fn a_full_queue_answers_busy_and_protocol_requests_pass_it() {
    eras(|era| {
        let fixture = Fixture::new(&["--concurrency", "1"]);
        let mut session = fixture.connect(era);
        let sleeper = session.begin("sleep_async", json!({"ms": LONG}));
        fixture.await_log("sleeping", 1);
        let ids: Vec<u64> = (0..1_034).map(|_| session.begin("get_peak", json!({}))).collect();
        session.settle();
        session.cancel(sleeper);
        let mut busy = 0;
        for id in ids {
            let text = text(&session.result(id));
            if text.starts_with("error: busy: ") {
                assert!(text.ends_with("\nretry_after_s: 2"), "{text}");
                busy += 1;
            } else {
                assert_eq!(text, r#"{"peak":1}"#);
            }
        }
        assert_eq!(busy, 10);
        session.end();
        let outcomes = fixture.outcomes();
        assert_eq!(outcomes.len(), 1_035);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.ends_with(" busy")).count(), 10);
    });
}

#[test]
fn no_call_outlives_its_budget() {
    eras(|era| {
        let fixture = Fixture::new(&["--call-budget", "300ms", "--concurrency", "2", "--write"]);
        let mut session = fixture.connect(era);
        let began = Instant::now();
        let error = session.text("sleep_async", json!({"ms": LONG}));
        assert!(error.starts_with("error: timeout: the call took longer"), "{error}");
        // Work that looks at its stop answers with what it has before the budget is up.
        let paused = session.text("sleep_blocking", json!({"ms": LONG}));
        assert_eq!(paused, r#"{"how":"paused"}"#);
        let deaf = session.text("sleep_blocking", json!({"ms": 1_500, "deaf": true}));
        assert!(deaf.starts_with("error: timeout"), "{deaf}");
        let unknown = session.text("edit_note", json!({"name": "first", "text": "x", "ms": 1_000}));
        assert!(unknown.starts_with("error: outcome_unknown: the change is"), "{unknown}");
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        fixture.await_log("edited first", 1);
        // Those that wait for a slot are told so within the budget as well.
        let ids: Vec<u64> = (0..3)
            .map(|_| session.begin("edit_note", json!({"name": "first", "text": "y", "ms": 900})))
            .collect();
        let answers: Vec<String> = ids.into_iter().map(|id| text(&session.result(id))).collect();
        assert_eq!(answers.iter().filter(|a| a.starts_with("error: outcome_unknown")).count(), 2);
        assert_eq!(
            answers.iter().filter(|a| a.starts_with("error: busy")).count(),
            1,
            "{answers:?}"
        );
        fixture.await_log("edited first", 3);
        session.settle();
        session.end();
        let outcomes = fixture.outcomes();
        assert_eq!(
            outcomes[..3],
            ["sleep_async timeout", "sleep_blocking ok", "sleep_blocking timeout"]
        );
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "edit_note ok").count(), 3);
    });
}

#[test]
fn progress_is_reported_to_those_who_ask() {
    eras(|era| {
        let fixture = Fixture::new(&[]);
        let mut session = fixture.connect(era);
        for token in [json!("a token"), json!(7)] {
            let call = json!({
                "name": "count_slowly",
                "arguments": {"to": 60, "ms": 10},
                "_meta": {"progressToken": token},
            });
            let answer = session.ask("tools/call", call);
            assert_eq!(text(&answer["result"]), r#"{"how":"counted"}"#);
            let mut last = 0.0;
            let mut times = 0;
            while let Ok(line) = session.next_line(Duration::ZERO) {
                let progress = line.json().unwrap();
                assert_eq!(progress["method"], "notifications/progress");
                let params = &progress["params"];
                assert_eq!((&params["progressToken"], &params["total"]), (&token, &json!(60.0)));
                let now = params["progress"].as_f64().unwrap();
                assert!(now > last, "progress grows");
                assert_eq!(params["message"], format!("at {now}"));
                (last, times) = (now, times + 1);
            }
            assert!((2..=20).contains(&times), "{times}, at most four a second");
        }
        session.text("count_slowly", json!({"to": 3, "ms": 1}));
        session.settle();
        session.end();
    });
}

#[test]
fn a_burst_beyond_all_bounds_is_answered_in_full() {
    let fixture = Fixture::new(&["--concurrency", "2"]);
    let mut session = fixture.connect(Era::Legacy);
    let ids: Vec<u64> = (0..3_000).map(|_| session.begin("get_peak", json!({}))).collect();
    let began = Instant::now();
    for id in ids {
        session.result(id);
    }
    assert!(began.elapsed() < PATIENCE);
    session.settle();
    session.end();
    assert_eq!(fixture.outcomes().len(), 3_000);
}

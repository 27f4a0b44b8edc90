//! The end of a server: its host closes the input or sends SIGTERM while calls are under way.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::fixture::{Fixture, Session, eras, text};

const WAYS: [fn(&mut Session); 2] =
    [|session| session.close_stdin(), |session| session.terminate().unwrap()];

/// Every era with every way to end a server.
fn ends(test: impl Fn(Era, fn(&mut Session))) {
    eras(|era| WAYS.iter().for_each(|end| test(era, *end)));
}

#[test]
fn an_idle_server_ends_at_once() {
    ends(|era, end| {
        let fixture = Fixture::new(&[]);
        let mut session = fixture.connect(era);
        session.settle();
        end(&mut session);
        session.gone();
        let mut silent = fixture.spawn();
        // Signals are handled once it serves.
        silent.say("x");
        silent.line();
        end(&mut silent);
        silent.gone();
        let left = |directory| std::fs::read_dir(fixture.path(directory)).unwrap().count();
        assert_eq!(left("audit"), 0, "nothing but the directory is made");
        assert_eq!(left("state"), 1, "nothing but what `status` reads");
        assert_eq!(left("state/instances"), 2);
    });
}

#[test]
fn reads_under_way_are_answered() {
    ends(|era, end| {
        let fixture = Fixture::new(&["--concurrency", "3"]);
        let mut session = fixture.connect(era);
        let long = [
            session.begin("sleep_async", json!({"ms": 60_000})),
            session.begin("sleep_blocking", json!({"ms": 60_000})),
            session.begin("sleep_blocking", json!({"ms": 8_000, "deaf": true})),
        ];
        fixture.await_log("sleeping", 3);
        let queued = session.begin("get_peak", json!({}));
        session.settle();
        end(&mut session);
        for id in long.into_iter().chain([queued]) {
            let answer = text(&session.result(id));
            assert!(answer.starts_with("error: ending: the server is ending"), "{answer}");
        }
        session.gone();
        let mut outcomes = fixture.outcomes();
        outcomes.sort();
        let expected = [
            "_queued ending",
            "sleep_async ending",
            "sleep_blocking ending",
            "sleep_blocking ending",
        ];
        assert_eq!(outcomes, expected);
    });
}

#[test]
fn short_reads_are_finished() {
    ends(|era, end| {
        let fixture = Fixture::new(&[]);
        let mut session = fixture.connect(era);
        let ids: Vec<u64> =
            (0..16).map(|_| session.begin("sleep_async", json!({"ms": 300}))).collect();
        fixture.await_log("sleeping", 16);
        end(&mut session);
        for id in ids {
            assert_eq!(text(&session.result(id)), r#"{"how":"slept"}"#);
        }
        session.gone();
    });
}

#[test]
fn a_mutation_under_way_is_finished_and_answered() {
    ends(|era, end| {
        let fixture = Fixture::new(&["--write"]);
        let mut session = fixture.connect(era);
        let edit = session.begin("edit_note", json!({"name": "first", "text": "x", "ms": 1_800}));
        fixture.await_log("editing first", 1);
        end(&mut session);
        assert_eq!(text(&session.result(edit)), r#"{"done":"edited","name":"first"}"#);
        session.gone();
        assert_eq!(fixture.log(), "editing first\nedited first\n");
        assert_eq!(fixture.outcomes(), ["edit_note ok"]);
    });
}

#[test]
fn a_mutation_whose_caller_has_gone_is_finished_too() {
    ends(|era, end| {
        let fixture = Fixture::new(&["--write", "--call-budget", "200ms"]);
        let mut session = fixture.connect(era);
        let edit = session.begin("edit_note", json!({"name": "first", "text": "x", "ms": 1_500}));
        let other = session.begin("edit_note", json!({"name": "second", "text": "x", "ms": 1_500}));
        fixture.await_log("editing first", 1);
        fixture.await_log("editing second", 1);
        session.cancel(other);
        assert!(text(&session.result(edit)).starts_with("error: outcome_unknown"));
        end(&mut session);
        session.wait_exit(Duration::from_secs(10)).unwrap();
        session.gone();
        fixture.await_log("edited first", 1);
        fixture.await_log("edited second", 1);
        assert_eq!(fixture.outcomes(), ["edit_note ok", "edit_note ok"]);
    });
}

#[test]
fn what_was_sent_before_the_end_is_done_or_refused() {
    eras(|era| {
        let fixture = Fixture::new(&["--write"]);
        let mut session = fixture.connect(era);
        let ids: Vec<u64> = (0..300)
            .map(|n| session.begin("add_note", json!({"name": format!("n{n}"), "text": "t"})))
            .collect();
        session.close_stdin();
        let answers: Vec<String> = ids.into_iter().map(|id| text(&session.result(id))).collect();
        session.gone();
        let added =
            answers.iter().filter(|answer| answer.starts_with(r#"{"done":"added""#)).count();
        let ending = answers.iter().filter(|answer| answer.starts_with("error: ending")).count();
        assert_eq!((added > 0, added + ending), (true, 300), "{answers:?}");
        assert_eq!(fixture.log().lines().count(), added);
        assert_eq!(fixture.outcomes().len(), 300);
    });
}

#[test]
fn an_open_question_does_not_hold_it_up() {
    for end in WAYS {
        let fixture = Fixture::new(&["--write"]).asking();
        let mut session = fixture.connect(Era::Legacy);
        let delete = session.begin("delete_note", json!({"name": "first"}));
        assert_eq!(session.line()["method"], "elicitation/create");
        end(&mut session);
        assert!(text(&session.result(delete)).starts_with("error: ending"));
        session.gone();
        assert_eq!(fixture.outcomes(), ["delete_note ending"]);
        assert_eq!(fixture.log(), "");
    }
}

#[test]
fn whoever_reads_slowly_gets_all_answers() {
    let fixture = Fixture::new(&["--max-output", "100kB", "--log-level", "off"]);
    let mut command = fixture.command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let params = json!({"name": "get_huge", "arguments": {"bytes": 50_000}});
    let params = Era::Modern.with_meta(&json!({}), params);
    for id in 0..30 {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        writeln!(stdin, "{request}").unwrap();
    }
    drop(stdin);
    // A pipe's worth at a time: in all longer than the server waits for one that doesn't read.
    let (mut said, mut part) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = stdout.read(&mut part).unwrap();
        if read == 0 {
            break;
        }
        said.extend_from_slice(&part[..read]);
        std::thread::sleep(Duration::from_millis(130));
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(String::from_utf8(said).unwrap().lines().count(), 30);
}

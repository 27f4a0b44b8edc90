//! The book: one outcome for each call, an intent before each mutation, and no mutation that
//! can't be written down first.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, eras, text};

#[test]
fn every_way_a_call_can_end_leaves_one_outcome() {
    eras(|era| {
        let fixture = Fixture::new(&["--write", "--call-budget", "1s"]).asking();
        let mut session = fixture.connect(era);
        session.call("get_note", json!({"note_name": "first"}));
        session.call("get_note", json!({"note_name": "nobody"}));
        session.call("get_note", json!({"no_such": 1}));
        session.call("no_such_tool", json!({}));
        session.call("panic_now", json!({"place": "body"}));
        session.call("sleep_async", json!({"ms": 60_000}));
        let sleeper = session.begin("sleep_async", json!({"ms": 60_000}));
        fixture.await_log("sleeping", 2);
        session.cancel(sleeper);
        session.settle();
        session.call("add_note", json!({"name": "n", "text": "t"}));
        session.call("add_note", json!({"name": "n", "text": "t"}));
        let delete = session.begin("delete_note", json!({"name": "n"}));
        if era.revision() == "2025-11-25" {
            let id = session.line()["id"].clone();
            let result = json!({"action": "decline"});
            session.send(&json!({"jsonrpc": "2.0", "id": id, "result": result})).unwrap();
        }
        session.result(delete);
        session.end();
        let asked = match era.revision() {
            "2025-11-25" => "delete_note declined",
            _ => "delete_note asked",
        };
        let expected = [
            "get_note ok",
            "get_note not_found",
            "get_note invalid_arguments",
            "_unknown unknown_tool",
            "panic_now internal",
            "sleep_async timeout",
            "sleep_async cancelled",
            "add_note ok",
            "add_note exists",
            asked,
        ];
        assert_eq!(fixture.outcomes(), expected);
        let records = fixture.audit();
        assert!(records.iter().enumerate().all(|(n, record)| record["seq"] == json!(n)));
        let added: Vec<_> = records.iter().filter(|r| r["tool"] == "add_note").collect();
        let events: Vec<_> = added.iter().map(|r| r["ev"].as_str().unwrap()).collect();
        assert_eq!(events, ["intent", "outcome", "intent", "outcome"]);
        assert_eq!(added[0]["resources"], json!(["n"]), "resources in clear");
        assert_eq!(added[0]["arguments"], added[2]["arguments"], "equal calls look equal");
        assert!(added[0]["client"].as_str().unwrap().contains('/'), "{}", added[0]);
    });
}

#[test]
fn denied_calls_are_in_the_book() {
    eras(|era| {
        let fixture = Fixture::new(&["--write", "--destroy", "never"]);
        let mut session = fixture.connect(era);
        let overwrite = json!({"name": "first", "text": "x", "overwrite": true});
        assert!(session.text("write_note", overwrite).starts_with("error: policy_denied"));
        session.call("delete_note", json!({"name": "first"}));
        session.end();
        assert_eq!(fixture.outcomes(), ["write_note policy_denied", "_unknown unknown_tool"]);
    });
}

#[test]
fn an_argument_value_is_not_in_the_book() {
    eras(|era| {
        let fixture = Fixture::new(&["--write"]);
        let mut session = fixture.connect(era);
        session.call("add_note", json!({"name": "n", "text": "canary-5309"}));
        session.call("get_note", json!({"note_name": "n", "canary-5309": "canary-5309"}));
        session.call("canary-5309", json!({}));
        session.end();
        let records = fixture.audit();
        assert_eq!(records.len(), 4);
        assert!(!format!("{records:?}").contains("canary-5309"));
    });
}

#[test]
fn what_can_not_be_recorded_is_not_done() {
    eras(|era| {
        let fixture = Fixture::new(&["--write"]);
        fixture.file("audit", "a file where a directory should be");
        let mut session = fixture.connect(era);
        let refused = session.text("add_note", json!({"name": "n", "text": "t"}));
        assert!(refused.starts_with("error: audit_unavailable: nothing was changed"), "{refused}");
        assert_eq!(fixture.log(), "");
        let read = session.text("get_note", json!({"note_name": "first"}));
        assert!(read.contains("\"one\""), "{read}");
        assert!(read.ends_with("[warning: this call is not in the audit log]"), "{read}");
        session.settle();
        session.end();
    });
}

#[test]
fn a_book_that_is_switched_off_is_no_obstacle() {
    let fixture = Fixture::new(&["--write", "--audit", "off"]);
    let mut session = fixture.connect(lockkeeper_testkit::stdio::Era::Modern);
    assert_eq!(
        session.text("add_note", json!({"name": "n", "text": "t"})),
        r#"{"done":"added","name":"n"}"#
    );
    session.end();
    assert!(!fixture.path("audit").exists());
}

#[test]
fn siblings_write_books_of_their_own() {
    let fixture = Fixture::new(&["--write"]);
    let sessions: Vec<_> = (0..4)
        .map(|n| {
            let mut session = fixture.connect(lockkeeper_testkit::stdio::Era::Modern);
            session.begin("add_note", json!({"name": format!("n{n}"), "text": "t"}));
            session
        })
        .collect();
    for mut session in sessions {
        assert!(text(&session.result(1)).contains("added"));
        session.close_stdin();
        session.wait_exit(Duration::from_secs(10)).unwrap();
    }
    assert_eq!(fixture.outcomes(), ["add_note ok"; 4]);
    let segments = std::fs::read_dir(fixture.path("audit").join("fixture")).unwrap().count();
    assert_eq!(segments, 4);
}

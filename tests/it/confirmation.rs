//! A person's yes: asked for in both eras, good for one call of one tool with these arguments.

use std::time::{Duration, Instant};

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Session, text};

/// Asks for a call under 2026-07-28 and returns the sealed state of the question.
fn question(session: &mut Session, tool: &str, arguments: &Value) -> String {
    let answer = session.call(tool, arguments.clone());
    assert_eq!(answer["resultType"], "input_required", "{answer}");
    let question = &answer["inputRequests"]["confirm"];
    assert_eq!(question["method"], "elicitation/create");
    let message = question["params"]["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("Allow `{tool}`? It may lose data for good")),
        "{message}"
    );
    assert_eq!(question["params"]["requestedSchema"]["type"], "object");
    answer["requestState"].as_str().unwrap().to_owned()
}

/// Calls again with an answer.
fn retry(
    session: &mut Session,
    tool: &str,
    arguments: &Value,
    state: &str,
    action: &str,
) -> String {
    let params = json!({
        "name": tool,
        "arguments": arguments,
        "requestState": state,
        "inputResponses": {"confirm": {"action": action, "content": {}}},
    });
    let answer = session.ask("tools/call", params);
    text(answer.get("result").unwrap_or(&answer["error"]))
}

/// The client keeps the state of a question, and it is the client who is told that it isn't ours.
const INVALID: &str = "protocol error -32602: confirmation_invalid";

#[test]
fn modern_rounds() {
    let fixture = Fixture::new(&["--write"]).asking();
    let mut session = fixture.connect(Era::Modern);
    let first = json!({"name": "first"});
    let state = question(&mut session, "delete_note", &first);
    assert_eq!(fixture.log(), "", "asking changes nothing");
    let declined = retry(&mut session, "delete_note", &first, &state, "decline");
    assert!(declined.starts_with("error: declined"), "{declined}");
    let undone = retry(&mut session, "delete_note", &first, &state, "accept");
    assert!(undone.starts_with(INVALID), "{undone}");
    let state = question(&mut session, "delete_note", &first);
    let cancelled = retry(&mut session, "delete_note", &first, &state, "cancel");
    assert!(cancelled.starts_with("error: declined"), "{cancelled}");
    let nonsense = retry(&mut session, "delete_note", &first, &state, "ACCEPT");
    assert!(nonsense.starts_with("error: declined"), "{nonsense}");
    let done = retry(&mut session, "delete_note", &first, &state, "accept");
    assert_eq!(done, r#"{"done":"deleted","name":"first"}"#);
    let again = retry(&mut session, "delete_note", &first, &state, "accept");
    assert!(again.starts_with(INVALID), "{again}");
    session.settle();
    session.end();
    assert_eq!(fixture.log(), "deleted first\n");
    let codes: Vec<String> =
        fixture.outcomes().iter().map(|o| o.replace("delete_note ", "")).collect();
    let (no, invalid) = ("declined", "confirmation_invalid");
    assert_eq!(codes, ["asked", no, invalid, "asked", no, no, "ok", invalid]);
}

#[test]
fn a_yes_is_good_for_nothing_else() {
    let fixture = Fixture::new(&["--write"]).asking();
    let mut session = fixture.connect(Era::Modern);
    let first = json!({"name": "first"});
    let state = question(&mut session, "delete_note", &first);
    let mut refused = |tool: &str, arguments: Value, state: &str| {
        let answer = retry(&mut session, tool, &arguments, state, "accept");
        assert!(answer.starts_with(INVALID), "{tool} {arguments} {state}: {answer}");
    };
    refused("delete_note", json!({"name": "second"}), &state);
    refused("delete_note", json!({"name": "first", "slowly": false}), &state);
    refused("write_note", json!({"name": "first", "text": "", "overwrite": true}), &state);
    refused("manage_tags", json!({"method": "clear", "name": "first"}), &state);
    refused("delete_note", first.clone(), "");
    refused("delete_note", first.clone(), "forged");
    refused("delete_note", first.clone(), &format!("{state}A"));
    refused("delete_note", first.clone(), &state.to_lowercase());
    refused("delete_note", first.clone(), state.get(..state.len() - 1).unwrap());
    // A server with another key, and one with another policy.
    let other = Fixture::new(&["--write"]).asking();
    let answer = retry(&mut other.connect(Era::Modern), "delete_note", &first, &state, "accept");
    assert!(answer.starts_with(INVALID), "{answer}");
    let stricter = fixture.clone().also(&["--deny-tools", "edit_note"]);
    let answer = retry(&mut stricter.connect(Era::Modern), "delete_note", &first, &state, "accept");
    assert!(answer.starts_with(INVALID), "{answer}");
    assert_eq!(stricter.log(), "");
    // One with other settings: its notes are others, whatever they are called.
    let elsewhere = fixture.also(&["--dsn", "notes://elsewhere"]);
    let answer =
        retry(&mut elsewhere.connect(Era::Modern), "delete_note", &first, &state, "accept");
    assert!(answer.starts_with(INVALID), "{answer}");
    assert_eq!(elsewhere.log(), "");
}

#[test]
fn a_question_shows_what_a_name_hides() {
    for era in Era::ALL {
        let fixture = Fixture::new(&["--write"]).asking();
        let mut session = fixture.connect(era);
        let token = format!("ghp_{}", "a8Kq3ZxT9m".repeat(4).get(..36).unwrap());
        let name = format!("{token} \u{202e}tsrif\u{200b}{}", "x".repeat(1_000_000));
        let call = session.begin("delete_note", json!({"name": name}));
        let question = match era {
            Era::Legacy => session.line(),
            Era::Modern => session.result(call)["inputRequests"]["confirm"].take(),
        };
        let message = question["params"]["message"].as_str().unwrap();
        let shown = r"the note [redacted:github_token] \u{202e}tsrif\u{200b}xxx";
        assert!(message.contains(shown), "{message}");
        assert!(message.len() < 5_000 && message.ends_with("bytes)"), "{}", message.len());
    }
}

#[test]
fn a_yes_counts_once_among_siblings_and_after_a_restart() {
    let fixture = Fixture::new(&["--write"]).asking();
    let first = json!({"name": "first"});
    let mut session = fixture.connect(Era::Modern);
    let state = question(&mut session, "delete_note", &first);
    session.end();
    // It outlives the process that asked.
    let mut restarted = fixture.connect(Era::Modern);
    let mut sibling = fixture.connect(Era::Modern);
    let done = retry(&mut restarted, "delete_note", &first, &state, "accept");
    assert_eq!(done, r#"{"done":"deleted","name":"first"}"#);
    let mut later = fixture.connect(Era::Modern);
    for session in [&mut sibling, &mut later, &mut restarted] {
        let again = retry(session, "delete_note", &first, &state, "accept");
        assert!(again.starts_with(INVALID), "{again}");
    }
    assert_eq!(fixture.log(), "deleted first\n");
}

#[test]
fn a_plan_is_what_is_asked_about() {
    let fixture = Fixture::new(&["--write"]).asking();
    let mut session = fixture.connect(Era::Modern);
    let added = session.text("write_note", json!({"name": "new", "text": "x"}));
    assert_eq!(added, r#"{"done":"added","name":"new"}"#, "nothing is lost, nobody is asked");
    let overwrite = json!({"name": "first", "text": "x", "overwrite": true});
    let state = question(&mut session, "write_note", &overwrite);
    let done = retry(&mut session, "write_note", &overwrite, &state, "accept");
    assert_eq!(done, r#"{"done":"overwrote","name":"first"}"#);
    let clear = json!({"method": "clear", "name": "first"});
    let state = question(&mut session, "manage_tags", &clear);
    assert_eq!(retry(&mut session, "manage_tags", &clear, &state, "accept"), r#"{"tags":[]}"#);
    // An answer to a question that nobody asked changes nothing for what needs none.
    let read = retry(&mut session, "get_note", &json!({"note_name": "first"}), "x", "accept");
    assert_eq!(read, r#"{"name":"first","text":"","characters":0}"#);
}

#[test]
fn many_rounds_at_once_count_once() {
    let fixture = Fixture::new(&["--write"]).asking();
    let mut session = fixture.connect(Era::Modern);
    let overwrite = json!({"name": "first", "text": "x", "overwrite": true});
    let state = question(&mut session, "write_note", &overwrite);
    let params = json!({
        "name": "write_note",
        "arguments": overwrite,
        "requestState": state,
        "inputResponses": {"confirm": {"action": "accept"}},
    });
    let ids: Vec<u64> =
        (0..20).map(|_| session.start("tools/call", params.clone()).unwrap()).collect();
    let answers: Vec<String> = ids.into_iter().map(|id| text(&session.result(id))).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.starts_with(INVALID)).count(), 1);
    session.end();
    assert_eq!(fixture.log(), "overwrote first\n");
}

/// Begins to delete a note under 2025-11-25: the call and the question that came.
fn asked(session: &mut Session) -> (u64, Value) {
    let call = session.begin("delete_note", json!({"name": "first", "slowly": true}));
    let question = session.line();
    assert_eq!(question["method"], "elicitation/create");
    let message = question["params"]["message"].as_str().unwrap();
    assert_eq!(message, "Allow `delete_note`? It may lose data for good: the note first");
    (call, question["id"].clone())
}

fn reply(session: &mut Session, id: &Value, key: &str, value: Value) {
    session.send(&json!({"jsonrpc": "2.0", "id": id, key: value})).unwrap();
}

#[test]
fn legacy_round_trips() {
    let fixture = Fixture::new(&["--write"]).asking();
    let mut session = fixture.connect(Era::Legacy);
    for (key, value, expected) in [
        ("result", json!({"action": "decline"}), "error: declined"),
        ("result", json!({"action": "cancel"}), "error: declined"),
        ("error", json!({"code": -32601, "message": "no"}), "error: confirmation_unavailable"),
        ("result", json!({"surprise": 1}), "error: confirmation_unavailable"),
        ("result", json!({"action": "accept", "content": {}}), r#"{"done":"deleted""#),
        ("result", json!({"action": "accept"}), "error: not_found"),
    ] {
        let (call, id) = asked(&mut session);
        assert!(!fixture.log().contains("deleted") || expected.contains("not_found"));
        reply(&mut session, &id, key, value.clone());
        let answer = text(&session.result(call));
        assert!(answer.starts_with(expected), "{value}: {answer}");
    }
    session.settle();
    session.end();
    assert_eq!(fixture.log(), "deleted first\n");
}

#[test]
fn a_person_may_take_longer_than_a_call() {
    let fixture =
        Fixture::new(&["--write", "--call-budget", "300ms", "--concurrency", "1"]).asking();
    let mut session = fixture.connect(Era::Legacy);
    let (call, id) = asked(&mut session);
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_millis(600) {
        // The question holds no slot.
        assert_eq!(session.text("get_peak", json!({})), r#"{"peak":0}"#);
    }
    reply(&mut session, &id, "result", json!({"action": "accept"}));
    assert_eq!(text(&session.result(call)), r#"{"done":"deleted","name":"first"}"#);
    session.end();
}

#[test]
fn a_call_can_be_cancelled_while_a_person_is_asked() {
    let fixture = Fixture::new(&["--write"]).asking();
    let mut session = fixture.connect(Era::Legacy);
    let (call, id) = asked(&mut session);
    session.cancel(call);
    let withdrawn = session.line();
    assert_eq!(withdrawn["method"], "notifications/cancelled");
    assert_eq!(withdrawn["params"]["requestId"], id, "the host may close its dialogue");
    session.settle();
    crate::fixture::until("outcome of the cancelled call", || {
        fixture.path("audit").exists() && fixture.outcomes() == ["delete_note cancelled"]
    });
    // A late yes comes too late.
    reply(&mut session, &id, "result", json!({"action": "accept"}));
    session.settle();
    session.end();
    assert_eq!(fixture.log(), "");
}

#[test]
fn a_client_that_can_not_ask_is_told_the_flag() {
    for (era, capabilities) in [
        (Era::Legacy, json!({})),
        (Era::Modern, json!({})),
        (Era::Legacy, json!({"elicitation": {"url": {}}})),
        (Era::Modern, json!({"elicitation": {"url": {}}})),
    ] {
        let fixture = Fixture::new(&["--write"]).able(capabilities);
        let mut session = fixture.connect(era);
        let refused = session.text("delete_note", json!({"name": "first"}));
        assert!(refused.starts_with("error: confirmation_unavailable"), "{refused}");
        assert!(refused.contains("--destroy allow"), "{refused}");
        session.settle();
        session.end();
        assert_eq!(fixture.log(), "");
    }
}

#[test]
fn without_a_state_directory_nothing_is_confirmed_twice() {
    let fixture = Fixture::new(&["--write"]).asking();
    fixture.file("state", "a file where a directory should be");
    let mut session = fixture.connect(Era::Modern);
    let first = json!({"name": "first"});
    let state = question(&mut session, "delete_note", &first);
    let refused = retry(&mut session, "delete_note", &first, &state, "accept");
    assert!(refused.starts_with("error: state_unavailable"), "{refused}");
    assert_eq!(fixture.log(), "");
}

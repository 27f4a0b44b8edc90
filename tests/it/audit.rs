//! The book: one outcome for each call, an intent before each mutation, and no mutation that
//! can't be written down first.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Ran, eras, text, until};

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
        assert!((1..).zip(&records).all(|(n, record)| record["seq"] == json!(n)));
        assert_eq!(fixture.run_audit(&["verify"]).code(), 0);
        let added: Vec<_> = records.iter().filter(|r| r["tool"] == "add_note").collect();
        let events: Vec<_> = added.iter().map(|r| r["ev"].as_str().unwrap()).collect();
        assert_eq!(events, ["intent", "outcome", "intent", "outcome"]);
        assert_eq!(added[0]["resources"], json!(["n"]), "resources in clear");
        assert_eq!(added[0]["args"], added[2]["args"], "equal values look equal");
        assert!(added[0]["client"].as_str().unwrap().contains('/'), "{}", added[0]);
    });
}

/// A host in a directory whose name is no text started a server that could record nothing.
#[cfg(unix)]
#[test]
fn a_host_with_any_name_is_recorded() {
    use std::os::unix::ffi::OsStrExt as _;
    let fixture = Fixture::new(&["--write"]);
    let host = fixture.path("").join(std::ffi::OsStr::from_bytes(b"host\xff"));
    fs::copy("/bin/sh", &host).unwrap();
    let mut command = std::process::Command::new(&host);
    // The shell stays: it has something to do after the server.
    command.args(["-c", r#"program=$0; "$program" "$@"; code=$?; exit $code"#]);
    command.arg(fixture.program()).args(["call", "add_note", r#"{"name": "n", "text": "t"}"#]);
    command.args(fixture.command().get_args()).env("HOME", fixture.path(""));
    let ran = Ran(command.output().unwrap());
    assert_eq!(ran.stdout(), "{\"done\":\"added\",\"name\":\"n\"}\n", "{}", ran.stderr());
    assert_eq!(fixture.run_audit(&["verify"]).code(), 0);
}

/// `audit verify` waited for ever for whoever writes to a pipe.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_waited_for() {
    for segment in [false, true] {
        let fixture = Fixture::new(&[]);
        fixture.run(&["call", "get_note", r#"{"note_name": "first"}"#]);
        let log = fixture.path("audit").join("fixture");
        let names = fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path());
        let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl");
        let path =
            if segment { names.into_iter().find(is_segment).unwrap() } else { log.join("HEAD") };
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let ran = fixture.run_audit(&["verify"]);
        assert!(ran.stdout().contains("it is not a regular file"), "{}", ran.stdout());
        assert_eq!(ran.code(), 3);
        assert!(!segment || fixture.run_audit(&["tail"]).code() != 0);
    }
}

/// `check` said `ok` to a place where no change could be recorded.
#[cfg(unix)]
#[test]
fn check_says_where_nothing_can_be_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::new(&[]);
    fixture.file("state", "a file where a directory should be");
    let ran = fixture.run(&["check"]);
    assert!(ran.code() != 0 && ran.stdout().contains("a file is in its place"), "{}", ran.stdout());
    let fixture = Fixture::new(&[]);
    for name in ["audit", "state"] {
        fs::create_dir(fixture.path(name)).unwrap();
        fs::set_permissions(fixture.path(name), fs::Permissions::from_mode(0o777)).unwrap();
        let ran = fixture.run(&["check"]);
        let said =
            ran.stdout().lines().any(|line| line.starts_with("FAIL") && line.contains("others"));
        assert!(ran.code() != 0 && said, "{}", ran.stdout());
        fs::set_permissions(fixture.path(name), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(fixture.run(&["check"]).code(), 0);
    }
}

#[test]
fn a_caller_can_not_fill_the_book() {
    let long = "x".repeat(1_000_000);
    eras(|era| {
        let fixture = Fixture::new(&[]);
        let mut session = fixture.connect(era);
        session.call("get_note", json!({"note_name": long}));
        session.call(&long, json!({}));
        session.call("get_note", json!({long.as_str(): 1}));
        session.ask("resources/read", json!({"uri": format!("note:///{long}")}));
        session.end();
        let records = fixture.audit();
        assert_eq!(records.len(), 4);
        assert!(records.iter().all(|record| record.to_string().len() < 6_000));
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
        assert_eq!(fixture.outcomes(), ["write_note policy_denied", "delete_note unknown_tool"]);
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
        let read = session.ask("resources/read", json!({"uri": "note:///first"}));
        let warning = &read["result"]["_meta"]["warning"];
        assert_eq!(warning, "this call is not in the audit log", "{read}");
        session.settle();
        session.end();
    });
}

#[test]
fn a_book_that_is_switched_off_is_no_obstacle() {
    let fixture = Fixture::new(&["--write", "--audit", "off"]);
    let mut session = fixture.connect(Era::Modern);
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
            let mut session = fixture.connect(Era::Modern);
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
    assert_eq!(segments(&fixture).len(), 4);
    let verified = fixture.run_audit(&["verify"]);
    assert_eq!(verified.code(), 0, "{}", verified.stdout());
}

fn segments(fixture: &Fixture) -> Vec<PathBuf> {
    let names = fs::read_dir(fixture.path("audit").join("fixture")).unwrap();
    let paths = names.map(|name| name.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect()
}

fn verify(fixture: &Fixture, arguments: &[&str]) -> Value {
    let ran = fixture.run_audit(&[&["verify", "--json"], arguments].concat());
    let report: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(report["exit"], json!(ran.code()), "{report}");
    report
}

#[test]
fn a_keyed_log_is_proven_by_the_key_kept_elsewhere() {
    let fixture = Fixture::new(&["--write"]);
    let key = fixture.path("verifier.key");
    let key = key.to_str().unwrap();
    let ran = fixture.run_audit(&["init", "--to", key]);
    assert_eq!(ran.code(), 0, "{}", ran.stderr());
    let inside = fixture.path("audit").join("fixture").join("k");
    assert_eq!(fixture.run_audit(&["init", "--to", inside.to_str().unwrap()]).code(), 1);
    // Siblings at once, each under keys of its own.
    let mut sessions: Vec<_> = (0..4).map(|_| fixture.connect(Era::Modern)).collect();
    for n in 0..3 {
        for session in &mut sessions {
            session.begin("add_note", json!({"name": format!("n{n}"), "text": "t"}));
        }
    }
    for session in sessions {
        session.end();
    }
    let report = verify(&fixture, &["--key", key]);
    assert_eq!((&report["exit"], &report["report"]["keyed"]), (&json!(0), &json!(true)));
    assert_eq!(report["report"]["segments"], 4, "{report}");
    // Nothing that is left on this machine makes the first key.
    let first = fs::read_to_string(key).unwrap();
    let first = first.split_whitespace().last().unwrap();
    for path in segments(&fixture).iter().chain([&fixture.path("audit").join("fixture/key")]) {
        assert!(!fs::read_to_string(path).unwrap().contains(first));
    }
    let altered = segments(&fixture).remove(0);
    let text = fs::read_to_string(&altered).unwrap();
    fs::write(&altered, text.replacen("\"n1\"", "\"n9\"", 1)).unwrap();
    let ran = fixture.run_audit(&["verify", "--key", key]);
    assert_eq!(ran.code(), 1);
    let name = altered.file_name().unwrap().to_str().unwrap();
    assert!(ran.stdout().contains(&format!("{name}:")), "{}", ran.stdout());
    assert_eq!(fixture.run_audit(&["verify", "--key", "/nowhere"]).code(), 3);
}

#[test]
fn a_process_killed_in_the_middle_leaves_an_unclosed_segment() {
    let fixture = Fixture::new(&["--write"]);
    for round in 0..5 {
        let mut session = fixture.connect(Era::Modern);
        let calls: Vec<u64> = (0..200)
            .map(|n| session.begin("add_note", json!({"name": format!("n{n}"), "text": "t"})))
            .collect();
        // Somewhere in the middle, each time elsewhere.
        session.result(calls[round * 7]);
        session.kill().unwrap();
        let done = fixture.log().lines().count();
        let text: String =
            segments(&fixture).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let intents = text.matches("\"ev\":\"intent\"").count();
        assert!(intents >= done, "{done} changes, {intents} intents");
    }
    let report = verify(&fixture, &[]);
    assert_eq!(report["exit"], 2, "{report}");
    let findings = report["report"]["findings"].as_array().unwrap();
    let unclosed: Vec<_> = findings.iter().filter(|one| one["kind"] == "unclosed").collect();
    assert_eq!(unclosed.len(), 5, "{report}");
    assert!(findings.iter().all(|one| one["kind"] != "altered"), "{report}");
    // The next one begins a segment of its own and goes on.
    let mut session = fixture.connect(Era::Modern);
    assert!(session.text("add_note", json!({"name": "n", "text": "t"})).contains("added"));
    session.end();
    assert_eq!(verify(&fixture, &[])["report"]["segments"], 6);
}

/// A limit on the size of files stands for the full disk: writing fails in the middle of a record.
#[test]
#[cfg(unix)]
fn a_full_disk_stops_changes_and_nothing_else() {
    let fixture = Fixture::new(&["--write"]);
    let mut limited = fixture.limited("trap '' XFSZ; ulimit -f 24; exec \"$0\" \"$@\"");
    limited.open(Era::Modern);
    let mut added = 0;
    let refused = loop {
        let text = "t".repeat(100);
        let said = limited.text("add_note", json!({"name": format!("n{added}"), "text": text}));
        if !said.contains("added") {
            break said;
        }
        added += 1;
    };
    assert!(added > 3 && added < 100, "{added}");
    assert!(refused.starts_with("error: audit_unavailable: nothing was changed"), "{refused}");
    let log = fixture.log();
    assert_eq!(log.lines().count(), added);
    let mut warned = false;
    for _ in 0..40 {
        let read = limited.text("get_note", json!({"note_name": "first"}));
        assert!(read.contains("\"one\""), "{read}");
        warned |= read.ends_with("[warning: this call is not in the audit log]");
    }
    assert!(warned, "reads fill what is left");
    assert_eq!(fixture.log(), log);
    limited.end();
    // No half of a record is left, and what is there is what was written.
    let report = verify(&fixture, &[]);
    assert_eq!(report["exit"], 2, "{report}");
    assert!(!report.to_string().contains("torn"), "{report}");
}

#[test]
fn where_all_is_denied_no_read_goes_unrecorded() {
    let fixture = Fixture::new(&["--write"]);
    let config = fixture.file("config.toml", "[audit]\non_failure = \"deny_all\"\n");
    let fixture = fixture.also(&["--config", &config]);
    fixture.file("audit", "a file where a directory should be");
    let mut session = fixture.connect(Era::Modern);
    let read = session.text("get_note", json!({"note_name": "first"}));
    assert!(read.starts_with("error: audit_unavailable: the call can't be recorded"), "{read}");
    let answer = session.ask("resources/read", json!({"uri": "note:///first"}));
    assert!(answer["error"].is_object() && !answer.to_string().contains("\"one\""), "{answer}");
    session.end();
}

#[test]
fn a_flag_does_not_switch_off_what_a_file_demands() {
    let fixture = Fixture::new(&["--audit", "off"]);
    let config = fixture.file("config.toml", "[audit]\non = true\n");
    let fixture = fixture.also(&["--config", &config]).env("LOCKKEEPER_AUDIT", "off");
    let mut session = fixture.connect(Era::Modern);
    session.call("get_note", json!({"note_name": "first"}));
    session.end();
    let segments = fixture.path("state").join("audit").join("fixture");
    assert!(segments.join("HEAD").exists());
}

#[test]
fn the_book_can_be_asked() {
    let fixture = Fixture::new(&["--write", "--destroy", "never"]);
    let config = fixture.file("config.toml", "[audit]\nvalues = \"clear\"\n");
    let fixture = fixture.also(&["--config", &config]);
    let mut session = fixture.connect(Era::Modern);
    session.call("get_note", json!({"note_name": "first"}));
    session.call("add_note", json!({"name": "n\u{1b}[31m", "text": "t"}));
    session.call("write_note", json!({"name": "first", "text": "x", "overwrite": true}));
    session.call("no_such_tool", json!({}));
    session.end();
    let tools = |arguments: &[&str]| {
        let ran = fixture.run_audit(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code(), 0, "{}", ran.stderr());
        let records =
            ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let records: Vec<Value> = records;
        records.iter().map(|r| r["tool"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ["get_note", "add_note", "write_note", "_unknown"];
    assert_eq!(tools(&["query"]), all);
    assert_eq!(tools(&["tail"]), all);
    assert_eq!(tools(&["tail", "-n", "1"]), ["_unknown"]);
    assert_eq!(tools(&["query", "--tool", "*_note"]), all[..3]);
    assert_eq!(tools(&["query", "--effect", "add"]), ["add_note"]);
    assert_eq!(tools(&["query", "--denied"]), ["write_note"]);
    assert_eq!(tools(&["query", "--since", "1h"]), all);
    assert_eq!(tools(&["query", "--since", "2100-01-01"]), Vec::<String>::new());
    assert_eq!(fixture.run_audit(&["query", "--since", "soon"]).code(), 1);
    let shown = fixture.run_audit(&["query"]).stdout();
    assert!(shown.contains("deny  write_note (destroy) policy_denied"), "{shown}");
    assert!(
        shown.contains("rule destroy = \"never\" (--destroy)") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    let records = fixture.audit();
    let added = records.iter().find(|record| record["tool"] == "add_note").unwrap();
    assert_eq!(added["plain"]["text"], "t");
    assert!(!shown.contains("\"t\""));
    let ran = fixture.run_audit(&["prune", "--max-size", "0", "--json"]);
    let pruned: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(pruned["pruned"].as_array().unwrap().len(), 1, "{pruned}");
    assert!(segments(&fixture).is_empty());
    let report = verify(&fixture, &[]);
    assert_eq!((&report["exit"], &report["report"]["pruned"]["segments"]), (&json!(0), &json!(1)));
}

/// What stands between two checkpoints is known after a second, though nothing more happens.
#[test]
fn head_hears_of_a_record_within_a_second_or_so() {
    let fixture = Fixture::new(&[]);
    let mut session = fixture.connect(Era::Modern);
    session.call("get_note", json!({"note_name": "first"}));
    let head = fixture.path("audit").join("fixture").join("HEAD");
    until("HEAD to hear of it", || {
        fs::read_to_string(&head).is_ok_and(|text| text.contains("\"ev\":\"at\""))
    });
    assert_eq!(verify(&fixture, &["--running"])["exit"], 0);
    assert_eq!(verify(&fixture, &[])["result"], "unclosed");
    session.end();
    assert_eq!(verify(&fixture, &[])["exit"], 0);
}

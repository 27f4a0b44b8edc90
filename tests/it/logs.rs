//! What a person or a program reads of a server's work on its standard error.

use std::io::Write as _;
use std::process::Stdio;

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eras, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn lines(stderr: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in `{line}`"));
    stderr.lines().map(parse).collect()
}

#[test]
fn a_call_leaves_one_line() {
    eras(|era| {
        let fixture = Fixture::new(&["--write", "--log-level", "info", "--call-budget", "1s"])
            .also(&["--log-format", "json", "--deny-tools", "edit_note"])
            .asking();
        let mut session = fixture.connect(era);
        let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
        let meta = json!({"traceparent": parent});
        let params =
            json!({"name": "get_note", "arguments": {"note_name": "first"}, "_meta": meta});
        let first = session.start("tools/call", params).unwrap();
        session.result(first);
        session.call("get_note", json!({"note_name": "nobody"}));
        session.call("get_note", json!({"no_such": 1}));
        session.call("canary", json!({}));
        session.call("edit_note", json!({"name": "first", "text": "canary"}));
        session.call("sleep_async", json!({"ms": 60_000}));
        session.call("add_note", json!({"name": "canary", "text": "canary"}));
        session.ask("resources/read", json!({"uri": "note:///first"}));
        let panicking = session.begin("panic_now", json!({"place": "body", "message": "canary"}));
        session.result(panicking);
        let said = session.message(r#""a-1""#, "resources/list", json!({}));
        session.say(said);
        session.line();
        let long = format!("\"{}\"", "i".repeat(500));
        let said = session.message(&long, "resources/list", json!({}));
        session.say(said);
        session.line();
        let client = session.end();
        let stderr = client.stderr();
        assert!(!stderr.contains("canary") && !stderr.contains("first"), "{stderr}");
        assert!(!stderr.contains("iiii"), "{stderr}");
        let lines = lines(&stderr);
        let panicked = lines.iter().any(|line| line["message"] == "a defect: panicked");
        assert!(panicked, "{stderr}");
        let calls: Vec<&Value> = lines.iter().filter(|line| line["message"] == "call").collect();
        let seen = |line: &&Value| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            format!("{} {} {}", text("tool"), text("effect"), text("outcome"))
        };
        let seen: Vec<String> = calls.iter().map(seen).collect();
        let expected = [
            "get_note read ok",
            "get_note read not_found",
            "get_note read invalid_arguments",
            "_unknown read unknown_tool",
            "edit_note change unknown_tool",
            "sleep_async read timeout",
            "add_note add ok",
            "resources/read read ok",
            "panic_now read internal",
            "resources/list read ok",
            "resources/list read ok",
        ];
        assert_eq!(seen, expected);
        assert_eq!(seen.len(), fixture.outcomes().len(), "one for each in the book");
        let [answered, .., plain, odd] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(answered["trace"], TRACE);
        assert_eq!(answered["request"], first.to_string());
        assert_eq!(answered["span"].as_str().map(str::len), Some(16));
        assert!(
            answered["dur_us"].is_u64() && answered["bytes"].as_u64().unwrap() > 0,
            "{answered}"
        );
        assert_eq!((&plain["request"], &odd["request"]), (&json!("a-1"), &Value::Null));
        assert_eq!(plain.get("trace"), None);
        assert_eq!(calls[5]["dur_us"].as_u64().unwrap() / 1_000_000, 1, "{}", calls[5]);
    });
}

#[test]
fn every_line_is_json_at_any_level() {
    let fixture = Fixture::new(&["--write", "--log-level", "trace", "--log-format", "json"]);
    let mut session = fixture.connect(Era::Legacy);
    session.call("get_note", json!({"note_name": "first"}));
    for place in ["body", "plan", "blocking"] {
        session.call("panic_now", json!({"place": place, "message": "two\nlines \u{1b}[0m"}));
    }
    session.say("{");
    session.line();
    let client = session.end();
    assert!(lines(&client.stderr()).len() > 3, "{}", client.stderr());

    let ran = fixture.clone().also(&["--tools", "no_such_tool"]).serve_nothing();
    assert_eq!(ran.code(), 1);
    let [line] = &lines(&ran.stderr())[..] else { panic!("{}", ran.stderr()) };
    assert_eq!(line["level"], "ERROR");
    assert!(line["message"].as_str().unwrap().contains("no_such_tool"), "{line}");
}

#[test]
fn as_text_it_is_one_line_too() {
    let fixture = Fixture::new(&[]).env("RUST_LOG", "info");
    let mut session = fixture.connect(Era::Modern);
    session.call("get_note", json!({"note_name": "first"}));
    let client = session.end();
    let stderr = client.stderr();
    let [line] = stderr.lines().collect::<Vec<_>>()[..] else { panic!("{stderr}") };
    assert!(
        line.contains(r#" INFO lockkeeper::call: call tool="get_note" effect="read""#),
        "{line}"
    );
}

/// A server that waited for its log's reader answered nothing once the pipe was full.
#[cfg(unix)]
#[test]
fn nobody_has_to_read_the_log() {
    let fixture = Fixture::new(&["--log-level", "trace"]);
    let mut command = fixture.command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let answers = std::thread::spawn(move || {
        std::io::BufRead::lines(std::io::BufReader::new(stdout)).count()
    });
    let params = json!({"name": "panic_now", "arguments": {"place": "body"}});
    let params = Era::Modern.with_meta(&json!({}), params);
    for id in 0..3_000 {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        writeln!(stdin, "{request}").unwrap();
    }
    drop(stdin);
    until("end of the server", || child.try_wait().unwrap().is_some());
    assert_eq!(answers.join().unwrap(), 3_000);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(
        said.ends_with('\n') && said.len() > 4_096,
        "whole lines, as many as there was room for"
    );
}

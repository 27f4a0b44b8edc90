//! What a person or a script sees without a client.

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Ran, eras};

fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout()).unwrap_or_else(|e| panic!("{e} in {}", ran.stdout()))
}

#[test]
fn help_names_what_there_is() {
    let ran = Fixture::new(&[]).run(&["--help"]);
    assert_eq!((ran.code(), ran.stderr().as_str()), (0, ""));
    for word in [
        "Notes in memory, for tests",
        "Usage: fixture [OPTIONS]",
        "check",
        "tools",
        "call",
        "--write",
        "--destroy",
        "--deny-tools",
        "--max-output",
        "--call-budget",
        "--results",
        "--tool-prefix",
        "--config",
        "--audit",
        "--state-dir",
        "--log",
        "Policy:",
        "Limits:",
    ] {
        assert!(ran.stdout().contains(word), "{word} is not in\n{}", ran.stdout());
    }
    let ran = Fixture::new(&[]).run(&["--version"]);
    assert_eq!(ran.stdout(), concat!("fixture ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in [
        &["--no-such-flag"][..],
        &["no-such-command"],
        &["call"],
        &["--destroy", "sometimes"],
        &["--max-output", "much"],
        &["--call-budget", "5"],
        &["--results", "xml"],
    ] {
        let ran = Fixture::new(&[]).run(arguments);
        assert_eq!((ran.code(), ran.stdout().as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr().starts_with("error: "), "{}", ran.stderr());
    }
}

#[test]
fn check_says_what_is_in_force() {
    let fixture = Fixture::new(&["--write", "--destroy", "never"]);
    let ran = fixture.run(&["check"]);
    assert_eq!(ran.code(), 0, "{}", ran.stderr());
    for line in ["ok   policy", "write on, destroy never", "ok   notes", "in memory", "advisory"] {
        assert!(ran.stdout().contains(line), "{line}: {}", ran.stdout());
    }
    let json = parsed(&fixture.run(&["check", "--json"]));
    assert_eq!(json["ok"], true);
    let subject = |name: &str| {
        let findings = json["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["subject"] == name);
        found.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(subject("state"), fixture.path("state").to_str().unwrap());
    assert!(subject("tools").contains("add_note") && !subject("tools").contains("delete_note"));
    assert!(!fixture.path("state").exists() && !fixture.path("audit").exists(), "it only looks");
    let fixture = Fixture::new(&["--broken"]);
    let ran = fixture.run(&["check"]);
    assert_eq!(ran.code(), 1);
    assert!(ran.stdout().contains("FAIL notes"), "{}", ran.stdout());
    let json = fixture.run(&["check", "--json"]);
    assert_eq!((json.code(), &parsed(&json)["ok"]), (1, &json!(false)));
}

#[test]
fn tools_are_those_that_clients_see() {
    for arguments in [&[][..], &["--write"], &["--results", "structured", "--tool-prefix", "x_"]] {
        eras(|era| {
            let fixture = Fixture::new(arguments);
            let ran = fixture.run(&["tools", "--json"]);
            assert_eq!(ran.code(), 0, "{}", ran.stderr());
            let listed = fixture.connect(era).ask("tools/list", json!({}));
            assert_eq!(parsed(&ran)["tools"], listed["result"]["tools"]);
        });
    }
    let ran = Fixture::new(&["--write"]).run(&["tools"]);
    assert!(ran.stdout().contains("get_note (reads)\n    Get a note."), "{}", ran.stdout());
    assert!(ran.stdout().contains("add_note (adds)\n"));
    assert!(ran.stdout().contains("delete_note (changes)\n"));
}

#[test]
fn a_tool_can_be_called_by_hand() {
    let fixture = Fixture::new(&[]);
    let ran = fixture.run(&["call", "get_note", r#"{"note_name":"first"}"#]);
    let expected = "{\"name\":\"first\",\"text\":\"one\",\"characters\":3}\n";
    assert_eq!((ran.code(), ran.stdout().as_str(), ran.stderr().as_str()), (0, expected, ""));
    let ran = fixture.run(&["call", "get_image", "{}"]);
    assert_eq!(ran.stdout(), "{\"bytes\":8}\n[image/png, 12 bytes of base64]\n");
    for (tool, arguments, problem) in [
        ("get_note", r#"{"note_name":"x"}"#, "not_found: there is no note `x`"),
        ("get_note", r#"{"note":"x"}"#, "invalid_arguments: unknown argument `note`"),
        ("no_such", "{}", "unknown tool"),
        ("add_note", r#"{"name":"n","text":"t"}"#, "unknown tool"),
        ("get_note", "[]", "fixture: the arguments must be a JSON object"),
        ("get_note", "{", "fixture: the arguments are not JSON"),
        ("panic_now", r#"{"place":"body"}"#, "internal: "),
    ] {
        let ran = fixture.run(&["call", tool, arguments]);
        assert_eq!((ran.code(), ran.stdout().as_str()), (1, ""), "{tool} {arguments}");
        assert!(ran.stderr().contains(problem), "{tool} {arguments}: {}", ran.stderr());
    }
    assert_eq!(fixture.outcomes().len(), 7, "calls by hand are in the book");
}

#[test]
fn a_mutation_by_hand_runs_to_its_end() {
    let fixture = Fixture::new(&["--write", "--call-budget", "100ms"]);
    let edit = r#"{"name":"first","text":"x","ms":600}"#;
    let ran = fixture.run(&["call", "edit_note", edit]);
    assert_eq!(ran.code(), 1);
    assert!(ran.stderr().contains("outcome_unknown"), "{}", ran.stderr());
    assert_eq!(fixture.log(), "editing first\nedited first\n");
    assert_eq!(fixture.outcomes(), ["edit_note ok"]);
    let ran = Fixture::new(&["--write"]).run(&["call", "delete_note", r#"{"name":"first"}"#]);
    assert!(ran.stderr().contains("--destroy allow"), "{}", ran.stderr());
}

#[test]
fn settings_of_a_file_are_overridden_by_flags() {
    let fixture = Fixture::new(&[]);
    let config = fixture.file("config.toml", "[source]\nbroken = true\nlog = \"/no/such/place\"\n");
    let fixture = fixture.also(&["--config", &config]);
    assert_eq!(fixture.run(&["check"]).code(), 1, "broken, as the file says");
    let mut session = fixture.connect(Era::Modern);
    session.call("sleep_async", json!({"ms": 0}));
    assert_eq!(fixture.log(), "sleeping\n", "the log is where the flag says");
    session.end();
}

//! What a person or a script sees without a client.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Ran, eras};
use crate::jobs::all;

fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout()).unwrap_or_else(|e| panic!("{e} in {}", ran.stdout()))
}

#[test]
fn help_names_what_there_is() {
    let short = Fixture::new(&[]).run(&["--help"]).stdout();
    for word in ["Usage: fixture [OPTIONS]", "register", "--write", "--config", "--help-all"] {
        assert!(short.contains(word), "{word} is not in\n{short}");
    }
    let ran = Fixture::new(&[]).run(&["--help-all"]);
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
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = ran.stdout().lines().map(words).collect();
    assert_eq!(rows[0], ["tool", "effect", "bytes", "tokens"]);
    let effect = |tool: &str| rows.iter().find(|row| row[0] == tool).unwrap()[1].clone();
    assert_eq!(["get_note", "add_note", "delete_note"].map(effect), ["reads", "adds", "changes"]);
    let listed = Fixture::new(&["--write"]).run(&["tools", "--json"]).stdout();
    let number = |text: &String| text.replace(',', "").parse::<usize>().unwrap();
    let total = rows.last().unwrap();
    assert_eq!(number(&total[2]), listed.trim_end().len(), "{total:?}");
    let is_tool = |row: &&Vec<String>| ["reads", "adds", "changes"].contains(&row[1].as_str());
    let tools: Vec<usize> = rows.iter().filter(is_tool).map(|row| number(&row[2])).collect();
    // What is around them: `{"tools":[…]}` and the commas.
    assert_eq!(tools.iter().sum::<usize>() + 12 + tools.len() - 1, number(&total[2]));
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
fn arguments_come_by_name_from_files_and_from_standard_input() {
    let fixture = Fixture::new(&["--write"]);
    let expected = "{\"name\":\"first\",\"text\":\"one\",\"characters\":3}\n";
    let path = fixture.file("arguments.json", r#"{"note_name":"first"}"#);
    let name = fixture.file("name.txt", "first");
    for call in [
        &["call", "get_note", "--arg", "note_name=first"][..],
        &["call", "get_note", &format!("@{path}")],
        &["call", "--arg-file", &format!("note_name={name}"), "get_note"],
    ] {
        let ran = fixture.run(call);
        assert_eq!((ran.stderr().as_str(), ran.stdout().as_str()), ("", expected), "{call:?}");
    }
    for (call, input) in [
        (&["call", "get_note", "-"][..], r#"{"note_name":"first"}"#),
        (&["call", "get_note", "--arg-file", "note_name=-"], "first"),
    ] {
        let mut command = fixture.subcommand(call);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let ran = Ran(child.wait_with_output().unwrap());
        assert_eq!((ran.stderr().as_str(), ran.stdout().as_str()), ("", expected), "{call:?}");
    }
    let both = ["call", "get_note", "{}", "--arg", "note_name=first"];
    assert_eq!(fixture.run(&both).code(), 2);
    assert_eq!(fixture.run(&["call", "get_note", "--arg", "note_name"]).code(), 2);
    let wrong = fixture.run(&["call", "edit_note", "--arg", "ms=soon", "--arg", "name=first"]);
    assert!(wrong.stderr().contains("`ms`"), "{}", wrong.stderr());
    let none = fixture.run(&["call", "get_note", "@/no/such"]);
    assert!(none.stderr().contains("`/no/such` can't be read"), "{}", none.stderr());
}

/// Of a hundred columns and 64 lines.
#[test]
fn help_fits_a_screen() {
    let mut programs = vec![PathBuf::from(Fixture::new(&[]).program())];
    programs.extend(all().into_iter().map(|job| job.program));
    programs.dedup();
    for program in programs {
        let run = |words: &[&str]| {
            let mut command = Command::new(&program);
            Ran(command.env("COLUMNS", "100").args(words).output().unwrap())
        };
        let mut open = vec![Vec::new()];
        let mut seen = 0;
        while let Some(words) = open.pop() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let text = run(&[&words[..], &["--help"]].concat()).stdout();
            let lines = text.lines().count();
            assert!((1..=64).contains(&lines), "{} {words:?}: {lines} lines", program.display());
            assert_eq!(run(&[&words[..], &["-h"]].concat()).stdout(), text);
            seen += 1;
            let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1);
            let names = commands.take_while(|line| line.starts_with("  "));
            for name in names.filter(|line| line.as_bytes()[2] != b' ') {
                let name = name.split_whitespace().next().unwrap();
                if name != "help" {
                    open.push(words.iter().copied().chain([name]).map(str::to_owned).collect());
                }
            }
        }
        assert!(seen > 15, "{seen} subcommands of {}", program.display());
        assert!(run(&["--help-all"]).stdout().contains("--metrics-listen"));
        assert!(run(&["check", "--help-all"]).stdout().contains("--metrics-listen"));
    }
}

#[test]
fn shells_complete_what_there_is() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = Fixture::new(&[]).run_alone(&["completions", shell]);
        assert_eq!(ran.code(), 0, "{}", ran.stderr());
        for word in ["max-output", "register", "fixture"] {
            assert!(ran.stdout().contains(word), "{shell}: {word}");
        }
    }
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

//! The official clients, with the fixture and with every server of the workspace. Where they are
//! is said by `cargo xtask test`; one that isn't there is a failure unless it was left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lockkeeper_testkit::mongo;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::workspace::{root, servers};

/// The path of a counterpart; none if it was left out on purpose.
fn counterpart(name: &str) -> Option<PathBuf> {
    let without = std::env::var("LOCKKEEPER_WITHOUT").unwrap_or_default();
    if without.split(',').any(|left_out| left_out == name) {
        return None;
    }
    let variable = format!("LOCKKEEPER_{}", name.to_uppercase());
    let path = std::env::var_os(&variable).unwrap_or_else(|| {
        panic!(
            "{variable} is not set: run `cargo xtask test`, with `--without {name}` to do without"
        )
    });
    Some(path.into())
}

/// How a server is started by a client.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// What its arguments name.
    pub(crate) directory: TempDir,
}

impl Job {
    /// `program` with a directory of its own, which `arguments` may name as `{}`.
    fn new(name: &str, program: PathBuf, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("note.txt"), "a note\n").unwrap();
        let path = directory.path().to_str().unwrap();
        let state = format!("{path}/.state");
        let arguments = arguments.iter().map(|argument| argument.replace("{}", path));
        let arguments = arguments.chain(["--state-dir".to_owned(), state]).collect();
        Self { name: name.to_owned(), program, arguments, directory }
    }
}

/// The fixtures and all servers of the workspace.
pub(crate) fn all() -> Vec<Job> {
    let mut jobs = vec![
        Job::new("fixture", env!("CARGO_BIN_EXE_fixture").into(), &[]),
        Job::new("fixture with everything", env!("CARGO_BIN_EXE_fixture").into(), &["--write"]),
        Job::new("bare", env!("CARGO_BIN_EXE_fixture-bare").into(), &[]),
    ];
    for server in servers() {
        let binaries = std::env::var_os("LOCKKEEPER_BINARIES");
        let Some(binaries) = binaries else {
            panic!("LOCKKEEPER_BINARIES is not set: run `cargo xtask test`");
        };
        let program = Path::new(&binaries).join(&server.name);
        assert!(program.is_file(), "{} is not built", program.display());
        let arguments: &[&str] = match server.name.as_str() {
            "lockkeeper-filesystem" => &["{}"],
            // Nobody is asked before a tool is called.
            "lockkeeper-postgres" => &["postgresql://nobody@127.0.0.1:1/app"],
            _ => &[],
        };
        jobs.push(Job::new(&server.name, program, arguments));
    }
    if let Some((uri, database)) = mongo::database() {
        let job = jobs.iter_mut().find(|job| job.name == "lockkeeper-mongo").unwrap();
        // What there is to attach is asked of the database.
        job.arguments.extend([uri, "--database".to_owned(), database]);
    } else {
        jobs.retain(|job| job.name != "lockkeeper-mongo");
    }
    jobs
}

fn checked(output: Output, name: &str) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name}: {}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

/// A session of the Python client.
fn python(python: &Path, mode: &str, job: &Job, more: Value) -> Value {
    let mut told = json!({ "command": job.program, "arguments": job.arguments });
    told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let script = root().join("tests/clients/session.py");
    let mut command = Command::new(python);
    let output = command.arg(script).args([mode, &told.to_string()]).output().unwrap();
    serde_json::from_str(&checked(output, &format!("{} {mode}", job.name))).unwrap()
}

/// The Inspector's command line: what it printed.
fn inspector(job: &Job, arguments: &[&str]) -> Option<String> {
    let (node, inspector) = (counterpart("node")?, counterpart("inspector")?);
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("servers.json");
    let server = json!({ "command": job.program, "args": job.arguments });
    fs::write(&config, json!({"mcpServers": {"it": server}}).to_string()).unwrap();
    let mut command = Command::new(node);
    command.arg(inspector).args(["--cli", "--config"]).arg(&config).args(["--server", "it"]);
    command.env("HOME", directory.path()).args(arguments);
    Some(checked(command.output().unwrap(), &format!("{} {arguments:?}", job.name)))
}

const MODES: [(&str, &str); 2] = [("auto", "2026-07-28"), ("legacy", "2025-11-25")];

#[test]
fn the_python_client_is_content_with_every_server() {
    let Some(client) = counterpart("python") else { return };
    for job in all() {
        for (mode, version) in MODES {
            let told = python(&client, mode, &job, json!({}));
            assert_eq!(told["version"], version, "{}", job.name);
            assert!(!told["tools"].as_array().unwrap().is_empty(), "{}", job.name);
        }
    }
}

#[test]
fn the_python_client_gets_what_it_asks_for() {
    let Some(client) = counterpart("python") else { return };
    for (mode, _) in MODES {
        let job = Job::new("fixture", env!("CARGO_BIN_EXE_fixture").into(), &["--write"]);
        let told = python(
            &client,
            mode,
            &job,
            json!({
                "answer": "accept",
                "calls": [
                    ["get_note", {"note_name": "first"}],
                    ["list_lines", {"count": 2}],
                    ["get_image", {}],
                    ["get_note", {"note_name": "nobody"}],
                    ["count_slowly", {"to": 40, "ms": 10}],
                    ["add_note", {"name": "new", "text": "x"}],
                    ["delete_note", {"name": "second"}],
                    ["panic_now", {"place": "body"}],
                ],
                "read": "note:///first",
                "complete": ["note:///{+name}", "name", "f"],
            }),
        );
        let results = told["results"].as_array().unwrap();
        let errors: Vec<bool> = results.iter().map(|r| r["error"] == true).collect();
        assert_eq!(errors, [false, false, false, true, false, false, false, true], "{told}");
        assert_eq!(results[0]["data"]["text"], "one");
        assert_eq!(results[1]["text"], "2 of 2 lines from 0\nline 000000\nline 000001\n");
        assert_eq!(results[2]["content"], json!(["text", "image"]));
        assert_eq!(results[6]["data"], json!({"done": "deleted", "name": "second"}));
        assert!(!told["progress"].as_array().unwrap().is_empty(), "{mode}");
        let question = "Allow `delete_note`? It may lose data for good: the note second";
        assert_eq!(told["asked"], json!([question]), "{mode}");
        assert_eq!(told["read"], "one");
        assert_eq!(told["completions"], json!(["first"]));
        assert_eq!(told["templates"], json!(["note:///{+name}"]));
    }
}

#[test]
fn the_python_client_asks_for_documents() {
    let Some(client) = counterpart("python") else { return };
    for (mode, _) in MODES {
        let mongo = all().into_iter().find(|job| job.name == "lockkeeper-mongo");
        let Some(mut job) = mongo else { return };
        job.arguments.push("--write".to_owned());
        let things = json!([{"_id": 1, "at": {"$date": "2026-01-31"}}]);
        let calls = json!([
            ["list_collections", {}],
            ["insert", {"collection": "things", "documents": things, "dry_run": true}],
            ["find", {"collection": "things"}],
            ["aggregate", {"collection": "things", "pipeline": [{"$out": "stolen"}]}],
        ]);
        let told = python(&client, mode, &job, json!({"calls": calls}));
        let results = told["results"].as_array().unwrap();
        let errors: Vec<bool> = results.iter().map(|r| r["error"] == true).collect();
        assert_eq!(errors, [false, false, true, true], "{mode}: {told}");
        assert_eq!(results[1]["data"]["would_insert"], 1, "{mode}: {told}");
    }
}

#[test]
fn the_inspector_finds_nothing_to_complain_about() {
    for job in all() {
        let Some(list) = inspector(&job, &["--method", "tools/list", "--strict"]) else { return };
        let list: Value = serde_json::from_str(&list).unwrap_or_else(|e| panic!("{e}: {list}"));
        assert!(!list["tools"].as_array().unwrap().is_empty(), "{}", job.name);
    }
}

#[test]
fn the_inspector_calls_a_tool() {
    let job = Job::new("fixture", env!("CARGO_BIN_EXE_fixture").into(), &[]);
    let arguments =
        ["--method", "tools/call", "--tool-name", "get_note", "--tool-arg", "note_name=first"];
    let Some(answer) = inspector(&job, &arguments) else { return };
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
    assert_eq!(answer["structuredContent"]["text"], "one", "{answer}");
}

//! The official clients, with the fixture and with every server of the workspace, over standard input
//! and output. Where they are is said by `cargo xtask test`; one that isn't there is a failure unless it
//! was left out.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::jobs::{Job, all, connector, counterpart};
use crate::workspace::root;

fn checked(output: Output, name: &str) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name}: {}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

/// A client library, which has many sessions at once.
struct Client {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<PathBuf>,
    /// How it can connect, and the revision that it then speaks.
    modes: &'static [(&'static str, &'static str)],
}

const MODES: &[(&str, &str)] = &[("auto", "2026-07-28"), ("legacy", "2025-11-25")];

impl Client {
    fn python() -> Option<Self> {
        let program = counterpart("python")?;
        let arguments = vec![root().join("tests/clients/session.py")];
        Some(Self { name: "python", program, arguments, modes: MODES })
    }

    fn typescript(name: &'static str, modes: &'static [(&str, &str)]) -> Option<Self> {
        let program = counterpart("node")?;
        let arguments = vec![root().join("tests/clients/session.mjs"), counterpart(name)?];
        Some(Self { name, program, arguments, modes })
    }

    /// What each session told.
    fn run(&self, jobs: &[Value]) -> Vec<Value> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(Value::from(jobs).to_string());
        let told = checked(command.output().unwrap(), self.name);
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
    }

    fn session(&self, mode: &str, job: &Job, more: Value) -> Value {
        let mut told = job.told(mode);
        told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.run(&[told]).remove(0)
    }

    /// Connects to every server in every way: the list of tools, a call, a change that is told.
    fn tries_everything(&self) {
        let jobs: Vec<(Job, &str, &str)> = self
            .modes
            .iter()
            .flat_map(|(mode, revision)| all().into_iter().map(|job| (job, *mode, *revision)))
            .collect();
        let told = jobs.iter().map(|(job, mode, _)| {
            let mut told = job.told(mode);
            told["calls"] = json!([job.call]);
            if let Some(watch) = &job.watch {
                told["watch"] = json!(watch);
            }
            told
        });
        let sessions = self.run(&told.collect::<Vec<_>>());
        assert_eq!(sessions.len(), jobs.len());
        for ((job, mode, revision), told) in jobs.iter().zip(sessions) {
            let name = format!("{}, {mode}, {}: {told}", self.name, job.name);
            assert_eq!(told["version"], *revision, "{name}");
            assert!(!told["tools"].as_array().unwrap().is_empty(), "{name}");
            assert_eq!(told["results"][0]["error"], false, "{name}");
            if let Some((uri, _)) = &job.watch {
                assert_eq!(
                    (&told["notice"], &told["changed"]),
                    (&json!(uri), &json!(true)),
                    "{name}"
                );
            }
            // `fixture` is another `fixture --write`, whose changes can be made.
            let is_watched = job.watch.is_some() || job.name == "fixture";
            assert_eq!(told["subscribe"] == true, is_watched, "tests/it/jobs.rs: {name}");
        }
    }
}

#[test]
fn the_python_client_is_content_with_every_server() {
    let Some(client) = Client::python() else { return };
    client.tries_everything();
}

#[test]
fn the_first_typescript_client_is_content_with_every_server() {
    let modes = &[("legacy", "2025-11-25")];
    let Some(client) = Client::typescript("typescript-v1", modes) else { return };
    client.tries_everything();
}

#[test]
fn the_second_typescript_client_is_content_with_every_server() {
    let Some(client) = Client::typescript("typescript-v2", MODES) else { return };
    client.tries_everything();
}

#[test]
fn the_python_client_gets_what_it_asks_for() {
    let Some(client) = Client::python() else { return };
    for (mode, _) in MODES {
        let told = client.session(
            mode,
            &Job::fixture(&["--write"]),
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
    let Some(client) = Client::python() else { return };
    for (mode, _) in MODES {
        let Some(job) = connector("lockkeeper-mongo") else { return };
        let things = json!([{"_id": 1, "at": {"$date": "2026-01-31"}}]);
        let calls = json!([
            ["list_collections", {}],
            ["insert", {"collection": "things", "documents": things, "dry_run": true}],
            ["find", {"collection": "things"}],
            ["aggregate", {"collection": "things", "pipeline": [{"$out": "stolen"}]}],
        ]);
        let told = client.session(mode, &job, json!({ "calls": calls }));
        let results = told["results"].as_array().unwrap();
        let errors: Vec<bool> = results.iter().map(|r| r["error"] == true).collect();
        assert_eq!(errors, [false, false, true, true], "{mode}: {told}");
        assert_eq!(results[1]["data"]["would_insert"], 1, "{mode}: {told}");
    }
}

/// The Inspector's command line: what it printed.
fn inspector(job: &Job, arguments: &[&str]) -> Option<Value> {
    let (node, inspector) = (counterpart("node")?, counterpart("inspector")?);
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("servers.json");
    let told = job.told("");
    let server = json!({"command": job.program, "args": job.arguments, "env": told["environment"]});
    fs::write(&config, json!({"mcpServers": {"it": server}}).to_string()).unwrap();
    let mut command = Command::new(node);
    command.arg(inspector).args(["--cli", "--config"]).arg(&config).args(["--server", "it"]);
    command.env("HOME", directory.path()).args(arguments);
    let printed = checked(command.output().unwrap(), &format!("{} {arguments:?}", job.name));
    Some(serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}")))
}

#[test]
fn the_inspector_finds_nothing_to_complain_about() {
    for job in all() {
        let Some(list) = inspector(&job, &["--method", "tools/list", "--strict"]) else { return };
        assert!(!list["tools"].as_array().unwrap().is_empty(), "{}", job.name);
    }
}

#[test]
fn the_inspector_calls_a_tool() {
    let arguments =
        ["--method", "tools/call", "--tool-name", "get_note", "--tool-arg", "note_name=first"];
    let Some(answer) = inspector(&Job::fixture(&[]), &arguments) else { return };
    assert_eq!(answer["structuredContent"]["text"], "one", "{answer}");
}

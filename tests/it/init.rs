//! `init`: settings to begin with, after a look at the source.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::fixture::Ran;
use crate::jobs::{Job, all, connector};

fn run(job: &Job, words: &[&str]) -> Ran {
    let mut command = Command::new(&job.program);
    let environment = job.environment.iter().map(|(name, value)| (name, value));
    command.envs(environment).args(words).arg("--state-dir").arg(job.directory.path().join("s"));
    Ran(command.output().unwrap())
}

/// What the server is started with, but for its state directory, which is one's own here.
fn settings(job: &Job) -> Vec<&str> {
    job.arguments.iter().rev().skip(2).rev().map(String::as_str).collect()
}

/// Has the file written by the server that this job starts.
#[track_caller]
fn write(job: &Job) -> (PathBuf, String) {
    let path = job.directory.path().join("made.toml");
    let mut words = vec!["init", "--output", path.to_str().unwrap()];
    words.extend(settings(job));
    let ran = run(job, &words);
    assert_eq!(ran.code(), 0, "{}: {}", job.name, ran.stderr());
    assert!(ran.stderr().contains("check --config"), "{}", ran.stderr());
    let again = run(job, &words);
    assert_eq!(again.code(), 1, "{}: it replaced its own file", job.name);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn every_server_writes_settings_that_it_reads() {
    for job in all() {
        let (path, text) = write(&job);
        assert!(text.contains("write = false"), "{}: {text}", job.name);
        let path = path.to_str().unwrap();
        let checked = run(&job, &["check", "--config", path]);
        assert_eq!(checked.code(), 0, "{}: {}{}", job.name, checked.stdout(), checked.stderr());
        assert!(checked.stdout().contains("write off"), "{}: {}", job.name, checked.stdout());
    }
}

#[test]
fn what_is_struck_out_does_not_exist() {
    let job = connector("lockkeeper-filesystem").unwrap();
    let directory = job.directory.path();
    fs::create_dir(directory.join("open")).unwrap();
    fs::create_dir(directory.join("clo*sed")).unwrap();
    for place in ["open", "clo*sed"] {
        fs::write(directory.join(place).join("a.txt"), place).unwrap();
    }
    let (path, text) = write(&job);
    let read = |place: &str| {
        let file = directory.join(place).join("a.txt");
        let argument = format!("path={}", file.display());
        run(&job, &["call", "read_file", "--arg", &argument, "--config", path.to_str().unwrap()])
    };
    for place in ["open", "clo*sed"] {
        assert_eq!(read(place).code(), 0, "{place}: {}{text}", read(place).stderr());
    }
    let left: Vec<&str> = text.lines().filter(|line| !line.contains("clo")).collect();
    fs::write(&path, left.join("\n")).unwrap();
    assert_eq!(read("open").code(), 0);
    assert!(read("clo*sed").stderr().starts_with("not_found"), "{}", read("clo*sed").stderr());
}

#[test]
fn tables_and_collections_are_named() {
    if let Some(job) = connector("lockkeeper-postgres") {
        let statements = json!([
            {"sql": "CREATE TABLE public.\"odd.name\" (id int)"},
            {"sql": "CREATE TABLE public.seen (id int)"},
        ]);
        let statements = format!("statements={statements}");
        let words = ["call", "execute", "--arg", &statements];
        let made = run(&job, &[&words[..], &settings(&job)].concat());
        assert_eq!(made.code(), 0, "{}", made.stderr());
        let (path, text) = write(&job);
        for line in [r#"'postgres.public.odd\.name',"#, r#""postgres.public.seen",  # table"#] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let sql = "sql=SELECT * FROM \"odd.name\"";
        let path = path.to_str().unwrap();
        let asked = run(&job, &["call", "query", "--arg", sql, "--config", path]);
        assert_eq!(asked.code(), 0, "{}", asked.stderr());
    }
    if let Some(job) = connector("lockkeeper-mongo") {
        let database = job.arguments[2].clone();
        let document = r#"documents=[{"_id": 1}]"#;
        let words = ["call", "insert", "--arg", "collection=users", "--arg", document];
        let made = run(&job, &[&words[..], &settings(&job)].concat());
        assert_eq!(made.code(), 0, "{}", made.stderr());
        let (_, text) = write(&job);
        let line = format!("\"{database}.users\",  # collection");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

//! Every server as clients of others meet it: how it is started, a call that works, and what can be
//! subscribed to. A server that isn't here fails the tests.

use std::any::Any;
use std::fs;
use std::path::{Path, PathBuf};

use lockkeeper_drive_double::{Double, FULL, NewFile, Seed};
use lockkeeper_testkit::github::{Front, TOKEN};
use lockkeeper_testkit::mongo;
use lockkeeper_testkit::postgres::{Cluster, Version};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::workspace::servers;

/// The path of a counterpart; none if it was left out on purpose.
pub(crate) fn counterpart(name: &str) -> Option<PathBuf> {
    let without = std::env::var("LOCKKEEPER_WITHOUT").unwrap_or_default();
    if without.split(',').any(|left_out| left_out == name) {
        return None;
    }
    let variable = format!("LOCKKEEPER_{}", name.to_uppercase().replace('-', "_"));
    let path = std::env::var_os(&variable).unwrap_or_else(|| {
        panic!(
            "{variable} is not set: run `cargo xtask test`, with `--without {name}` to do without"
        )
    });
    Some(path.into())
}

/// A program that `cargo xtask test` has built.
pub(crate) fn built(name: &str) -> PathBuf {
    let Some(binaries) = std::env::var_os("LOCKKEEPER_BINARIES") else {
        panic!("LOCKKEEPER_BINARIES is not set: run `cargo xtask test`");
    };
    let program = Path::new(&binaries).join(name);
    assert!(program.is_file(), "{} is not built", program.display());
    program
}

/// How a server is started by a client, and what a client can do with it.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// A tool and its arguments.
    pub(crate) call: (&'static str, Value),
    /// A resource, and a call that changes it.
    pub(crate) watch: Option<(String, (&'static str, Value))>,
    /// What its arguments name.
    pub(crate) directory: TempDir,
    /// What it works on, as long as this lives.
    _upstream: Option<Box<dyn Any + Send + Sync>>,
}

impl Job {
    /// `program` with a directory of its own, which `arguments` may name as `{}`.
    pub(crate) fn new(name: &str, program: PathBuf, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("note.txt"), "a note\n").unwrap();
        let path = directory.path().to_str().unwrap();
        let state = format!("{path}/.state");
        let arguments = arguments.iter().map(|argument| argument.replace("{}", path));
        let arguments = arguments.chain(["--state-dir".to_owned(), state]).collect();
        Self {
            name: name.to_owned(),
            program,
            arguments,
            environment: Vec::new(),
            call: ("", Value::Null),
            watch: None,
            directory,
            _upstream: None,
        }
    }

    /// The fixture.
    pub(crate) fn fixture(arguments: &[&str]) -> Self {
        let name = ["fixture", &arguments.join(" ")].join(" ");
        let job = Self::new(name.trim_end(), env!("CARGO_BIN_EXE_fixture").into(), arguments);
        job.calls("get_note", json!({"note_name": "first"}))
    }

    /// The path of a file in its directory.
    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn calls(self, tool: &'static str, arguments: Value) -> Self {
        Self { call: (tool, arguments), ..self }
    }

    fn watches(self, uri: impl Into<String>, tool: &'static str, change: Value) -> Self {
        Self { watch: Some((uri.into(), (tool, change))), ..self }
    }

    fn upon(self, upstream: impl Any + Send + Sync) -> Self {
        Self { _upstream: Some(Box::new(upstream)), ..self }
    }

    /// As the scripts of `tests/clients` read it.
    pub(crate) fn told(&self, mode: &str) -> Value {
        let environment: serde_json::Map<String, Value> = self
            .environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        json!({
            "mode": mode,
            "command": self.program,
            "arguments": self.arguments,
            "environment": environment,
        })
    }
}

/// The fixtures, and all servers of the workspace whose upstream this run has.
pub(crate) fn all() -> Vec<Job> {
    let bare = Job::new("bare", env!("CARGO_BIN_EXE_fixture-bare").into(), &[]);
    let mut jobs = vec![
        Job::fixture(&[]),
        Job::fixture(&["--write"]).watches(
            "note:///first",
            "edit_note",
            json!({"name": "first", "text": "changed"}),
        ),
        bare.calls("say_hello", json!({})),
    ];
    jobs.extend(servers().iter().filter_map(|server| connector(&server.name)));
    jobs
}

/// A server of the workspace, unless this run does without what it works on.
pub(crate) fn connector(name: &str) -> Option<Job> {
    let start = |arguments: &[&str]| Job::new(name, built(name), arguments);
    Some(match name {
        "lockkeeper-drive" => {
            let seed = Seed::new()
                .file(NewFile::folder("Team").id("team"))
                .file(NewFile::text("note", "a note\n").id("note").parent("team"));
            let double = Double::start(seed);
            let root = format!("--api-root={}", double.url());
            let mut job = start(&[&root, "--folder", "/Team", "--write", "--poll-interval", "1"]);
            job.environment.push(("DRIVE_ACCESS_TOKEN", double.token(&[FULL])));
            let change = json!({"file": "note", "content": "more\n"});
            job.calls("read", json!({"file": "note"}))
                .watches("gdrive:///note", "write", change)
                .upon(double)
        }
        "lockkeeper-filesystem" => {
            let job = start(&["{}", "--write"]);
            let path = job.path("note.txt");
            let change = json!({"path": path, "content": "more\n", "mode": "append"});
            job.calls("read_file", json!({ "path": path })).watches(
                format!("file://{path}"),
                "write_file",
                change,
            )
        }
        "lockkeeper-github" => {
            let front = Front::emulated(&[("r", false)])?;
            let mut job = start(&["--host", &front.host(), "--write", "--poll-interval=1"]);
            job.environment.push(("GITHUB_TOKEN", TOKEN.to_owned()));
            let create = json!({"method": "create", "repo": "admin/r", "title": "one"});
            let update = json!({"method": "update", "repo": "admin/r", "number": 1, "title": "1"});
            job.calls("issue_write", create)
                .watches("github://admin/r/issues/1", "issue_write", update)
                .upon(front)
        }
        "lockkeeper-mongo" => {
            let (uri, database) = mongo::database()?;
            let insert = |id: u8| json!({"collection": "watched", "documents": [{ "_id": id }]});
            start(&[&uri, "--database", &database, "--write"]).calls("insert", insert(1)).watches(
                format!("mongo://{database}/watched"),
                "insert",
                insert(2),
            )
        }
        "lockkeeper-postgres" => {
            let cluster = Cluster::start(Version::V16)?;
            let job = start(&[
                &cluster.url("postgres"),
                "--write",
                "--ddl",
                "--destroy=allow",
                "--poll-interval=1",
            ]);
            let execute = |sql: &str| json!({"statements": [{ "sql": sql }]});
            job.calls("execute", execute("CREATE TABLE public.things (id int)"))
                .watches(
                    "pg://postgres/public/things",
                    "execute",
                    execute("INSERT INTO public.things VALUES (1)"),
                )
                .upon(cluster)
        }
        unknown => panic!("tests/it/jobs.rs says nothing of {unknown}"),
    })
}

//! GitHub and shorthands for the tests in the tool files. Every request of every test is held against
//! GitHub's own description of its API.

pub(crate) mod calls;
pub(crate) mod graphql;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use lockkeeper_testkit::Expect;
use lockkeeper_testkit::github::{Front, Said, TOKEN};
use lockkeeper_testkit::in_process::{self, InProcess};
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::GitHub;

/// The repository of the examples.
pub(crate) const REPO: &str = "octocat/Hello-World";

/// A GitHub, and what a server needs to log in there.
pub(crate) struct World {
    pub(crate) front: Front,
    directory: TempDir,
}

impl World {
    /// GitHub as its documentation shows it.
    pub(crate) fn examples() -> Self {
        Self::new(Front::examples())
    }

    /// GitHub with state: repositories of `admin`, `true` for private; none if this run does without
    /// the emulator.
    pub(crate) fn emulated(repos: &[(&str, bool)]) -> Option<Self> {
        Front::emulated(repos).map(Self::new)
    }

    fn new(front: Front) -> Self {
        let directory = TempDir::new().unwrap();
        let token = directory.path().join("token");
        fs::write(&token, TOKEN).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        Self { front, directory }
    }

    /// The same for a server whose credential is the private key of an App.
    pub(crate) fn with_key(self, pem: &str) -> Self {
        fs::write(self.directory.path().join("token"), pem).unwrap();
        self
    }

    /// The command line for a server in this world.
    pub(crate) fn arguments(&self, flags: &[&str]) -> Vec<String> {
        let token = self.directory.path().join("token");
        let credential = format!("--credential=file:{}", token.display());
        let host = format!("--host={}", self.front.host());
        let own = [host, credential, "--write-pause=0".to_owned()];
        own.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).collect()
    }

    /// A session with a server in this world.
    pub(crate) fn client(&self, flags: &[&str]) -> InProcess {
        self.client_of(Era::Modern, flags)
    }

    fn client_of(&self, era: Era, flags: &[&str]) -> InProcess {
        let arguments = self.arguments(flags);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        InProcess::start::<GitHub>(&arguments, era)
    }

    /// Calls `tool {json}` in both eras: what the agent sees.
    pub(crate) fn call(&self, flags: &[&str], call: &str) -> String {
        let (tool, given) = call.split_once(' ').unwrap();
        let given: Value = serde_json::from_str(given).unwrap_or_else(|e| panic!("{e} in {given}"));
        let [legacy, modern] = Era::ALL.map(|era| {
            let mut client = self.client_of(era, flags);
            hide_cursor(&in_process::seen(&client.call(tool, given.clone())))
        });
        assert_eq!(legacy, modern, "the eras see different answers");
        modern
    }

    /// Calls each method of a tool on the example repository and compares the beginnings of what the
    /// agent sees.
    pub(crate) fn check_methods(&self, tool: &str, calls: &[(&str, Value)], expect: &Expect) {
        let mut out = String::new();
        let mut client = self.client(&["--toolsets=all", "--write", "--destroy=allow"]);
        for (method, arguments) in calls {
            let mut arguments = arguments.clone();
            arguments["method"] = (*method).into();
            let text = hide_cursor(&in_process::seen(&client.call(tool, arguments)));
            out.push_str(&format!("{method}\n"));
            for line in text.lines().take(5) {
                let line: String = line.chars().take(160).collect();
                out.push_str(&format!("  {}\n", line.trim_end()));
            }
        }
        let known = methods_of(tool);
        let called: Vec<&str> = calls.iter().map(|(method, _)| *method).collect();
        for method in &known {
            assert!(called.contains(&method.as_str()), "{tool} {method} is not called");
        }
        expect.assert_eq(&out);
        self.front.assert_no_violations();
    }

    /// A job's log, which the API leads to.
    pub(crate) fn log(&self, job: u64, piece: &str, repeated: usize) {
        let store = format!("{}/store/same/{job}", self.front.host());
        let path = format!("/repos/{REPO}/actions/jobs/{job}/logs");
        self.front.say("GET", &path, Said::json(302, &json!({})).header("location", &store));
        self.front.say("GET", &format!("/store/same/{job}"), Said::text(piece, repeated));
    }
}

/// What a tool's schema says that there is; nothing for a tool without methods.
pub(crate) fn methods_of(tool: &str) -> Vec<String> {
    let arguments = ["--toolsets=all", "--write", "--destroy=allow"];
    let tools = lockkeeper_core::testing::definitions::<GitHub>(&arguments).unwrap();
    let tool = tools.iter().find(|one| one["name"] == tool).unwrap();
    let methods = tool["inputSchema"]["properties"]["method"]["enum"].as_array();
    methods.into_iter().flatten().map(|method| method.as_str().unwrap().to_owned()).collect()
}

/// What an agent sees of one call.
pub(crate) fn seen(client: &mut InProcess, tool: &str, arguments: Value) -> String {
    in_process::seen(&client.call(tool, arguments))
}

/// The cursor in an answer.
pub(crate) fn cursor(text: &str) -> Option<String> {
    let head = text.lines().next()?;
    let (_, rest) = head.split_once("next: cursor ")?;
    Some(rest.split([']', ';']).next()?.to_owned())
}

/// Calls a tool until there is no further page.
pub(crate) fn all_pages(client: &mut InProcess, tool: &str, mut arguments: Value) -> Vec<String> {
    let mut pages = Vec::new();
    loop {
        let text = seen(client, tool, arguments.clone());
        let next = cursor(&text);
        pages.push(text);
        let Some(next) = next else { return pages };
        arguments["cursor"] = next.into();
    }
}

/// Cursors differ from run to run.
fn hide_cursor(text: &str) -> String {
    let Some(cursor) = cursor(text) else { return text.to_owned() };
    text.replacen(&cursor, "<cursor>", 1)
}

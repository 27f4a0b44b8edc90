//! Starting the fixture and asking it things: what makes a test a few lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use lockkeeper_testkit::stdio::{Client, Era, Launch};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a test waits for what must come; only a failing one does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A fixture to start, once or more often, with a directory of its own for all it writes.
#[derive(Clone)]
pub(crate) struct Fixture {
    directory: Arc<TempDir>,
    program: &'static str,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    capabilities: Value,
    keeps: bool,
}

impl Fixture {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap().into(),
            program: env!("CARGO_BIN_EXE_fixture"),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            environment: Vec::new(),
            capabilities: json!({}),
            keeps: true,
        }
    }

    /// The fixture without resources.
    pub(crate) fn bare() -> Self {
        let program = env!("CARGO_BIN_EXE_fixture-bare");
        Self { program, keeps: false, ..Self::new(&[]) }
    }

    /// Its client can ask a person.
    pub(crate) fn asking(self) -> Self {
        self.able(json!({"elicitation": {}}))
    }

    /// Its client declares these capabilities.
    pub(crate) fn able(self, capabilities: Value) -> Self {
        Self { capabilities, ..self }
    }

    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn program(&self) -> &'static str {
        self.program
    }

    /// A path in the fixture's own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file there and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn also(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    fn all_arguments(&self) -> Vec<String> {
        let mut arguments = self.arguments.clone();
        let mut default = |flag: &str, name: &str| {
            if !arguments.iter().any(|argument| argument == flag) {
                arguments.extend([flag.to_owned(), self.path(name).to_str().unwrap().to_owned()]);
            }
        };
        default("--audit", "audit");
        default("--state-dir", "state");
        if self.keeps {
            default("--log", "log");
        }
        arguments
    }

    fn launch(&self) -> Launch {
        let mut launch = Launch::new(self.program).args(self.all_arguments());
        launch = launch.timeout(PATIENCE).capabilities(self.capabilities.clone());
        let command = launch.command();
        clean(command).envs(self.environment.iter().map(|(name, value)| (name, value)));
        launch
    }

    /// Starts it from a shell script, which replaces itself by `"$0" "$@"`, and says nothing.
    #[cfg(unix)]
    pub(crate) fn limited(&self, script: &str) -> Session {
        let arguments = ["-c", script, self.program].map(str::to_owned);
        let arguments = arguments.into_iter().chain(self.all_arguments());
        let mut launch = Launch::new("sh").args(arguments).timeout(PATIENCE);
        clean(launch.command());
        self.session(launch.spawn().unwrap(), Era::Modern)
    }

    /// Starts it and says nothing.
    pub(crate) fn spawn(&self) -> Session {
        self.session(self.launch().spawn().unwrap(), Era::Modern)
    }

    /// Starts it and opens a session.
    pub(crate) fn connect(&self, era: Era) -> Session {
        self.session(self.launch().connect(era).unwrap(), era)
    }

    fn session(&self, client: Client, era: Era) -> Session {
        Session { client, era, _directory: Arc::clone(&self.directory) }
    }

    /// The command for a process that a test drives by itself.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        clean(&mut command).args(self.all_arguments());
        command
    }

    /// A subcommand with its settings, for a test that drives it by itself.
    pub(crate) fn subcommand(&self, subcommand: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        clean(&mut command).args(subcommand);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if subcommand.first().is_some_and(|first| !first.starts_with('-')) {
            command.args(self.all_arguments());
        }
        command
    }

    /// Runs a subcommand to its end.
    pub(crate) fn run(&self, subcommand: &[&str]) -> Ran {
        Ran(self.subcommand(subcommand).output().unwrap())
    }

    /// Runs a subcommand that takes no settings.
    pub(crate) fn run_alone(&self, subcommand: &[&str]) -> Ran {
        let mut command = Command::new(self.program);
        Ran(clean(&mut command).args(subcommand).output().unwrap())
    }

    /// Starts it as a host does, on settings with which it can't start.
    pub(crate) fn serve_nothing(&self) -> Ran {
        Ran(self.command().stdin(Stdio::null()).output().unwrap())
    }

    /// Runs `secret …` with this on its standard input.
    pub(crate) fn secret(&self, subcommand: &[&str], input: &str) -> Ran {
        let mut command = self.secret_command(subcommand);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that refuses its arguments doesn't read.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        Ran(child.wait_with_output().unwrap())
    }

    pub(crate) fn secret_command(&self, subcommand: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        clean(&mut command).arg("secret").args(subcommand);
        command.arg("--state-dir").arg(self.path("state"));
        command
    }

    /// What tools said they did.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until tools said `line` that often.
    pub(crate) fn await_log(&self, line: &str, times: usize) {
        until(&format!("`{line}` in the log"), || {
            self.log().lines().filter(|said| *said == line).count() >= times
        });
    }

    /// Runs a subcommand of `audit` on its log.
    pub(crate) fn run_audit(&self, subcommand: &[&str]) -> Ran {
        let mut command = Command::new(self.program);
        clean(&mut command).arg("audit").args(subcommand);
        command.arg("--audit").arg(self.path("audit"));
        command.arg("--state-dir").arg(self.path("state"));
        Ran(command.output().unwrap())
    }

    /// Runs `status` on its state directory.
    pub(crate) fn run_status(&self, more: &[&str]) -> Ran {
        let mut command = Command::new(self.program);
        clean(&mut command).arg("status").args(more);
        command.arg("--state-dir").arg(self.path("state"));
        Ran(command.output().unwrap())
    }

    /// What `status` says of the instances, by whether all is well.
    pub(crate) fn status(&self) -> (bool, Vec<Value>) {
        let ran = self.run_status(&["--json"]);
        let told: Value = serde_json::from_str(&ran.stdout()).unwrap();
        let ok = told["ok"].as_bool().unwrap();
        assert_eq!(ran.code(), i32::from(!ok), "{told}");
        (ok, told["instances"].as_array().unwrap().clone())
    }

    /// All records of calls in the audit log, after what holds for each log was checked: one outcome a
    /// call, and before a mutation's outcome its intent.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let mut records = Vec::new();
        let segments = files(&self.path("audit")).into_iter();
        for path in segments.filter(|path| path.extension().is_some_and(|e| e == "jsonl")) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.ends_with('\n'), "a torn record in {}", path.display());
            for line in text.lines() {
                records.push(serde_json::from_str::<Value>(line).unwrap());
            }
        }
        // Segments begin and end with records of their own.
        records.retain(|record| record["call"].is_u64());
        let mut calls: BTreeMap<(String, u64), Vec<&Value>> = BTreeMap::new();
        for record in &records {
            let instance = record["instance"].as_str().unwrap().to_owned();
            calls.entry((instance, record["call"].as_u64().unwrap())).or_default().push(record);
        }
        for (call, records) in calls {
            let events: Vec<&str> = records.iter().map(|r| r["ev"].as_str().unwrap()).collect();
            let ran = records.iter().any(|record| record["code"] == "ok");
            match events.as_slice() {
                ["outcome"] if !ran || records[0]["effect"] == "read" => {}
                ["intent", "outcome"] if records[0]["effect"] != "read" => {}
                wrong => panic!("call {call:?} left {wrong:?}: {records:#?}"),
            }
        }
        records
    }

    /// `tool code` of every outcome, in order.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let records = self.audit();
        let outcomes = records.iter().filter(|record| record["ev"] == "outcome");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        outcomes.map(|r| format!("{} {}", text(&r["tool"]), text(&r["code"]))).collect()
    }
}

/// Nothing of the developer's own settings.
fn clean(command: &mut Command) -> &mut Command {
    for name in [
        "RUST_LOG",
        "LOCKKEEPER_WRITE",
        "LOCKKEEPER_DESTROY",
        "LOCKKEEPER_SANDBOX",
        "LOCKKEEPER_CONFIG",
        "LOCKKEEPER_MANAGED_DIR",
        "LOCKKEEPER_AUDIT",
        "LOCKKEEPER_STATE_DIR",
        "LOCKKEEPER_KEY_FILE",
        "LOCKKEEPER_LOG_FORMAT",
        "LOCKKEEPER_METRICS_FILE",
        "LOCKKEEPER_METRICS_LISTEN",
    ] {
        command.env_remove(name);
    }
    command
}

/// All files in a directory and below.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect()
}

/// What a subcommand left.
pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }
}

/// A running fixture.
pub(crate) struct Session {
    client: Client,
    era: Era,
    /// What the server was given stays as long as it runs.
    _directory: Arc<TempDir>,
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Session {
    pub(crate) fn open(&mut self, era: Era) {
        self.era = era;
        self.client.open(era).unwrap();
    }

    /// A request and its answer: the whole message.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.client.request(method, params).unwrap().value
    }

    /// The code of the protocol error that answers a request.
    pub(crate) fn refusal(&mut self, method: &str, params: Value) -> i64 {
        let answer = self.ask(method, params);
        answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{method}: {answer}"))
    }

    /// Calls a tool: its result, or the protocol error.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let id = self.begin(tool, arguments);
        self.result(id)
    }

    /// Calls a tool: the text of its answer, errors behind `error:`.
    pub(crate) fn text(&mut self, tool: &str, arguments: Value) -> String {
        text(&self.call(tool, arguments))
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self, tool: &str, arguments: Value) -> u64 {
        self.start("tools/call", json!({"name": tool, "arguments": arguments})).unwrap()
    }

    /// Ends a call that was begun.
    pub(crate) fn result(&mut self, id: u64) -> Value {
        let answer = self.wait(id).unwrap().value;
        answer.get("result").or_else(|| answer.get("error")).unwrap().clone()
    }

    pub(crate) fn cancel(&mut self, id: u64) {
        self.notify("notifications/cancelled", json!({"requestId": id})).unwrap();
    }

    /// Writes one line.
    pub(crate) fn say(&mut self, line: impl AsRef<[u8]>) {
        let mut line = line.as_ref().to_vec();
        line.push(b'\n');
        self.send_raw(&line).unwrap();
    }

    /// A request of this session's era as text, with its id as it is given.
    pub(crate) fn message(&self, id: &str, method: &str, params: Value) -> String {
        let params = self.era.with_meta(&json!({}), params);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
    }

    /// The next line that answers none of our own requests.
    pub(crate) fn line(&mut self) -> Value {
        self.next_line(PATIENCE).unwrap().json().unwrap()
    }

    /// Asserts that the server lives, has nothing more to say, and never repeated itself.
    pub(crate) fn settle(&mut self) {
        let tools = self.ask("tools/list", json!({}));
        assert!(tools["result"]["tools"].is_array(), "{tools}");
        if let Ok(line) = self.next_line(Duration::ZERO) {
            panic!("nobody asked for {}", line.json().unwrap());
        }
    }

    /// The most memory it has had, MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.peak_memory().unwrap() / 1024 / 1024
    }

    /// Ends the input, waits, and checks how the server went and what it said.
    pub(crate) fn end(mut self) -> Client {
        self.close_stdin();
        self.gone();
        self.client
    }

    /// Waits for the end, which must come within 2 s, in peace, and without a stray byte.
    pub(crate) fn gone(&mut self) {
        let status = self.wait_exit(Duration::from_secs(2)).unwrap();
        assert!(status.success(), "{status}: {}", self.stderr());
        assert_eq!(
            self.impure_line().map(|line| String::from_utf8_lossy(&line).into_owned()),
            None
        );
    }
}

/// What the model reads.
pub(crate) fn text(result: &Value) -> String {
    if let Some(message) = result["message"].as_str() {
        return format!("protocol error {}: {message}", result["code"]);
    }
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"));
    let error = if result["isError"] == true { "error: " } else { "" };
    format!("{error}{text}")
}

/// Runs a test in both eras.
pub(crate) fn eras(test: impl Fn(Era)) {
    for era in Era::ALL {
        test(era);
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

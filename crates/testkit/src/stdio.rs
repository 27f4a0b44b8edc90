//! A client that talks to a real server binary over stdio, as a host does. It is synchronous and
//! knows no MCP library, so what it sees are the bytes on the pipe: every line of stdout is kept
//! as it came, with its time of arrival. It must stay free of lockkeeper-core, so that tools
//! which only drive binaries build in seconds.
#![expect(
    clippy::disallowed_methods,
    reason = "a test client starts processes, waits for them and reads /proc"
)]
#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by key yields null, no panic")]
#![expect(clippy::needless_pass_by_value, reason = "callers write `json!(…)` in place")]

use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The two kinds of protocol revision a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Up to 2025-11-25: a handshake opens the session.
    Legacy,
    /// From 2026-07-28: no handshake, each request carries version and capabilities.
    Modern,
}

impl Era {
    /// Both eras, for tests that hold in each.
    pub const ALL: [Self; 2] = [Self::Legacy, Self::Modern];

    /// The protocol revision the client asks for.
    pub fn revision(self) -> &'static str {
        match self {
            Self::Legacy => "2025-11-25",
            Self::Modern => "2026-07-28",
        }
    }

    /// Parameters with what each request of this era carries; keys that the caller set stay.
    pub fn with_meta(self, capabilities: &Value, mut params: Value) -> Value {
        if params.is_null() {
            params = json!({});
        }
        if self == Self::Legacy {
            return params;
        }
        let meta = [
            ("io.modelcontextprotocol/protocolVersion", json!(self.revision())),
            ("io.modelcontextprotocol/clientInfo", client_info()),
            ("io.modelcontextprotocol/clientCapabilities", capabilities.clone()),
        ];
        if let Some(params) = params.as_object_mut()
            && let Some(map) = params.entry("_meta").or_insert_with(|| json!({})).as_object_mut()
        {
            for (key, value) in meta {
                map.entry(key).or_insert(value);
            }
        }
        params
    }
}

/// What to start and how.
///
/// ```no_run
/// use lockkeeper_testkit::stdio::{Era, Launch};
/// use serde_json::json;
///
/// let mut client = Launch::new("target/debug/my-connector").args(["."]).connect(Era::Modern)?;
/// let reply = client.call_tool("greet", json!({ "name": "Ada" }))?;
/// assert_eq!(reply.text(), "Hello, Ada");
/// client.close_stdin();
/// assert!(client.wait_exit(std::time::Duration::from_secs(2))?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Launch {
    command: Command,
    timeout: Duration,
    capabilities: Value,
    keeps: usize,
}

impl Launch {
    /// Starts `program` without arguments, in the current directory and environment.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let command = Command::new(program);
        let timeout = Duration::from_secs(30);
        Self { command, timeout, capabilities: json!({}), keeps: usize::MAX }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// How long a request waits for its answer; 30 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The client capabilities to declare, such as `{"elicitation": {}}`; none unless set.
    #[must_use]
    pub fn capabilities(mut self, capabilities: Value) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Keeps only the first so many bytes of stdout and of stderr, for sessions that are long.
    #[must_use]
    pub fn keep_at_most(mut self, bytes: usize) -> Self {
        self.keeps = bytes;
        self
    }

    /// The command, for whatever has no method here.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Starts the server and opens a session.
    pub fn connect(self, era: Era) -> io::Result<Client> {
        let mut client = self.spawn()?;
        client.open(era)?;
        Ok(client)
    }

    /// Starts the server and says nothing to it.
    pub fn spawn(mut self) -> io::Result<Client> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = self.command.spawn().map_err(|error| {
            let program = self.command.get_program().display();
            io::Error::new(error.kind(), format!("cannot start `{program}`: {error}"))
        })?;

        let stdout = Kept::new(self.keeps);
        let mut readers = Vec::new();
        let (sender, lines) = mpsc::channel();
        if let Some(pipe) = child.stdout.take() {
            let stdout = stdout.clone();
            readers.push(thread::spawn(move || {
                let mut pipe = BufReader::new(pipe);
                loop {
                    let mut bytes = Vec::new();
                    let read = pipe.read_until(b'\n', &mut bytes);
                    let at = Instant::now();
                    stdout.keep(&bytes);
                    if bytes.is_empty() || sender.send(Line { bytes, at }).is_err() {
                        return;
                    }
                    if read.is_err() {
                        return;
                    }
                }
            }));
        }
        let stderr = Kept::new(self.keeps);
        if let Some(mut pipe) = child.stderr.take() {
            let stderr = stderr.clone();
            readers.push(thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                    stderr.keep(buffer.get(..n).unwrap_or_default());
                }
            }));
        }

        Ok(Client {
            stdin: child.stdin.take(),
            child,
            readers,
            lines,
            unread: VecDeque::new(),
            replies: HashMap::new(),
            sent: HashMap::new(),
            last_id: 0,
            stdout,
            stderr,
            started,
            timeout: self.timeout,
            capabilities: self.capabilities,
            modern: false,
        })
    }
}

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    readers: Vec<JoinHandle<()>>,
    lines: Receiver<Line>,
    unread: VecDeque<Line>,
    replies: HashMap<u64, Reply>,
    sent: HashMap<u64, Instant>,
    last_id: u64,
    stdout: Kept,
    stderr: Kept,
    started: Instant,
    timeout: Duration,
    capabilities: Value,
    modern: bool,
}

impl Client {
    /// Opens a session: the handshake of the legacy era, whose answer is returned; nothing is
    /// sent in the modern one.
    pub fn open(&mut self, era: Era) -> io::Result<Option<Reply>> {
        self.modern = era == Era::Modern;
        if self.modern {
            return Ok(None);
        }
        let reply = self.request(
            "initialize",
            json!({
                "protocolVersion": era.revision(),
                "capabilities": self.capabilities.clone(),
                "clientInfo": client_info(),
            }),
        )?;
        if let Some(error) = reply.error() {
            return Err(io::Error::other(format!("`initialize` was refused: {error}")));
        }
        self.notify("notifications/initialized", json!({}))?;
        Ok(Some(reply))
    }

    /// Sends a request and waits for its answer, be it a result or an error.
    pub fn request(&mut self, method: &str, params: Value) -> io::Result<Reply> {
        let id = self.start(method, params)?;
        self.wait(id)
    }

    /// Calls a tool.
    pub fn call_tool(&mut self, name: &str, arguments: Value) -> io::Result<Reply> {
        self.request("tools/call", json!({ "name": name, "arguments": arguments }))
    }

    /// Sends a request without waiting; [`Client::wait`] takes the id it returns.
    pub fn start(&mut self, method: &str, params: Value) -> io::Result<u64> {
        self.last_id += 1;
        let id = self.last_id;
        let params =
            if self.modern { Era::Modern.with_meta(&self.capabilities, params) } else { params };
        self.sent.insert(id, Instant::now());
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        Ok(id)
    }

    /// Waits for the answer to a request that was started.
    pub fn wait(&mut self, id: u64) -> io::Result<Reply> {
        let deadline = Instant::now() + self.timeout;
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return Ok(reply);
            }
            let line = self.receive(deadline, &format!("the answer to request {id}"))?;
            self.sort(line);
        }
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Value) -> io::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Sends a message as it is, on one line.
    pub fn send(&mut self, message: &Value) -> io::Result<()> {
        let mut line = message.to_string();
        line.push('\n');
        self.send_raw(line.as_bytes())
    }

    /// Writes bytes to the server's stdin, without a line end of its own.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "stdin is closed"));
        };
        let written = stdin.write_all(bytes).and_then(|()| stdin.flush());
        written.map_err(|error| self.failure(error.kind(), "the server reads no more"))
    }

    /// The next line of stdout that answers no request of [`Client::start`]: a notification, a
    /// request of the server, the answer to raw bytes, a second answer.
    ///
    /// Fails with `TimedOut` after `timeout` and with `UnexpectedEof` once stdout has ended.
    pub fn next_line(&mut self, timeout: Duration) -> io::Result<Line> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(line) = self.unread.pop_front() {
                return Ok(line);
            }
            let line = self.receive(deadline, "a line")?;
            self.sort(line);
        }
    }

    /// The next line of stdout, whatever it is, in the order in which they came.
    ///
    /// Fails like [`Client::next_line`]. What [`Client::wait`] and it have passed over is not seen.
    pub fn next(&mut self, timeout: Duration) -> io::Result<Heard> {
        let line = self.receive(Instant::now() + timeout, "a line")?;
        Ok(match self.reply(line) {
            Ok((id, reply)) => Heard::Reply(id, reply),
            Err(line) => Heard::Line(line),
        })
    }

    /// Closes the server's stdin, which asks it to exit.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for the server to exit; fails with `TimedOut` if it runs on. After it, `stdout` and
    /// `stderr` are complete, unless a child of the server keeps them open.
    pub fn wait_exit(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                return Err(self.failure(io::ErrorKind::TimedOut, "the server did not exit"));
            }
            thread::sleep(Duration::from_millis(1));
        };
        let grace = Instant::now() + Duration::from_secs(1);
        while !self.readers.iter().all(JoinHandle::is_finished) && Instant::now() < grace {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(status)
    }

    /// Sends SIGTERM.
    #[cfg(unix)]
    pub fn terminate(&self) -> io::Result<()> {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("`kill` failed with {status}")));
        }
        Ok(())
    }

    /// Kills the server.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// When the server was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The most memory the running server has had resident so far, in bytes; Linux only.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// All that came on stdout so far.
    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.bytes()
    }

    /// All that came on stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.bytes()).into_owned()
    }

    /// The first line of stdout that is not one complete JSON-RPC message.
    pub fn impure_line(&self) -> Option<Vec<u8>> {
        let is_message = |line: &[u8]| {
            line.ends_with(b"\n")
                && serde_json::from_slice(line)
                    .is_ok_and(|message: Value| message["jsonrpc"] == "2.0")
        };
        let stdout = self.stdout();
        stdout.split_inclusive(|&byte| byte == b'\n').find(|line| !is_message(line)).map(Vec::from)
    }

    fn receive(&self, deadline: Instant, awaited: &str) -> io::Result<Line> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.lines.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                self.failure(io::ErrorKind::TimedOut, &format!("timed out waiting for {awaited}"))
            }
            RecvTimeoutError::Disconnected => self.failure(
                io::ErrorKind::UnexpectedEof,
                &format!("stdout ended while waiting for {awaited}"),
            ),
        })
    }

    /// Files a line under the request it answers, or as unread.
    fn sort(&mut self, line: Line) {
        match self.reply(line) {
            Ok((id, reply)) => drop(self.replies.insert(id, reply)),
            Err(line) => self.unread.push_back(line),
        }
    }

    /// The line as the first answer to a request of ours, or as it was.
    fn reply(&mut self, line: Line) -> Result<(u64, Reply), Line> {
        let answer = line.json().ok().filter(|message| message.get("method").is_none());
        if let Some(value) = answer
            && let Some(id) = value["id"].as_u64()
            && let Some(sent) = self.sent.remove(&id)
        {
            let (bytes, at) = (line.bytes.len(), line.at);
            return Ok((id, Reply { value, bytes, at, elapsed: at.duration_since(sent) }));
        }
        Err(line)
    }

    fn failure(&self, kind: io::ErrorKind, what: &str) -> io::Error {
        let stderr = self.stderr();
        match stderr.trim_end() {
            "" => io::Error::new(kind, what),
            said => io::Error::new(kind, format!("{what}; its stderr:\n{said}")),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have exited already; there is nobody to tell if not.
        drop(self.kill());
    }
}

/// What a server said.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The first answer to the request with this id.
    Reply(u64, Reply),
    /// Anything else.
    Line(Line),
}

/// One line of the server's stdout.
#[derive(Clone, Debug)]
pub struct Line {
    /// The bytes as they came, with the line end if there was one.
    pub bytes: Vec<u8>,
    /// When the line was complete.
    pub at: Instant,
}

impl Line {
    /// The line as JSON.
    pub fn json(&self) -> io::Result<Value> {
        Ok(serde_json::from_slice(&self.bytes)?)
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The whole message.
    pub value: Value,
    /// Its size on the wire, with the line end.
    pub bytes: usize,
    /// When the line was complete.
    pub at: Instant,
    /// From sending the request to having the whole line.
    pub elapsed: Duration,
}

impl Reply {
    /// The result; null if the answer is an error.
    pub fn result(&self) -> &Value {
        &self.value["result"]
    }

    /// The JSON-RPC error.
    pub fn error(&self) -> Option<&Value> {
        self.value.get("error")
    }

    /// Whether the answer is an error, of the protocol or of a tool.
    pub fn is_error(&self) -> bool {
        self.error().is_some() || self.result()["isError"] == true
    }

    /// The text of a tool's result, or the message of an error.
    pub fn text(&self) -> String {
        if let Some(error) = self.error() {
            return error["message"].as_str().unwrap_or_default().to_owned();
        }
        let content = self.result()["content"].as_array();
        let texts = content.into_iter().flatten().filter_map(|block| block["text"].as_str());
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// Bytes that a reader thread collects, up to a bound.
#[derive(Clone, Debug)]
struct Kept {
    bytes: Arc<Mutex<Vec<u8>>>,
    most: usize,
}

impl Kept {
    fn new(most: usize) -> Self {
        Self { bytes: Arc::default(), most }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.lock();
        let room = self.most.saturating_sub(kept.len());
        kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn bytes(&self) -> Vec<u8> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client_info() -> Value {
    json!({ "name": "lockkeeper-testkit", "version": env!("CARGO_PKG_VERSION") })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    /// A server written in shell: `answer TEXT` answers the request with id 1, then 2, ….
    fn shell(script: &str) -> Launch {
        let answer = r#"n=0; answer() { read -r line; n=$((n + 1)); echo "$line" >&2
            printf '{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"%s"}]}}\n' $n "$1"; }"#;
        Launch::new("sh").args(["-c", &format!("{answer}\n{script}")])
    }

    #[test]
    fn raw_bytes_come_back_unchanged_and_the_server_exits_at_the_end_of_stdin() {
        let mut client = Launch::new("cat").spawn().unwrap();
        client.send_raw(b"\xff\0 not JSON\n{\"jsonrpc\":\"2.0\"}\nhalf").unwrap();
        assert_eq!(client.next_line(client.timeout).unwrap().bytes, b"\xff\0 not JSON\n");
        assert_eq!(client.next_line(client.timeout).unwrap().json().unwrap()["jsonrpc"], "2.0");
        client.close_stdin();
        assert_eq!(client.next_line(client.timeout).unwrap().bytes, b"half");
        let end = client.next_line(client.timeout).unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        assert!(client.wait_exit(client.timeout).unwrap().success());
        assert_eq!(client.impure_line().unwrap(), b"\xff\0 not JSON\n");
    }

    #[test]
    fn a_reply_finds_its_request_whatever_comes_before_it() {
        let script = r#"echo '{"jsonrpc":"2.0","method":"x"}'; answer one; answer two
            printf '{"jsonrpc":"2.0","id":1,"result":{}}\n'"#;
        let mut client = shell(script).spawn().unwrap();
        let first = client.start("a", json!({})).unwrap();
        let second = client.start("b", json!({})).unwrap();
        assert_eq!(client.wait(second).unwrap().text(), "two");
        let reply = client.wait(first).unwrap();
        assert_eq!((reply.text().as_str(), reply.is_error()), ("one", false));
        assert_eq!(client.next_line(client.timeout).unwrap().json().unwrap()["method"], "x");
        let again = client.next_line(client.timeout).unwrap().json().unwrap();
        assert_eq!(again["id"], 1, "a second answer is not lost");
        assert_eq!(client.impure_line(), None);
    }

    #[test]
    fn each_era_opens_in_its_own_way() {
        let script = "answer hello; read -r line; echo \"$line\" >&2; answer two";
        let mut legacy = shell(script).connect(Era::Legacy).unwrap();
        legacy.request("tools/list", json!({})).unwrap();
        legacy.wait_exit(legacy.timeout).unwrap();
        let sent = legacy.stderr();
        let methods = ["\"initialize\"", "\"notifications/initialized\"", "\"tools/list\""];
        let order = methods.map(|method| sent.find(method).unwrap());
        assert!(order.is_sorted(), "{sent}");
        assert!(!sent.contains("_meta"), "{sent}");

        let mut modern = shell("answer hello").connect(Era::Modern).unwrap();
        modern.request("server/discover", json!({ "_meta": { "progressToken": 7 } })).unwrap();
        modern.wait_exit(modern.timeout).unwrap();
        let request: Value = serde_json::from_str(&modern.stderr()).unwrap();
        let meta = &request["params"]["_meta"];
        assert_eq!(meta["progressToken"], 7);
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
    }

    #[test]
    fn a_silent_server_is_given_up_and_a_stubborn_one_killed() {
        let mut client = shell("echo stuck >&2; read -r line; exec sleep 600").spawn().unwrap();
        client.timeout = SHORT;
        let error = client.request("tools/list", json!({})).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let error = client.wait_exit(SHORT).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        client.terminate().unwrap();
        assert!(!client.wait_exit(Duration::from_secs(10)).unwrap().success());
        let error = client.request("tools/list", json!({})).unwrap_err();
        assert!(client.failure(error.kind(), "").to_string().ends_with("stuck"), "{error}");
    }

    #[test]
    fn all_that_is_said_comes_in_its_order_and_little_of_it_is_kept() {
        let script = r#"answer one; echo '{"jsonrpc":"2.0","method":"x"}'
            printf '{"jsonrpc":"2.0","id":1,"result":{}}\n'"#;
        let mut client = shell(script).keep_at_most(20).spawn().unwrap();
        let first = client.start("a", json!({})).unwrap();
        let mut next = || client.next(Duration::from_secs(30)).unwrap();
        assert!(matches!(next(), Heard::Reply(id, reply) if id == first && reply.text() == "one"));
        assert!(matches!(next(), Heard::Line(line) if line.json().unwrap()["method"] == "x"));
        assert!(matches!(next(), Heard::Line(line) if line.json().unwrap()["id"] == first));
        client.wait_exit(client.timeout).unwrap();
        assert_eq!((client.stdout().len(), client.stderr().len()), (20, 20));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Launch::new("no-such-server").spawn().unwrap_err();
        assert!(error.to_string().contains("cannot start `no-such-server`"), "{error}");
    }
}

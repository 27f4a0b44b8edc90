//! `serve --http`: the same server behind another door, and who doesn't get through that.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, PATIENCE, until};

const TOKEN: &str = "a-token-of-twenty-ch";
const UPDATED: &str = "notifications/resources/updated";

/// A fixture that serves over HTTP, until this is dropped.
struct Http {
    fixture: Fixture,
    process: Child,
    address: String,
}

impl Http {
    fn start(fixture: Fixture) -> Self {
        let fixture = fixture.env("LK_TOKEN", TOKEN);
        let arguments = ["serve", "--http", "127.0.0.1:0", "--http-token", "env:LK_TOKEN"];
        let mut command = fixture.subcommand(&arguments);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("http://").and_then(|url| url.strip_suffix("/mcp"));
        let address = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { fixture, process, address }
    }

    /// A request as it is, with the token and what a client must say.
    fn open(&self, request: &Request<'_>) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        let mut headers: BTreeMap<&str, String> = [
            ("Host", self.address.clone()),
            ("Authorization", format!("Bearer {TOKEN}")),
            ("Accept", "application/json, text/event-stream".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", request.body.len().to_string()),
            ("Connection", "close".to_owned()),
        ]
        .into();
        for (name, value) in &request.headers {
            headers.insert(name, value.clone());
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A server that refuses may not read all of it.
        drop(stream.write_all(request.body.as_bytes()));
        BufReader::new(stream)
    }

    fn send(&self, request: &Request<'_>) -> Answer {
        read(&mut self.open(request))
    }

    /// A request of the newest revision.
    fn ask(&self, method: &str, params: Value) -> Answer {
        self.send(&Request::modern(method, params))
    }

    fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["result"].clone()
    }

    fn terminate(&self) {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for an end in peace.
    fn gone(&mut self) {
        let mut status = None;
        until("end of the server", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "{status:?}");
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: String,
}

impl<'a> Request<'a> {
    fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: Vec::new(), body: String::new() }
    }

    fn post(body: impl ToString) -> Self {
        Self { method: "POST", path: "/mcp", headers: Vec::new(), body: body.to_string() }
    }

    fn modern(method: &str, params: Value) -> Self {
        let name =
            params["name"].as_str().or(params["uri"].as_str()).unwrap_or_default().to_owned();
        let params = Era::Modern.with_meta(&json!({}), params);
        let body = json!({"jsonrpc": "2.0", "id": "an id", "method": method, "params": params});
        Self::post(body)
            .with("MCP-Protocol-Version", Era::Modern.revision())
            .with("Mcp-Method", method)
            .with("Mcp-Name", name)
    }

    /// With a header, or without one that would be there.
    fn with(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    /// The JSON of the body, or of the last event in it.
    fn json(&self) -> Value {
        let data = self.body.lines().rev().find_map(|line| line.strip_prefix("data: "));
        let text = data.unwrap_or(&self.body);
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("{self:?}"))
    }
}

fn read_head(stream: &mut BufReader<TcpStream>) -> Answer {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut headers = BTreeMap::new();
    loop {
        let header = line();
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    Answer { status: status.unwrap_or_else(|| panic!("{first:?}")), headers, body: String::new() }
}

fn read(stream: &mut BufReader<TcpStream>) -> Answer {
    let mut answer = read_head(stream);
    if answer.headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        while let Some(chunk) = read_chunk(stream) {
            answer.body.push_str(&chunk);
        }
    } else {
        stream.read_to_string(&mut answer.body).unwrap();
    }
    answer
}

fn read_chunk(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut size = String::new();
    stream.read_line(&mut size).unwrap();
    let size = usize::from_str_radix(size.trim(), 16).unwrap();
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).unwrap();
    chunk.truncate(size);
    (size > 0).then(|| String::from_utf8(chunk).unwrap())
}

/// The next message of an event stream.
fn event(stream: &mut BufReader<TcpStream>) -> Value {
    loop {
        let chunk = read_chunk(stream).unwrap_or_else(|| panic!("the stream has ended"));
        let data = chunk.lines().find_map(|line| line.strip_prefix("data: "));
        if let Some(message) = data.and_then(|data| serde_json::from_str(data).ok()) {
            return message;
        }
    }
}

#[test]
fn a_call_is_answered_recorded_and_counted() {
    let http = Http::start(Fixture::new(&["--sandbox", "require"]));
    let result = http.call("get_note", json!({"note_name": "first"}));
    assert_eq!(result["structuredContent"]["text"], "one");
    let tools = http.ask("tools/list", json!({}));
    assert!(tools.json()["result"]["tools"].is_array());
    let said = http.ask("server/discover", json!({})).json();
    assert!(said["result"]["supportedVersions"].is_array(), "{said}");
    let read = http.ask("resources/read", json!({"uri": "note:///second"})).json();
    assert_eq!(read["result"]["contents"][0]["text"], "two");
    assert_eq!(http.fixture.outcomes(), ["get_note ok", "resources/read ok"]);
    let metrics = http.send(&Request::get("/metrics"));
    let counted = metrics.body.lines().find(|line| {
        line.starts_with("mcp_server_operation_duration_seconds_count")
            && line.contains("gen_ai_tool_name=\"get_note\"")
    });
    assert!(counted.is_some_and(|line| line.ends_with(" 1")), "{metrics:?}");
    assert_eq!(http.send(&Request::get("/health").with("Authorization", "")).body, "ready\n");
    let listening = http.fixture.status().1[0]["http"].clone();
    assert_eq!(listening, json!(http.address));
}

#[test]
fn older_clients_have_sessions() {
    let http = Http::start(Fixture::new(&["--write"]));
    let client = json!({"name": "old", "version": "1"});
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = http.send(&Request::post(&initialize));
    assert_eq!(answer.json()["result"]["protocolVersion"], "2025-06-18");
    let session = answer.headers["mcp-session-id"].clone();
    let say = |message: Value| {
        let request = Request::post(message).with("Mcp-Session-Id", session.as_str());
        http.send(&request.with("MCP-Protocol-Version", "2025-06-18"))
    };
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(say(initialized).status, 202);
    let params = json!({"name": "get_note", "arguments": {"note_name": "first"}});
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params});
    assert_eq!(say(call).json()["result"]["structuredContent"]["text"], "one");
    let empty = say(json!({"jsonrpc": "2.0", "id": 3, "method": "prompts/list"}));
    assert_eq!(empty.json()["result"], json!({"prompts": []}));
    let unknown = say(json!({"jsonrpc": "2.0", "id": 4, "method": "prompts/get"}));
    assert_eq!((unknown.status, unknown.code()), (200, -32601));
    // Notices come on a stream of their own.
    let stream =
        Request { headers: vec![("Mcp-Session-Id", session.clone())], ..Request::get("/mcp") };
    let mut stream = http.open(&stream);
    assert_eq!(read_head(&mut stream).status, 200);
    let uri = json!({"uri": "note:///first"});
    let subscribe =
        json!({"jsonrpc": "2.0", "id": 5, "method": "resources/subscribe", "params": uri});
    assert_eq!(say(subscribe).json()["result"], json!({}));
    http.fixture.await_log("watching first", 1);
    http.call("edit_note", json!({"name": "first", "text": "changed"}));
    let told = event(&mut stream);
    assert_eq!(
        (&told["method"], &told["params"]["uri"]),
        (&json!(UPDATED), &json!("note:///first"))
    );
    let end = Request { method: "DELETE", ..Request::get("/mcp") };
    let ended = http.send(&end.with("Mcp-Session-Id", session.as_str()));
    assert!((200..300).contains(&ended.status), "{ended:?}");
    http.fixture.await_log("unwatched first", 1);
    assert_eq!(say(json!({"jsonrpc": "2.0", "id": 6, "method": "tools/list"})).status, 404);
}

#[test]
fn nobody_comes_in_without_the_token_or_under_another_name() {
    let http = Http::start(Fixture::new(&[]));
    let call = || Request::modern("tools/list", json!({}));
    assert_eq!(http.send(&call()).status, 200);
    let nearly = TOKEN.strip_suffix("h").unwrap();
    for wrong in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {nearly}"),
        format!("Bearer {TOKEN}x"),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
    ] {
        let answer = http.send(&call().with("Authorization", wrong.as_str()));
        assert_eq!((answer.status, answer.headers["www-authenticate"].as_str()), (401, "Bearer"));
        assert_eq!(http.send(&Request::get("/metrics").with("Authorization", wrong)).status, 401);
    }
    // DNS rebinding: a page of evil.example, whose name leads here by now (CVE-2026-42559).
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "0.0.0.0", "10.0.0.1"]
    {
        for path in ["/health", "/metrics"] {
            assert_eq!(http.send(&Request::get(path).with("Host", host)).status, 403, "{host}");
        }
        assert_eq!(http.send(&call().with("Host", host)).status, 403, "{host}");
        let origin = format!("http://{host}");
        assert_eq!(http.send(&call().with("Origin", origin)).status, 403, "{host}");
    }
    assert_eq!(http.send(&call().with("Origin", "null")).status, 403);
    assert!(http.send(&call().with("Host", "")).status >= 400);
    for origin in ["http://localhost:3000", "http://127.0.0.1:1", "http://[::1]:8080"] {
        assert_eq!(http.send(&call().with("Origin", origin)).status, 200, "{origin}");
    }
    assert_eq!(http.fixture.outcomes(), [""; 0], "what is turned away calls nothing");
    assert_eq!(http.send(&Request::get("/other")).status, 404);
    assert_eq!(http.send(&Request { method: "PUT", ..Request::get("/mcp") }).status, 405);
}

#[test]
fn a_start_that_would_be_open_is_refused() {
    let fixture = Fixture::new(&[]).env("SHORT", "0123456789abcde");
    for (arguments, said) in [
        (&["serve", "--http", "127.0.0.1:0"][..], "secret set"),
        (&["serve", "--http", "127.0.0.1:0", "--http-token", "env:NOWHERE"], "only with a token"),
        (&["serve", "--http", "127.0.0.1:0", "--http-token", "env:SHORT"], "too short"),
        (&["serve", "--http", "0.0.0.0:8000"], "put an MCP gateway"),
        (&["serve", "--http", "192.0.2.7:8000"], "only loopback addresses"),
        (&["serve", "--http", "8000"], "an address and a port"),
        (&["serve"], "--http"),
    ] {
        let ran = fixture.run(arguments);
        assert_ne!(ran.code(), 0, "{arguments:?}");
        assert!(ran.stderr().contains(said), "{arguments:?}: {}", ran.stderr());
    }
}

#[test]
fn the_gate_and_the_bounds_of_messages_are_those_of_lines() {
    let http = Http::start(Fixture::new(&[]));
    for method in
        ["prompts/list", "prompts/get", "logging/setLevel", "tasks/list", "x", "skills/list"]
    {
        let answer = http.ask(method, json!({}));
        assert_eq!((answer.status, answer.code()), (404, -32601), "{method}");
    }
    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    for (body, code) in [
        ("{".to_owned(), -32700),
        ("\u{0}".to_owned(), -32700),
        ("[]".to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}"#.to_owned(), -32600),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{deep}}}"#), -32600),
    ] {
        let answer = http.send(&Request::post(&body));
        assert_eq!((answer.status, answer.code()), (400, code), "{body}");
    }
    let huge = format!("\"{}\"", "x".repeat(17 << 20));
    assert_eq!(http.send(&Request::post(huge)).status, 413);
    // What the head says of the message has to be true.
    let other = Request::modern("tools/list", json!({})).with("Mcp-Method", "tools/call");
    let answer = http.send(&other);
    assert_eq!((answer.status, answer.code()), (400, -32020), "{answer:?}");
    assert!(http.ask("tools/list", json!({})).json()["result"]["tools"].is_array());
}

#[test]
fn changes_are_told_until_the_client_goes() {
    let http = Http::start(Fixture::new(&["--write"]));
    let uris = ["note:///first", "note:///second", "file:///etc/passwd"];
    let filter = json!({"notifications": {"resourceSubscriptions": uris}});
    let mut stream = http.open(&Request::modern("subscriptions/listen", filter));
    let head = read_head(&mut stream);
    assert_eq!((head.status, head.headers["content-type"].as_str()), (200, "text/event-stream"));
    let said = event(&mut stream);
    assert_eq!(said["params"]["notifications"]["resourceSubscriptions"], json!(uris[..2]));
    http.fixture.await_log("watching second", 1);
    http.call("edit_note", json!({"name": "second", "text": "changed"}));
    let told = event(&mut stream);
    assert_eq!((&told["method"], &told["params"]["uri"]), (&json!(UPDATED), &json!(uris[1])));
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "an id");
    stream.get_ref().shutdown(Shutdown::Both).unwrap();
    http.fixture.await_log("unwatched first", 1);
    http.fixture.await_log("unwatched second", 1);
}

#[test]
fn a_call_whose_client_has_gone_gives_up_its_place() {
    let http = Http::start(Fixture::new(&["--concurrency", "1"]));
    let params = json!({"name": "sleep_async", "arguments": {"ms": 60_000}});
    let stream = http.open(&Request::modern("tools/call", params));
    http.fixture.await_log("sleeping", 1);
    drop(stream);
    let result = http.call("get_note", json!({"note_name": "first"}));
    assert_eq!(result["structuredContent"]["text"], "one");
}

#[test]
fn an_end_lets_what_is_under_way_end() {
    let mut http = Http::start(Fixture::new(&["--write"]));
    let begin = |tool: &str, arguments: Value| {
        let params = json!({"name": tool, "arguments": arguments});
        http.open(&Request::modern("tools/call", params))
    };
    let mut read_under_way = begin("sleep_async", json!({"ms": 60_000}));
    http.fixture.await_log("sleeping", 1);
    let filter = json!({"notifications": {"resourceSubscriptions": ["note:///first"]}});
    let mut listening = http.open(&Request::modern("subscriptions/listen", filter));
    http.fixture.await_log("watching first", 1);
    http.terminate();
    let answer = read(&mut read_under_way);
    let text = answer.json()["result"]["content"][0]["text"].to_string();
    assert!(text.contains("the server is ending"), "{answer:?}");
    assert!(read(&mut listening).json().get("result").is_some());
    http.gone();
    http.fixture.await_log("unwatched first", 1);
    assert!(http.fixture.outcomes().contains(&"sleep_async ending".to_owned()));
}

#[test]
fn clients_that_say_nothing_hold_nobody_up() {
    let mut http = Http::start(Fixture::new(&[]));
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(&http.address).unwrap()).collect();
    let mut half = TcpStream::connect(&http.address).unwrap();
    half.write_all(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n").unwrap();
    assert!(http.ask("tools/list", json!({})).json()["result"]["tools"].is_array());
    http.terminate();
    http.gone();
    drop(silent);
}

//! A server in the test's own process, spoken to over memory: the whole of it but the operating
//! system's pipes. Fast enough for one server a test.
#![expect(clippy::expect_used, clippy::panic, reason = "a broken fixture fails its test")]
#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by key yields null, no panic")]
#![expect(clippy::needless_pass_by_value, reason = "callers write `json!(…)` in place")]

use std::time::Duration;

use expect_test::Expect;
use lockkeeper_core::Server;
use lockkeeper_core::testing::serve_in_memory;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::stdio::Era;

/// A test that waits longer than this for a line has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of a server in this process.
pub struct InProcess {
    runtime: Runtime,
    connection: BufReader<DuplexStream>,
    era: Era,
    last_id: u64,
    capabilities: Value,
    notifications: Vec<Value>,
}

impl InProcess {
    /// Starts `S` with these command line arguments and opens a session of this era.
    ///
    /// # Panics
    ///
    /// If the server doesn't start: this is for tests.
    pub fn start<S: Server>(arguments: &[&str], era: Era) -> Self {
        Self::with_capabilities::<S>(arguments, era, json!({}))
    }

    /// The same for a client that declares capabilities, for example `{"elicitation": {}}`.
    pub fn with_capabilities<S: Server>(arguments: &[&str], era: Era, capabilities: Value) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (connection, serving) =
            serve_in_memory::<S>(arguments).unwrap_or_else(|problem| panic!("{problem}"));
        runtime.spawn(serving);
        let connection = BufReader::new(connection);
        let notifications = Vec::new();
        let mut client = Self { runtime, connection, era, last_id: 0, capabilities, notifications };
        if era == Era::Legacy {
            let client_info = json!({"name": "testkit", "version": "1"});
            let params = json!({
                "protocolVersion": era.revision(),
                "capabilities": client.capabilities,
                "clientInfo": client_info,
            });
            client.request("initialize", params);
            client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        }
        client
    }

    /// Sends a request and waits for its response: the whole message.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let params = self.era.with_meta(&self.capabilities, params);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.receive();
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.notifications.push(message);
        }
    }

    /// Calls a tool: the result, or the error of the protocol.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let response = self.request("tools/call", json!({"name": tool, "arguments": arguments}));
        let result = response.get("result").or_else(|| response.get("error"));
        result.cloned().unwrap_or_default()
    }

    /// Sends one line.
    pub fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string());
    }

    /// Sends one line as it is.
    pub fn send_text(&mut self, text: &str) {
        let connection = &mut self.connection;
        self.runtime.block_on(async {
            let line = format!("{text}\n");
            connection.write_all(line.as_bytes()).await.expect("a connected server");
        });
    }

    /// The next line.
    pub fn receive(&mut self) -> Value {
        let connection = &mut self.connection;
        let line = self.runtime.block_on(async {
            let mut line = String::new();
            let read = timeout(PATIENCE, connection.read_line(&mut line)).await;
            read.expect("an answer in time").expect("a connected server");
            line
        });
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// The next notification of this method, also one that came while a response was awaited.
    pub fn notification(&mut self, method: &str) -> Value {
        loop {
            let here = self.notifications.iter().position(|message| message["method"] == method);
            if let Some(here) = here {
                return self.notifications.remove(here);
            }
            let message = self.receive();
            self.notifications.push(message);
        }
    }

    /// Messages that came while a response was awaited: requests of the server, notifications.
    pub fn take_notifications(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.notifications)
    }
}

/// What an agent sees of a result: its text, images and sounds as their type and size, errors
/// behind `error:`, and structured content unless the text is the same.
pub fn seen(result: &Value) -> String {
    if let Some(message) = result.get("message").and_then(Value::as_str) {
        return format!("protocol error {}: {message}", result["code"]);
    }
    let mut out = String::new();
    let blocks = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    for block in blocks {
        if !out.is_empty() {
            out.push('\n');
        }
        match (block["text"].as_str(), block["data"].as_str()) {
            (Some(text), _) => out.push_str(text),
            (_, Some(data)) => {
                let mime_type = block["mimeType"].as_str().unwrap_or_default();
                out.push_str(&format!("[{mime_type}, {} bytes of base64]", data.len()));
            }
            _ => out.push_str(&block.to_string()),
        }
    }
    if result["isError"] == true {
        out.insert_str(0, "error: ");
    }
    let same =
        |structured: &&Value| serde_json::from_str(&out).is_ok_and(|v: Value| v == **structured);
    if let Some(structured) = result.get("structuredContent").filter(|s| !same(s)) {
        out.push_str(&format!("\nstructured: {structured}"));
    }
    out
}

/// Calls `tool {json}` on a new server with these arguments, in both eras: what the agent sees.
///
/// # Panics
///
/// If the eras see different answers.
pub fn call_in_both_eras<S: Server>(arguments: &[&str], call: &str) -> String {
    let (tool, given) = call.split_once(' ').unwrap_or((call, "{}"));
    let given: Value = serde_json::from_str(given).unwrap_or_else(|e| panic!("{e} in {given}"));
    let [legacy, modern] = Era::ALL.map(|era| {
        let mut client = InProcess::start::<S>(arguments, era);
        seen(&client.call(tool, given.clone()))
    });
    assert_eq!(legacy, modern, "the eras see different answers");
    modern
}

/// Calls `tool {json}` in both eras and compares what the agent sees. `UPDATE_EXPECT=1` rewrites
/// the expectation.
pub fn check<S: Server>(arguments: &[&str], call: &str, expect: &Expect) {
    expect.assert_eq(&call_in_both_eras::<S>(arguments, call));
}

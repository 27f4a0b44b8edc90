//! JSON-RPC over lines. rmcp's own transport drops what it can't read; here every line gets its
//! answer, ids of any type come back as they were, and nothing that a client sends can grow the
//! process without bound. At the end of the input, calls under way are finished first.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io::{self, BufRead as _};
use std::sync::{Arc, Mutex};

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientJsonRpcMessage, ClientNotification,
    ClientRequest, GetExtensions as _, GetMeta as _, JsonRpcMessage, ProtocolVersion, RequestId,
    RequestMetaObject, ServerJsonRpcMessage, ServerResult,
};
use rmcp::service::RoleServer;
use rmcp::transport::Transport;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use tokio_util::bytes::BytesMut;
use tokio_util::sync::CancellationToken;

use crate::backlog::Backlog;
use crate::decode;
use crate::stdio::{self, Input};

/// The longest line that is read.
pub(crate) const MAX_LINE: usize = 16 * 1024 * 1024;

/// With this many bytes of requests under way, no further large one is taken.
const MAX_UNDER_WAY: usize = 64 * 1024 * 1024;

/// What is not large.
const SMALL: usize = 64 * 1024;

/// A buffer that grew beyond this for one line is given back after it.
const KEPT_BUFFER: usize = 256 * 1024;

/// The longest name of a method; a refusal repeats it.
const LONGEST_METHOD: usize = 200;

/// The longest id; every answer repeats it.
const LONGEST_ID: usize = 1_000;

/// The longest id that the log repeats.
const LONGEST_NAME: usize = 64;

/// Where a message names the `subscriptions/listen` that it belongs to.
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const BUSY: i32 = -32000;

/// The server's end of a connection.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the stream by itself")]
pub(crate) struct Wire {
    input: Input,
    buffer: BytesMut,
    /// Bytes at the start of `buffer` that hold no newline.
    scanned: usize,
    discarding: bool,
    ended: bool,
    /// Whether rmcp has settled on an era. Before that it ends a connection that sends anything
    /// but a request, and answers `ping` in either era.
    opened: bool,
    output: Output,
    refusals: VecDeque<Vec<u8>>,
    ids: Arc<Ids>,
    draining: CancellationToken,
    /// Whether the arguments of calls are handed on as they were written, too.
    ordered: bool,
}

impl Wire {
    /// `draining` is cancelled when the input ends; cancelling it ends the input.
    pub(crate) fn new(
        input: Input,
        output: Output,
        ids: Arc<Ids>,
        draining: CancellationToken,
        ordered: bool,
    ) -> Self {
        Self {
            input,
            buffer: BytesMut::new(),
            scanned: 0,
            discarding: false,
            ended: false,
            opened: false,
            output,
            refusals: VecDeque::new(),
            ids,
            draining,
            ordered,
        }
    }

    /// The next line, without its newline; at the end of the input, what is left.
    fn take_line(&mut self) -> Option<BytesMut> {
        loop {
            let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
            let Some(newline) = newline(fresh) else {
                self.scanned = self.buffer.len();
                if self.scanned > MAX_LINE && !self.discarding {
                    self.discarding = true;
                    let problem = format!("a line may have at most {MAX_LINE} bytes");
                    self.refusals.push_back(refusal("null", PARSE_ERROR, &problem));
                }
                if self.discarding {
                    self.buffer.clear();
                    self.scanned = 0;
                }
                let rest = self.ended && !self.buffer.is_empty();
                return rest.then(|| self.split(self.buffer.len()));
            };
            let mut line = self.split(self.scanned + newline + 1);
            line.truncate(line.len() - 1);
            if std::mem::take(&mut self.discarding) {
                continue;
            }
            return Some(line);
        }
    }

    fn split(&mut self, at: usize) -> BytesMut {
        self.scanned = 0;
        self.buffer.split_to(at)
    }

    fn accept(&mut self, line: &[u8]) -> Option<ClientJsonRpcMessage> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        match read(line, &self.ids, self.opened, self.ordered) {
            Ok(Some(JsonRpcMessage::Request(request))) => {
                self.opened |= opens(&request.request);
                Some(JsonRpcMessage::Request(request))
            }
            Ok(message) => message.filter(|_| self.opened),
            Err(refused) => {
                self.refusals.push_back(refused);
                None
            }
        }
    }
}

impl Transport<RoleServer> for Wire {
    type Error = io::Error;

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let line = write(&item, &self.ids);
        let output = self.output.clone();
        async move {
            match line? {
                Some(line) => output.write(line).await,
                None => Ok(()),
            }
        }
    }

    /// Cancel-safe: what was read and not yet returned stays in `self`.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            while !self.refusals.is_empty() {
                let place = self.output.lines.clone().reserve_owned().await.ok()?;
                if let Some(line) = self.refusals.pop_front() {
                    self.output.backlog.add(line.len());
                    place.send(line);
                }
            }
            self.output.backlog.low().await;
            if let Some(line) = self.take_line() {
                match self.accept(&line) {
                    Some(message) => return Some(message),
                    None => continue,
                }
            }
            if !self.refusals.is_empty() {
                continue;
            }
            if self.ended {
                self.draining.cancel();
                self.ids.idle().await;
                return None;
            }
            if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BUFFER {
                self.buffer = BytesMut::new();
            }
            self.buffer.reserve(64 * 1024);
            let read = tokio::select! {
                read = self.input.read_buf(&mut self.buffer) => read,
                () = self.draining.cancelled() => Ok(0),
            };
            match read {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "the input can't be read");
                    self.ended = true;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        Ok(())
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// A `null` that is there is not the same as none.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads one line: a message, nothing for one that needs no answer, or the answer that refuses it.
fn read(
    line: &[u8],
    ids: &Ids,
    opened: bool,
    ordered: bool,
) -> Result<Option<ClientJsonRpcMessage>, Vec<u8>> {
    let parse_error = |problem: &str| refusal("null", PARSE_ERROR, problem);
    let text = std::str::from_utf8(line).map_err(|_| parse_error("not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        // A struct can be read from a list of its fields, which is not meant here.
        serde_json::from_str::<&RawValue>(text).map_err(|error| parse_error(&short(&error)))?;
        let problem = "batches are not supported; send one message a line";
        return Err(refusal("null", INVALID_REQUEST, problem));
    }
    let envelope: Envelope<'_> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) if error.is_data() => {
            return Err(refusal("null", INVALID_REQUEST, &short(&error)));
        }
        Err(error) => return Err(parse_error(&short(&error))),
    };
    let id = envelope.id.map(RawValue::get);
    let key = id.and_then(id_key);
    let echoed = id.filter(|_| key.is_some()).unwrap_or("null");
    let invalid = |problem: &str| refusal(echoed, INVALID_REQUEST, problem);
    let Some(method) = envelope.method else {
        // A response to a request of ours; anything else has nobody to answer to.
        if id.is_none() {
            return Err(invalid("neither a request nor a response"));
        }
        return serde_json::from_str(text).map(Some).map_err(|error| invalid(&short(&error)));
    };
    if envelope.jsonrpc.is_none_or(|version| version.get() != "\"2.0\"") {
        return Err(invalid("`jsonrpc` must be \"2.0\""));
    }
    let Some(id) = id else { return Ok(notification(&method, envelope.params, ids)) };
    let Some(key) = key else { return Err(invalid("`id` must be a string or a number")) };
    if method.len() > LONGEST_METHOD {
        return Err(refusal(id, METHOD_NOT_FOUND, "no such method"));
    }
    let refuse = |problem: &str| refusal(id, INVALID_PARAMS, problem);
    // Taken before anything is made of it, so that what is refused costs nothing.
    let number = match ids.open(&key, id, line.len()) {
        Ok(number) => number,
        Err(Full::Taken) => return Err(invalid("a request with this `id` is still under way")),
        Err(Full::Bytes) => {
            let problem = "too much is under way; send large requests one after another";
            return Err(refusal(id, BUSY, problem));
        }
    };
    let params = envelope.params.map(decode::strict).transpose();
    let request = match params.map_err(|error| short(&error)) {
        Ok(params) => request(&method, params),
        Err(problem) => Err(problem),
    };
    let mut request = request.map_err(|problem| {
        ids.close(number);
        refuse(&problem)
    })?;
    if ordered
        && let ClientRequest::CallToolRequest(call) = &mut request
        && let Some(text) = envelope.params.and_then(arguments)
    {
        call.extensions.insert(text);
    }
    if !opened && matches!(request, ClientRequest::PingRequest(_)) && is_modern(&request) {
        ids.close(number);
        return Err(refusal(id, METHOD_NOT_FOUND, &method));
    }
    Ok(Some(JsonRpcMessage::request(request, RequestId::Number(number))))
}

/// The arguments of a call as they were written: maps of values are sorted by key, and where the
/// order means something it is read from here.
#[derive(Debug, Clone)]
pub(crate) struct ArgumentsText(pub(crate) Arc<str>);

/// Those of a message as a whole.
pub(crate) fn arguments_text(message: &RawValue) -> Option<ArgumentsText> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        params: &'a RawValue,
    }
    let message: Message<'_> = serde_json::from_str(message.get()).ok()?;
    arguments(message.params)
}

fn arguments(params: &RawValue) -> Option<ArgumentsText> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        arguments: &'a RawValue,
    }
    let params: Params<'_> = serde_json::from_str(params.get()).ok()?;
    Some(ArgumentsText(params.arguments.get().into()))
}

/// What an id is compared by: two spellings of one string are one id. MCP allows strings and
/// numbers; JSON-RPC discourages fractions, and they are only echoed here.
fn id_key(id: &str) -> Option<String> {
    if id.len() > LONGEST_ID {
        return None;
    }
    let value: Value = serde_json::from_str(id).ok()?;
    (value.is_string() || value.is_number()).then(|| value.to_string())
}

/// Whether rmcp settles on an era with this request.
fn opens(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        request => {
            let meta = request.get_meta();
            let missing = meta.missing_required_keys(&ProtocolVersion::V_2026_07_28);
            let version = meta.protocol_version();
            missing.is_empty()
                && version.is_some_and(|one| ProtocolVersion::KNOWN_VERSIONS.contains(&one))
        }
    }
}

fn is_modern(request: &ClientRequest) -> bool {
    let version = request.get_meta().protocol_version();
    version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// Where the first line ends. The standard library's search is fast in every build.
fn newline(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let skipped = rest.skip_until(b'\n').ok()?;
    let last = skipped.checked_sub(1)?;
    (bytes.get(last) == Some(&b'\n')).then_some(last)
}

fn request(method: &str, params: Option<Value>) -> Result<ClientRequest, String> {
    if method == "tools/call" {
        return call_tool(params);
    }
    let message = match params {
        Some(params) => json!({"method": method, "params": params}),
        None => json!({"method": method}),
    };
    let request: ClientRequest = serde_json::from_value(message)
        .map_err(|_| format!("the parameters of `{method}` must be an object"))?;
    if let ClientRequest::CustomRequest(_) = request
        && KNOWN.contains(&method)
    {
        return Err(format!("invalid parameters for `{method}`"));
    }
    Ok(request)
}

/// Requests that rmcp would turn into a custom one if their parameters don't fit.
const KNOWN: [&str; 13] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "subscriptions/listen",
    "completion/complete",
    "prompts/list",
    "prompts/get",
];

/// The request that matters for speed, without the detour over every other shape.
fn call_tool(params: Option<Value>) -> Result<ClientRequest, String> {
    let Some(Value::Object(mut params)) = params else {
        return Err("`params` must be an object with `name`".to_owned());
    };
    let meta = match params.remove("_meta") {
        None | Some(Value::Null) => None,
        Some(Value::Object(meta)) => Some(meta),
        Some(_) => return Err("`_meta` must be an object".to_owned()),
    };
    let params: CallToolRequestParams = serde_json::from_value(Value::Object(params))
        .map_err(|error| format!("invalid parameters: {}", short(&error)))?;
    let mut request = CallToolRequest::new(params);
    if let Some(meta) = meta {
        let meta: RequestMetaObject = serde_json::from_value(Value::Object(meta))
            .map_err(|error| format!("invalid `_meta`: {}", short(&error)))?;
        request.extensions_mut().insert(meta);
    }
    Ok(ClientRequest::CallToolRequest(request))
}

fn notification(
    method: &str,
    params: Option<&RawValue>,
    ids: &Ids,
) -> Option<ClientJsonRpcMessage> {
    let mut params = params.map(decode::strict).transpose().ok()?;
    if method == "notifications/cancelled" {
        let key = params.as_ref()?.get("requestId")?.to_string();
        let number = ids.cancel(&key)?;
        *params.as_mut()?.get_mut("requestId")? = Value::from(number);
    }
    let message = match params {
        Some(params) => json!({"method": method, "params": params}),
        None => json!({"method": method}),
    };
    let notification: ClientNotification = serde_json::from_value(message).ok()?;
    Some(JsonRpcMessage::notification(notification))
}

/// One line for a message to the client; none for a response that nobody waits for.
fn write(message: &ServerJsonRpcMessage, ids: &Ids) -> io::Result<Option<Vec<u8>>> {
    let (id, key, body) = match message {
        JsonRpcMessage::Response(response) => {
            let result = match &response.result {
                ServerResult::SubscriptionsListenResult(result) => {
                    let mut result = serde_json::to_value(result)?;
                    ids.restore(result.get_mut("_meta"));
                    serde_json::to_vec(&result)?
                }
                result => serde_json::to_vec(result)?,
            };
            (Some(&response.id), "result", result)
        }
        JsonRpcMessage::Error(error) => {
            (error.id.as_ref(), "error", serde_json::to_vec(&error.error)?)
        }
        JsonRpcMessage::Request(_) => return to_line(message).map(Some),
        JsonRpcMessage::Notification(_) => {
            let mut message = serde_json::to_value(message)?;
            let meta = message.pointer_mut("/params/_meta");
            return ids.restore(meta).then(|| to_line(&message)).transpose();
        }
    };
    let id = match id {
        Some(RequestId::Number(number)) => match ids.close(*number) {
            Some(id) => id,
            None => return Ok(None),
        },
        _ => "null".to_owned(),
    };
    let mut line = Vec::with_capacity(body.len() + id.len() + 40);
    line.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    line.extend_from_slice(id.as_bytes());
    line.extend_from_slice(b",\"");
    line.extend_from_slice(key.as_bytes());
    line.extend_from_slice(b"\":");
    line.extend_from_slice(&body);
    line.extend_from_slice(b"}\n");
    Ok(Some(line))
}

fn to_line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

fn refusal(id: &str, code: i32, problem: &str) -> Vec<u8> {
    let error = json!({"code": code, "message": problem});
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}\n").into_bytes()
}

/// An error of the JSON parser without the input that it may quote at length.
pub(crate) fn short(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    crate::text::truncate_at_char(&mut text, 200);
    text
}

/// Requests under way. rmcp sees a number of ours for each, so that ids of any type come back as
/// they were and two requests can't be taken for one another.
pub(crate) struct Ids {
    table: Mutex<Table>,
    changed: Notify,
    backlog: Arc<Backlog>,
}

#[derive(Default)]
struct Table {
    last: i64,
    open: HashMap<i64, OpenRequest>,
    numbers: HashMap<String, i64>,
    /// Of all open requests.
    bytes: usize,
}

/// Why a request can't be taken.
enum Full {
    /// One with its id is under way.
    Taken,
    /// There are too many bytes under way.
    Bytes,
}

struct OpenRequest {
    key: String,
    id: String,
    bytes: usize,
    cancelled: bool,
    handled: bool,
}

impl Ids {
    pub(crate) fn new(backlog: Arc<Backlog>) -> Self {
        Self { table: Mutex::default(), changed: Notify::new(), backlog }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        // Nothing panics while it holds the lock, so what a poisoned one guards is whole.
        let mut table = self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut table)
    }

    /// A number for a new request of so many bytes.
    fn open(&self, key: &str, id: &str, bytes: usize) -> Result<i64, Full> {
        self.with(|table| {
            if table.numbers.contains_key(key) {
                return Err(Full::Taken);
            }
            if bytes > SMALL && table.bytes + bytes > MAX_UNDER_WAY {
                return Err(Full::Bytes);
            }
            table.last += 1;
            table.bytes += bytes;
            let number = table.last;
            table.numbers.insert(key.to_owned(), number);
            let (key, id) = (key.to_owned(), id.to_owned());
            let request = OpenRequest { key, id, bytes, cancelled: false, handled: false };
            table.open.insert(number, request);
            Ok(number)
        })
    }

    /// The number of a request that its client cancels, unless its response is on its way.
    fn cancel(&self, key: &str) -> Option<i64> {
        self.with(|table| {
            let number = *table.numbers.get(key)?;
            let request = table.open.get_mut(&number)?;
            (!request.handled).then(|| request.cancelled = true).map(|()| number)
        })
    }

    /// A request's id as its client knows it, for the log, if it is short and plain.
    pub(crate) fn name(&self, id: &RequestId) -> Option<String> {
        let RequestId::Number(number) = id else { return None };
        let key = self.with(|table| Some(table.open.get(number)?.key.clone()))?;
        let name = key.trim_matches('"');
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        (name.len() <= LONGEST_NAME && name.bytes().all(plain)).then(|| name.to_owned())
    }

    /// Puts the client's own id in place of ours where a message names its subscription; false if
    /// that has ended.
    fn restore(&self, meta: Option<&mut Value>) -> bool {
        let Some(id) = meta.and_then(|meta| meta.get_mut(SUBSCRIPTION)) else { return true };
        let number = id.as_i64();
        let theirs = self.with(|table| Some(table.open.get(&number?)?.id.clone()));
        let theirs = theirs.and_then(|id| serde_json::from_str(&id).ok());
        theirs.map(|theirs| *id = theirs).is_some()
    }

    /// The request's handler has ended. rmcp sends no response to a cancelled one.
    pub(crate) fn handled(&self, id: &RequestId) {
        let RequestId::Number(number) = id else { return };
        let cancelled = self.with(|table| {
            let request = table.open.get_mut(number)?;
            request.handled = true;
            self.backlog.answered();
            Some(request.cancelled)
        });
        if cancelled == Some(true) {
            self.close(*number);
        }
    }

    /// The id of a request that is answered now.
    fn close(&self, number: i64) -> Option<String> {
        let id = self.with(|table| {
            let request = table.open.remove(&number)?;
            table.numbers.remove(&request.key);
            table.bytes = table.bytes.saturating_sub(request.bytes);
            if request.handled {
                self.backlog.arrived();
            }
            Some(request.id)
        });
        self.changed.notify_waiters();
        id
    }

    /// Waits until no request is under way.
    async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.with(|table| table.open.is_empty()) {
                return;
            }
            changed.await;
        }
    }
}

/// Where lines to the client go. Written by one task, which joins what is ready into one write.
#[derive(Clone)]
pub(crate) struct Output {
    lines: mpsc::Sender<Vec<u8>>,
    backlog: Arc<Backlog>,
}

impl Output {
    /// The output and the task that writes it, which ends when all clones are gone or when the
    /// client no longer reads; then it cancels `draining`.
    pub(crate) fn new(
        writer: stdio::Output,
        backlog: Arc<Backlog>,
        draining: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (lines, waiting) = mpsc::channel(256);
        let output = Self { lines, backlog: Arc::clone(&backlog) };
        let task = async move {
            if let Err(error) = write_lines(writer, waiting, &backlog).await {
                tracing::info!(%error, "the client no longer reads");
            }
            draining.cancel();
        };
        (output, task)
    }

    async fn write(&self, line: Vec<u8>) -> io::Result<()> {
        self.backlog.add(line.len());
        self.lines.send(line).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

async fn write_lines(
    mut writer: stdio::Output,
    mut lines: mpsc::Receiver<Vec<u8>>,
    backlog: &Backlog,
) -> io::Result<()> {
    while let Some(mut batch) = lines.recv().await {
        while batch.len() < 64 * 1024
            && let Ok(line) = lines.try_recv()
        {
            batch.extend_from_slice(&line);
        }
        let mut left = batch.as_slice();
        while !left.is_empty() {
            let written = writer.write(left).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            backlog.remove(written);
            left = left.get(written..).unwrap_or_default();
        }
        writer.flush().await?;
    }
    Ok(())
}

//! The front: what a test speaks with in GitHub's place. It looks like an Enterprise Server
//! (`/api/v3`, `/api/graphql`), so that base paths are part of every test.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::document::Document;
use super::emulator::{Emulator, TOKEN};
use crate::message::{Head, Request, Wire};
use crate::serving::Serving;

/// One that GitHub gives to an App.
pub const APP_TOKEN: &str = "ghs_app";

/// GitHub as tests see it, served until it is dropped.
#[derive(Debug)]
pub struct Front {
    serving: Serving,
    shared: Arc<Shared>,
    emulator: Option<Emulator>,
}

#[derive(Debug, Default)]
struct Shared {
    emulator: Option<SocketAddr>,
    script: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    violations: Mutex<Vec<String>>,
    used: Mutex<u64>,
}

/// What a test has said in place of GitHub.
#[derive(Debug, Clone)]
struct Rule {
    method: String,
    path: String,
    times: Option<u32>,
    said: Said,
}

/// An answer that a test gives.
#[derive(Debug, Clone, Default)]
pub struct Said {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    repeated: usize,
    after: Duration,
    hangs: bool,
    hangs_up: bool,
}

impl Said {
    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into_bytes(), repeated: 1, ..Self::default() }
            .header("content-type", "application/json; charset=utf-8")
    }

    /// Text, so many times.
    pub fn text(body: impl Into<Vec<u8>>, repeated: usize) -> Self {
        Self { status: 200, body: body.into(), repeated, ..Self::default() }
            .header("content-type", "text/plain; charset=utf-8")
    }

    /// Nothing, ever.
    pub fn hang() -> Self {
        Self { hangs: true, ..Self::default() }
    }

    /// Nothing, at once: the connection ends.
    pub fn hang_up() -> Self {
        Self { hangs_up: true, ..Self::default() }
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its body as text.
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether it leads elsewhere.
    pub fn is_redirection(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// With another status.
    #[must_use]
    pub(super) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Without those that it has.
    #[must_use]
    pub(super) fn without_headers(self) -> Self {
        Self { headers: Vec::new(), ..self }
    }

    /// Not before this time.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// Path without the interface's prefix, and without the query.
    pub path: String,
    /// Query.
    pub query: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Value,
    /// The operation that it is one of, as GitHub's document names it; empty for what is none.
    pub operation: String,
    /// What became of it.
    pub status: u16,
}

impl Front {
    /// GitHub by the examples of its document: nothing is kept, everything is answered.
    pub fn examples() -> Self {
        Self::start(None)
    }

    /// GitHub with state, for the repositories that the emulator was started with; what it doesn't
    /// know is answered by example. None if this run does without the emulator.
    pub fn emulated(repos: &[(&str, bool)]) -> Option<Self> {
        Some(Self::start(Some(Emulator::start(repos)?)))
    }

    fn start(emulator: Option<Emulator>) -> Self {
        let shared =
            Shared { emulator: emulator.as_ref().map(Emulator::address), ..Shared::default() };
        let shared = Arc::new(shared);
        let serving = Serving::start({
            let shared = Arc::clone(&shared);
            move |stream, _| {
                let shared = Arc::clone(&shared);
                async move {
                    let mut wire = Wire::new(stream);
                    // A client that went away is its own business.
                    while let Ok(Some(request)) = wire.request().await {
                        if shared.serve(&mut wire, &request).await.is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Self { serving: serving.expect("a free port"), shared, emulator }
    }

    /// What `--host` or `GITHUB_HOST` is.
    pub fn host(&self) -> String {
        format!("http://{}", self.serving.address())
    }

    /// Whether it keeps state.
    pub fn has_state(&self) -> bool {
        self.emulator.is_some()
    }

    /// From now on requests with this method and path, or path and query, get this answer; of several
    /// the last holds.
    pub fn say(&self, method: &str, path: &str, said: Said) {
        self.rule(method, path, None, said);
    }

    /// The next ones do.
    pub fn next(&self, method: &str, path: &str, times: u32, said: Said) {
        self.rule(method, path, Some(times), said);
    }

    /// What was said last of these is no longer said.
    pub fn forget(&self, method: &str, path: &str) {
        let mut script = locked(&self.shared.script);
        let last = script.iter().rposition(|rule| rule.method == method && rule.path == path);
        if let Some(last) = last {
            script.remove(last);
        }
    }

    /// What GraphQL answers to an operation of this name.
    pub fn graphql(&self, operation: &str, answer: &Value) {
        self.say("GRAPHQL", operation, Said::json(200, answer));
    }

    /// What it answers to an operation of this name where the list goes on after this; at its beginning
    /// if that is none.
    pub fn graphql_after(&self, operation: &str, after: Option<&str>, answer: &Value) {
        let at = format!("{operation}?{}", after.unwrap_or_default());
        self.say("GRAPHQL", &at, Said::json(200, answer));
    }

    fn rule(&self, method: &str, path: &str, times: Option<u32>, said: Said) {
        let rule = Rule { method: method.to_owned(), path: path.to_owned(), times, said };
        locked(&self.shared.script).push(rule);
    }

    /// What came since this was asked last.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut locked(&self.shared.seen))
    }

    /// Requests that counted against the quota: all but those that nothing had changed for.
    pub fn used(&self) -> u64 {
        *locked(&self.shared.used)
    }

    /// What was asked for since this was asked last that GitHub doesn't offer, or not so: for tests
    /// whose arguments are meant to be wrong.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.shared.violations))
    }

    /// Fails if a request was none that GitHub offers.
    ///
    /// # Panics
    ///
    /// With all of them.
    pub fn assert_no_violations(&self) {
        let violations = locked(&self.shared.violations);
        assert!(
            violations.is_empty(),
            "requests that GitHub doesn't offer:\n{}",
            violations.join("\n")
        );
    }
}

impl Drop for Front {
    /// Every request of every test is held against the document.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_no_violations();
        }
    }
}

impl Shared {
    async fn serve(&self, wire: &mut Wire, request: &Request) -> io::Result<()> {
        let (method, target) = (request.head.word(0).to_owned(), request.head.word(1).to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let is_graphql = path == "/api/graphql";
        let path = path.strip_prefix("/api/v3").unwrap_or(path).to_owned();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let said = if is_graphql {
            self.graphql(&body)
        } else {
            self.rest(&method, &path, query, request).await?
        };
        let said = self.headed(said, request);
        let operation = Document::get().operation(&method, &path);
        let operation = operation.map_or_else(String::new, |one| format!("{method} {}", one.path));
        // It is there to be looked at before it is answered.
        locked(&self.seen).push(Seen {
            operation,
            method,
            path,
            query: query.to_owned(),
            headers: request.head.fields.clone(),
            body,
            status: said.status,
        });
        send(wire, &said).await
    }

    fn scripted(&self, method: &str, path: &str, query: &str) -> Option<Said> {
        let mut script = locked(&self.script);
        let whole = format!("{path}?{query}");
        let is_meant = |rule: &Rule| {
            rule.method == method
                && (rule.path == path || rule.path == whole)
                && rule.times != Some(0)
        };
        let rule = script.iter_mut().rev().find(|rule| is_meant(rule))?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(rule.said.clone())
    }

    fn graphql(&self, body: &Value) -> Said {
        let query = body["query"].as_str().unwrap_or_default();
        let name = query.split_whitespace().nth(1).unwrap_or_default();
        let name = name.split('(').next().unwrap_or_default();
        let after = body["variables"]["after"].as_str().unwrap_or_default();
        self.scripted("GRAPHQL", name, after).unwrap_or_else(|| {
            self.violation(format!("no answer was given for the operation `{name}`"));
            Said::json(500, &json!({}))
        })
    }

    async fn rest(
        &self,
        method: &str,
        path: &str,
        query: &str,
        request: &Request,
    ) -> io::Result<Said> {
        // What the API leads to elsewhere is no operation of it, and gets no token.
        if let Some(store) = path.strip_prefix("/store/") {
            if request.head.value("authorization").is_some_and(|_| !store.starts_with("same/")) {
                self.violation(format!("the token was sent to {path}"));
            }
            return Ok(self
                .scripted(method, path, query)
                .unwrap_or_else(|| Said::json(404, &json!({}))));
        }
        // Who logs in has no token yet.
        if path.starts_with("/login/") {
            if request.head.value("authorization").is_some() {
                self.violation(format!("a token was sent to {path}"));
            }
            let said = self.scripted(method, path, query);
            return Ok(said.unwrap_or_else(|| Said::json(404, &json!({}))));
        }
        let bearer = request.head.value("authorization").and_then(|it| it.strip_prefix("Bearer "));
        // What is an App's own is asked for with a claim, whose signature tests look at.
        let is_known = match bearer {
            Some(TOKEN | APP_TOKEN) => !path.starts_with("/app"),
            Some(claim) => path.starts_with("/app") && claim.split('.').count() == 3,
            None => false,
        };
        if !is_known {
            return Ok(Said::json(401, &json!({"message": "Bad credentials"})));
        }
        if !path.starts_with("/repositories/")
            && let Err(violation) = Document::get().check(method, path, query, &request.body)
        {
            self.violation(violation.clone());
            return Ok(Said::json(422, &json!({ "message": violation })));
        }
        if let Some(said) = self.scripted(method, path, query) {
            return Ok(said);
        }
        let is_example = path.starts_with("/repos/octocat/") || path.starts_with("/orgs/octo");
        if let Some(emulator) = self.emulator.filter(|_| !is_example) {
            let said = forward(emulator, request, path, query).await?;
            let is_known = said.status != 404 || path.starts_with("/repos/");
            if is_known {
                return Ok(said);
            }
        }
        let Ok(operation) = Document::get().check(method, path, query, &request.body) else {
            return Ok(Said::json(404, &json!({"message": "Not Found"})));
        };
        let (status, example) = operation.example();
        Ok(match example {
            Some(example) => Said::json(status, example),
            None => Said { status, ..Said::default() },
        })
    }

    fn violation(&self, violation: String) {
        locked(&self.violations).push(violation);
    }

    /// With what GitHub says in headers, and without the body if the client has it already.
    fn headed(&self, mut said: Said, request: &Request) -> Said {
        let has = |said: &Said, name: &str| said.headers.iter().any(|(known, _)| known == name);
        if said.status == 200
            && said.repeated == 1
            && request.head.word(0) == "GET"
            && !has(&said, "etag")
        {
            let mut hasher = DefaultHasher::new();
            said.body.hash(&mut hasher);
            said = said.header("etag", &format!("\"{:x}\"", hasher.finish()));
        }
        let etag =
            said.headers.iter().find(|(name, _)| name == "etag").map(|(_, value)| value.clone());
        if etag.is_some() && etag.as_deref() == request.head.value("if-none-match") {
            said.status = 304;
            said.body.clear();
        } else {
            *locked(&self.used) += 1;
        }
        if !has(&said, "x-oauth-scopes") {
            said = said.header("x-oauth-scopes", "repo, read:org");
        }
        if !has(&said, "x-ratelimit-remaining") {
            let left = 5_000 - *locked(&self.used);
            said = said.header("x-ratelimit-limit", "5000");
            said = said.header("x-ratelimit-remaining", &left.to_string());
        }
        said
    }
}

async fn send(wire: &mut Wire, said: &Said) -> io::Result<()> {
    if said.hangs_up {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    if said.hangs {
        wire.gone().await;
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    if !said.after.is_zero() {
        wire.pause(said.after).await?;
    }
    let mut head = Head::new(format!("HTTP/1.1 {} Said", said.status));
    for (name, value) in &said.headers {
        head.set(name, value);
    }
    if said.status != 204 && said.status != 304 {
        head.set("content-length", &(said.body.len() * said.repeated).to_string());
    }
    wire.send(&head.bytes()).await?;
    for _ in 0..said.repeated {
        wire.send(&said.body).await?;
    }
    Ok(())
}

/// Passes a request on to the emulator.
async fn forward(
    emulator: SocketAddr,
    request: &Request,
    path: &str,
    query: &str,
) -> io::Result<Said> {
    let question = if query.is_empty() { "" } else { "?" };
    let mut head = Head::new(format!("{} {path}{question}{query} HTTP/1.1", request.head.word(0)))
        .with("host", &emulator.to_string())
        .with("connection", "close")
        .with("content-length", &request.body.len().to_string());
    for name in ["authorization", "accept", "content-type"] {
        if let Some(value) = request.head.value(name) {
            head.set(name, value);
        }
    }
    let mut wire = Wire::new(TcpStream::connect(emulator).await?);
    wire.send(&[head.bytes(), request.body.clone()].concat()).await?;
    let answer = wire.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut framing = answer.framing();
    let mut body = Vec::new();
    while let Some(piece) = wire.piece(&mut framing).await? {
        body.extend(piece);
    }
    let mut status = answer.word(1).parse().unwrap_or(500);
    // GitHub doesn't say that there is something to which one has no access.
    if status == 403 && request.head.word(0) == "GET" {
        status = 404;
    }
    let mut said = Said { status, body, repeated: 1, ..Said::default() };
    for name in ["content-type", "link"] {
        if let Some(value) = answer.value(name) {
            said = said.header(name, value);
        }
    }
    Ok(said)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A real upstream for tests: notes over HTTP, in memory. Each note's text carries its own
//! checksum, so that half an answer is known as such; each new note carries a token that its
//! writer chose, so that a write made twice is known; and an endpoint that never answers tells
//! when its client has gone.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::message::{Head, Request, Wire};
use crate::serving::Serving;

/// How many notes there are from the start, named `note-0` and so on.
pub const NOTES: u64 = 64;

/// A notes service, served until it is dropped.
///
/// | request | answer |
/// |---|---|
/// | `GET /notes` | the names of the notes that were there from the start |
/// | `GET /notes/NAME` | a note, with an `ETag`; 304 if `If-None-Match` has it |
/// | `PUT /notes/NAME` `{"text"}` | changes a note: the same again changes nothing more |
/// | `POST /notes` `{"token", "text"}` | counts the token: the same again is a second note |
/// | `GET /slow/NAME` | never |
#[derive(Debug)]
pub struct NotesService {
    serving: Serving,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    notes: BTreeMap<String, Note>,
    posted: BTreeMap<String, u32>,
    requests: u64,
    came: BTreeMap<String, Instant>,
    left: BTreeMap<String, Instant>,
}

#[derive(Debug)]
struct Note {
    text: String,
    version: u64,
}

impl NotesService {
    /// Starts a service on a free loopback port.
    pub fn start() -> io::Result<Self> {
        let notes = (0..NOTES).map(|number| {
            let name = format!("note-{number}");
            let text = sealed_text(&name, number);
            (name, Note { text, version: 1 })
        });
        let state = State { notes: notes.collect(), ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let serving = Serving::start({
            let shared = Arc::clone(&shared);
            move |stream, _| connection(stream, Arc::clone(&shared))
        })?;
        Ok(Self { serving, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// Drops all connections and refuses new ones.
    pub fn down(&self) {
        self.serving.listen(false);
    }

    /// Takes connections again.
    pub fn up(&self) {
        self.serving.listen(true);
    }

    /// How often a note with this token was posted.
    pub fn posted(&self, token: &str) -> u32 {
        self.shared.lock().posted.get(token).copied().unwrap_or_default()
    }

    /// How many tokens were posted.
    pub fn tokens(&self) -> usize {
        self.shared.lock().posted.len()
    }

    /// The tokens that were posted more than once.
    pub fn repeated(&self) -> Vec<String> {
        let state = self.shared.lock();
        let repeated = state.posted.iter().filter(|(_, times)| **times > 1);
        repeated.map(|(token, _)| token.clone()).collect()
    }

    /// The text of a note.
    pub fn text(&self, name: &str) -> Option<String> {
        self.shared.lock().notes.get(name).map(|note| note.text.clone())
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        self.shared.lock().requests
    }

    /// Waits until `GET /slow/NAME` has come, and says when it did.
    pub fn slow_came(&self, name: &str, patience: Duration) -> Option<Instant> {
        self.shared.wait(patience, |state| state.came.get(name).copied())
    }

    /// Waits until the client that asked for `/slow/NAME` has gone, and says when it did.
    pub fn slow_left(&self, name: &str, patience: Duration) -> Option<Instant> {
        self.shared.wait(patience, |state| state.left.get(name).copied())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<T>(&self, patience: Duration, look: impl Fn(&State) -> Option<T>) -> Option<T> {
        let waiting = |state: &mut State| look(state).is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), patience, waiting);
        look(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

/// A text of its own for each name and number, of a hundred bytes to some ten thousand, by which
/// [`is_sealed`] knows whether it is whole.
pub fn sealed_text(name: &str, number: u64) -> String {
    let seed = checksum(format!("{name}/{number}").as_bytes());
    let words = 1 + seed % 600;
    let mut text = format!("{name}/{number}:");
    for word in 0..words {
        text.push_str(&format!(" w{:x}", seed.wrapping_mul(word) >> 44));
    }
    format!("{text} #{:016x}", checksum(text.as_bytes()))
}

/// Whether this is the whole text that was made for some number of this name.
pub fn is_sealed(text: &str, name: &str) -> bool {
    text.rsplit_once(" #").is_some_and(|(text, seal)| {
        text.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
            && seal == format!("{:016x}", checksum(text.as_bytes()))
    })
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let mut client = Wire::new(stream);
    // An error is a client that went.
    while let Ok(Some(request)) = client.request().await {
        let path = request.head.word(1).to_owned();
        if let Some(name) = path.strip_prefix("/slow/") {
            shared.note(|state| &mut state.came, name);
            client.gone().await;
            shared.note(|state| &mut state.left, name);
            return;
        }
        let answer = shared.lock().answer(&request);
        if client.send(&answer).await.is_err() {
            return;
        }
    }
}

impl Shared {
    fn note(&self, place: impl Fn(&mut State) -> &mut BTreeMap<String, Instant>, name: &str) {
        place(&mut self.lock()).insert(name.to_owned(), Instant::now());
        self.changed.notify_all();
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Vec<u8> {
        self.requests += 1;
        let head = &request.head;
        let body = || serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        match (head.word(0), head.word(1).strip_prefix("/notes/")) {
            ("GET", None) if head.word(1) == "/notes" => {
                let names: Vec<&String> = self.notes.keys().collect();
                answer("200 OK", None, &json!({ "notes": names }))
            }
            ("GET", Some(name)) => match self.notes.get(name) {
                None => nothing_there(),
                Some(note) if head.value("if-none-match") == Some(note.tag().as_str()) => {
                    Head::new("HTTP/1.1 304 Not Modified").with("etag", &note.tag()).bytes()
                }
                Some(note) => {
                    let body = json!({ "name": name, "text": note.text });
                    answer("200 OK", Some(note), &body)
                }
            },
            ("PUT", Some(name)) => {
                let (Some(note), Some(text)) = (self.notes.get_mut(name), text(&body(), "text"))
                else {
                    return nothing_there();
                };
                if note.text != text {
                    note.text = text;
                    note.version += 1;
                }
                answer("200 OK", Some(note), &json!({ "name": name }))
            }
            ("POST", None) if head.word(1) == "/notes" => {
                let Some(token) = text(&body(), "token") else { return nothing_there() };
                *self.posted.entry(token.clone()).or_default() += 1;
                answer("201 Created", None, &json!({ "token": token }))
            }
            _ => nothing_there(),
        }
    }
}

impl Note {
    fn tag(&self) -> String {
        format!("\"v{}\"", self.version)
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn nothing_there() -> Vec<u8> {
    answer("404 Not Found", None, &json!({ "message": "there is nothing" }))
}

fn answer(status: &str, note: Option<&Note>, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let mut head = Head::new(format!("HTTP/1.1 {status}"))
        .with("content-type", "application/json")
        .with("content-length", &body.len().to_string());
    if let Some(note) = note {
        head.set("etag", &note.tag());
    }
    let mut bytes = head.bytes();
    bytes.extend(body.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::{is_sealed, sealed_text};

    #[test]
    fn a_sealed_text_is_known_whole_and_nothing_else_is() {
        for number in 0..200 {
            let text = sealed_text("note-1", number);
            assert!(is_sealed(&text, "note-1"), "{text}");
            assert!(!is_sealed(&text, "note-2") && !is_sealed(&text, "note"));
            assert!((20..12_000).contains(&text.len()), "{}", text.len());
            let half: String = text.chars().take(text.len() / 2).collect();
            assert!(!is_sealed(&half, "note-1"));
            assert!(!is_sealed(&text.replacen('w', "v", 1), "note-1"));
        }
    }
}

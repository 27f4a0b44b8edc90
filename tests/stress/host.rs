//! One server and its host, who knows for each request whether it must be answered, must not be
//! answered any more, or was answered already.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use lockkeeper_testkit::notes::is_sealed;
use lockkeeper_testkit::stdio::{self, Client, Era, Launch, Reply};
use serde_json::{Value, json};

use crate::report::Times;

/// How long an answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a server may take to end before it is killed.
const LAST: Duration = Duration::from_secs(30);
/// How much is kept of what servers say.
const KEPT: usize = 64 * 1024;

/// Something that a host asks for.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A call that needs no upstream.
    Local(&'static str, Value),
    /// Read a note from the upstream.
    Read(String),
    /// The same from an endpoint that never answers.
    Slow(String),
    /// Add a note with this token to the upstream: what must never be done twice.
    Post(String),
    /// Write a note of this name and text.
    Put(String, String),
    /// What shows that all before it was read: after its answer, there is none to this request.
    Fence(u64),
}

impl Work {
    fn request(&self) -> (&'static str, Value) {
        let call = |name: &str, arguments: Value| {
            ("tools/call", json!({ "name": name, "arguments": arguments }))
        };
        match self {
            Self::Local(tool, arguments) => call(tool, arguments.clone()),
            Self::Read(name) => call("fetch_note", json!({ "name": name })),
            Self::Slow(name) => call("fetch_note", json!({ "name": name, "slow": true })),
            Self::Post(token) => call("post_note", json!({ "token": token, "text": "a note" })),
            Self::Put(name, text) => call("put_note", json!({ "name": name, "text": text })),
            Self::Fence(_) => ("tools/list", json!({})),
        }
    }

    /// Whether it asks the upstream.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Slow(_) | Self::Post(_) | Self::Put(..))
    }
}

/// What a host knows of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It was made.
    Done,
    /// It was not made.
    Failed,
    /// Nobody knows: it was cancelled, or its answer was lost.
    Unknown,
}

/// What became of a host's requests.
#[derive(Default)]
pub(crate) struct Tally {
    /// Calls that were made, with those that were cancelled.
    pub(crate) calls: u64,
    /// Those of them that ask the upstream.
    pub(crate) remote: u64,
    pub(crate) answered: u64,
    pub(crate) cancelled: u64,
    /// Answers to calls by their code.
    pub(crate) codes: BTreeMap<String, u64>,
    pub(crate) times: Times,
    pub(crate) posts: Vec<(String, Fate)>,
    /// Requests without an answer, with two, or with one after they were cancelled.
    pub(crate) unanswered: Vec<String>,
    /// Reads with a wrong answer.
    pub(crate) wrong: Vec<String>,
    /// What a call that must be repeated later should have said.
    pub(crate) hintless: Vec<String>,
}

impl Tally {
    pub(crate) fn extend(&mut self, other: Self) {
        self.calls += other.calls;
        self.remote += other.remote;
        self.answered += other.answered;
        self.cancelled += other.cancelled;
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
        self.times.extend(other.times);
        self.posts.extend(other.posts);
        self.unanswered.extend(other.unanswered);
        self.wrong.extend(other.wrong);
        self.hintless.extend(other.hintless);
    }
}

/// An answer to a call.
pub(crate) struct Answer {
    pub(crate) id: u64,
    /// `ok`, or what the error is called.
    pub(crate) code: String,
    pub(crate) at: Instant,
    pub(crate) elapsed: Duration,
}

enum Heard {
    Answer(Answer),
    /// Something that is no answer to a call.
    Other,
    /// The time is up.
    Nothing,
}

pub(crate) struct Host {
    client: Client,
    waiting: HashMap<u64, Work>,
    /// Cancelled requests, and whether an answer to them would come too late.
    cancelled: HashMap<u64, bool>,
    pub(crate) tally: Tally,
}

impl Host {
    /// Starts a server and opens a session with it.
    pub(crate) fn start(binary: &Path, era: Era, arguments: &[String]) -> io::Result<Self> {
        let launch = Launch::new(binary).args(arguments).timeout(PATIENCE).keep_at_most(KEPT);
        let client = launch.env("RUST_LOG", "error").connect(era)?;
        let (waiting, cancelled) = (HashMap::new(), HashMap::new());
        Ok(Self { client, waiting, cancelled, tally: Tally::default() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.client.pid()
    }

    /// How many requests wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn ask(&mut self, work: Work) -> io::Result<u64> {
        let (method, params) = work.request();
        let id = self.client.start(method, params)?;
        self.tally.calls += u64::from(method == "tools/call");
        self.tally.remote += u64::from(work.is_remote());
        self.waiting.insert(id, work);
        Ok(id)
    }

    /// Cancels a request if it isn't answered yet.
    pub(crate) fn cancel(&mut self, id: u64) -> io::Result<()> {
        let Some(work) = self.waiting.remove(&id) else { return Ok(()) };
        if let Work::Post(token) = work {
            self.tally.posts.push((token, Fate::Unknown));
        }
        self.tally.cancelled += 1;
        self.cancelled.insert(id, false);
        self.client.notify("notifications/cancelled", json!({ "requestId": id }))?;
        self.ask(Work::Fence(id))?;
        Ok(())
    }

    /// The next answer to a call; none if there is none in time.
    pub(crate) fn next(&mut self, timeout: Duration) -> io::Result<Option<Answer>> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.hear(deadline)? {
                Heard::Answer(answer) => return Ok(Some(answer)),
                Heard::Other => {}
                Heard::Nothing => return Ok(None),
            }
        }
    }

    /// Waits until all is answered.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        while self.waiting() > 0 {
            if let Heard::Nothing = self.hear(Instant::now() + PATIENCE)? {
                let waiting = self.waiting.drain().map(|(id, work)| format!("{id}, {work:?}"));
                self.tally
                    .unanswered
                    .extend(waiting.map(|it| format!("no answer to request {it}")));
            }
        }
        Ok(())
    }

    fn hear(&mut self, deadline: Instant) -> io::Result<Heard> {
        let left = deadline.saturating_duration_since(Instant::now());
        Ok(match self.client.next(left) {
            Ok(stdio::Heard::Reply(id, reply)) => {
                self.answered(id, &reply).map_or(Heard::Other, Heard::Answer)
            }
            Ok(stdio::Heard::Line(line)) => {
                let line = String::from_utf8_lossy(&line.bytes).into_owned();
                self.tally.unanswered.push(format!("nobody asked for {}", start(&line)));
                Heard::Other
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Heard::Nothing,
            Err(error) => return Err(error),
        })
    }

    /// Ends the input and says how long the server took to end.
    pub(crate) fn end(mut self) -> (Tally, Duration) {
        let began = Instant::now();
        self.client.close_stdin();
        let ended = self.client.wait_exit(LAST);
        let time = began.elapsed();
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => {
                let said = self.client.stderr();
                let said = format!("the server ended with {status}: {}", start(&said));
                self.tally.unanswered.push(said);
            }
            Err(error) => self.tally.unanswered.push(start(&error.to_string()).to_owned()),
        }
        (self.tally, time)
    }

    fn answered(&mut self, id: u64, reply: &Reply) -> Option<Answer> {
        let Some(work) = self.waiting.remove(&id) else {
            if self.cancelled.remove(&id) != Some(false) {
                self.tally.unanswered.push(format!("an answer to {id} after it was cancelled"));
            }
            return None;
        };
        self.tally.answered += 1;
        if let Work::Fence(cancelled) = work {
            // Gone from the map, it was answered before the server read that it shouldn't.
            if let Some(too_late) = self.cancelled.get_mut(&cancelled) {
                *too_late = true;
            }
            return None;
        }
        let code = self.judge(work, reply);
        *self.tally.codes.entry(code.clone()).or_default() += 1;
        self.tally.times.add(reply.elapsed);
        Some(Answer { id, code, at: reply.at, elapsed: reply.elapsed })
    }

    /// The code of an answer, and what is wrong with it.
    fn judge(&mut self, work: Work, reply: &Reply) -> String {
        let text = reply.text();
        let code = if reply.error().is_some() {
            format!("protocol error {}", reply.value["error"]["code"])
        } else if reply.is_error() {
            text.split(':').next().unwrap_or_default().to_owned()
        } else {
            "ok".to_owned()
        };
        let must_hint = matches!(code.as_str(), "rate_limited" | "busy");
        if must_hint && !text.contains("retry_after_s: ") {
            self.tally.hintless.push(start(&text).to_owned());
        }
        match work {
            Work::Read(name) if code == "ok" => {
                let note = &reply.result()["structuredContent"];
                let is_right = note["name"] == name.as_str()
                    && note["text"].as_str().is_some_and(|text| is_sealed(text, &name));
                if !is_right {
                    self.tally.wrong.push(format!("{name}: {}", start(&reply.value.to_string())));
                }
            }
            Work::Slow(name) if code == "ok" => {
                self.tally.wrong.push(format!("{name} was never answered: {}", start(&text)));
            }
            Work::Local(..) if code != "ok" && code != "busy" => {
                self.tally.wrong.push(start(&text).to_owned());
            }
            Work::Post(token) => {
                let fate = match code.as_str() {
                    "ok" => Fate::Done,
                    "outcome_unknown" => Fate::Unknown,
                    _ => Fate::Failed,
                };
                self.tally.posts.push((token, fate));
            }
            _ => {}
        }
        code
    }
}

/// The beginning of a text.
fn start(text: &str) -> &str {
    let end = text.char_indices().nth(300).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default().trim_end()
}

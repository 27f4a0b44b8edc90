//! Logs, to stderr: one line an event, as text or JSON. Whatever level is asked for, no library gets
//! to log payloads: rmcp prints whole requests and results at `debug`, and their errors at `warn`.
//! Nobody has to read them: where a host leaves its end of the pipe full, lines are lost and counted,
//! and the server goes on.

use std::fmt;
use std::io::Write as _;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::text::truncate_at_char;
use crate::time::rfc3339_micros;

/// The longest value of a field, bytes. A line stays below what a pipe takes in one piece.
const LONGEST_VALUE: usize = 600;

/// The longest line, bytes: POSIX's least for what a pipe takes in one piece, with its newline.
const LONGEST_LINE: usize = 4_000;

/// How lines are written: `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether lines are JSON, for what is said outside the log.
static JSON: AtomicBool = AtomicBool::new(false);

/// Begins logging at `level` (a level, or targets as in `RUST_LOG`), by default warnings.
pub(crate) fn begin(level: Option<&str>, format: Format) {
    JSON.store(format == Format::Json, Ordering::Relaxed);
    let targets = level.and_then(|level| Targets::from_str(level).ok());
    let targets = targets.unwrap_or_else(|| Targets::new().with_default(Level::WARN));
    let log = Log { targets, format, lost: Mutex::new(0) };
    if tracing::subscriber::set_global_default(log).is_err() {
        // A test in the same process has begun before.
    }
    std::panic::set_hook(Box::new(|panic| {
        // Where, not what: a panic's message can hold data.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect: panicked");
    }));
}

/// Says why `program` ends, whatever is logged otherwise.
pub(crate) fn say_why(program: &str, problem: &str) {
    let line = if JSON.load(Ordering::Relaxed) {
        let now = rfc3339_micros(SystemTime::now());
        let target = "lockkeeper";
        json!({"ts": now, "level": "ERROR", "target": target, "message": problem}).to_string()
    } else {
        format!("{program}: {problem}")
    };
    crate::cli::say(&format!("{line}\n"));
}

/// Spans are of no use here, so none is kept.
struct Log {
    targets: Targets,
    format: Format,
    /// Lines for which there was no room since the last one that was written.
    lost: Mutex<u64>,
}

impl Log {
    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("lockkeeper") || *metadata.level() == Level::ERROR;
        !metadata.is_span()
            && ours
            && self.targets.would_enable(metadata.target(), metadata.level())
    }

    fn write(&self, metadata: &Metadata<'_>, mut fields: Fields) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if !has_room() {
            *lost += 1;
            return;
        }
        if *lost > 0 {
            fields.push("lost", json!(*lost));
        }
        let now = rfc3339_micros(SystemTime::now());
        let line = match self.format {
            Format::Text => fields.text(&now, metadata),
            Format::Json => fields.json(now, metadata),
        };
        if std::io::stderr().write_all(line.as_bytes()).is_ok() {
            *lost = 0;
        }
    }
}

/// Whether standard error takes a line without making its writer wait.
#[cfg(unix)]
fn has_room() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stderr = std::io::stderr();
    let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
    // What can't be polled takes what it is given.
    poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map_or(true, |ready| ready > 0)
}

#[cfg(not(unix))]
fn has_room() -> bool {
    true
}

impl Subscriber for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.takes(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.takes(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let levels = self.targets.iter().map(|(_, level)| level);
        levels.chain(self.targets.default_level()).max()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.write(event.metadata(), fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn push(&mut self, name: &'static str, mut value: Value) {
        if let Value::String(text) = &mut value {
            truncate_at_char(text, LONGEST_VALUE);
        }
        match value {
            Value::String(text) if name == "message" => self.message = text,
            value => self.others.push((name, value)),
        }
    }

    /// `2026-11-21T13:00:00.000000Z  WARN lockkeeper_core::state: no state key error="…"`.
    fn text(&self, now: &str, metadata: &Metadata<'_>) -> String {
        let (level, target) = (metadata.level(), metadata.target());
        let mut line = format!("{now} {level:>5} {target}: {}", self.message);
        for (name, value) in &self.others {
            line.push_str(&format!(" {name}={value}"));
        }
        // A line end, or what a terminal would obey, comes from elsewhere.
        if line.contains(char::is_control) {
            let shown = |c: char| {
                if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
            };
            line = line.chars().map(shown).collect();
        }
        truncate_at_char(&mut line, LONGEST_LINE);
        line.push('\n');
        line
    }

    fn json(self, now: String, metadata: &Metadata<'_>) -> String {
        let mut line: Map<String, Value> =
            self.others.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        line.insert("ts".to_owned(), now.into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        line.insert("message".to_owned(), self.message.into());
        let mut text = Value::Object(line).to_string();
        if text.len() > LONGEST_LINE {
            let (level, target) = (metadata.level().as_str(), metadata.target());
            text = json!({"level": level, "target": target, "message": "too long"}).to_string();
        }
        text.push('\n');
        text
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field.name(), Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use tracing::callsite::{Callsite, Identifier};
    use tracing::field::FieldSet;
    use tracing::metadata::Kind;

    use super::*;

    struct Here;

    impl Callsite for Here {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            &METADATA
        }
    }

    static HERE: Here = Here;
    static METADATA: Metadata<'static> = Metadata::new(
        "event",
        "lockkeeper_test",
        Level::WARN,
        None,
        None,
        None,
        FieldSet::new(&[], Identifier(&HERE)),
        Kind::EVENT,
    );

    const NASTY: &str = "one\ntwo\r\u{1b}[31m\u{0}\u{7f}\u{9b}\"}{\\ \u{2028}é";

    fn fields() -> Fields {
        let mut fields = Fields::default();
        fields.push("message", NASTY.into());
        fields.push("error", NASTY.into());
        fields.push("level", "mine".into());
        fields.push("n", 7.into());
        fields.push("nan", f64::NAN.into());
        fields
    }

    #[test]
    fn a_line_of_json_is_one_object_whatever_it_says() {
        let line = fields().json("now".to_owned(), &METADATA);
        assert_eq!(line.matches('\n').count(), 1);
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["message"], NASTY);
        assert_eq!((&parsed["level"], &parsed["n"]), (&json!("WARN"), &json!(7)));
        let mut long = fields();
        for _ in 0..20 {
            long.push("error", "\u{1}".repeat(10_000).into());
        }
        long.push("message", "\u{1}".repeat(10_000).into());
        let line = long.json("now".to_owned(), &METADATA);
        assert!(line.len() <= 4_096 && line.ends_with("}\n"), "{}", line.len());
        serde_json::from_str::<Value>(&line).unwrap();
    }

    #[test]
    fn a_line_of_text_holds_nothing_that_a_terminal_obeys() {
        let line = fields().text("now", &METADATA);
        assert!(line.starts_with("now  WARN lockkeeper_test: one\\ntwo"), "{line}");
        assert_eq!(line.chars().filter(|c| c.is_control()).collect::<String>(), "\n");
        let mut long = fields();
        for _ in 0..20 {
            long.push("error", "x".repeat(10_000).into());
        }
        assert!(long.text("now", &METADATA).len() <= 4_096);
    }

    #[test]
    fn libraries_say_no_more_than_errors() {
        let targets = Targets::new().with_default(Level::TRACE);
        let log = Log { targets, format: Format::Text, lost: Mutex::new(0) };
        assert_eq!(log.max_level_hint(), Some(LevelFilter::TRACE));
        assert!(log.takes(&METADATA));
        let log = Log { targets: Targets::from_str("rmcp=trace").unwrap(), ..log };
        assert!(!log.takes(&METADATA));
    }
}

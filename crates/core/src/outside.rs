//! Text from outside as it is shown: characters that hide become visible escapes (`\u{202e}`),
//! credentials become `[redacted:kind]`, all else stays as it is. Nothing is altered silently: what
//! was altered is counted, and every place has a way back, so that an edit of what is shown can be
//! applied to what is there. No span of altered text goes over the end of a line, and no line is
//! added or lost.

mod characters;
mod credentials;

use std::borrow::Cow;
use std::fmt;
use std::ops::{AddAssign, Range};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happens to credentials in answers: `--secrets`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Secrets {
    /// They are replaced by their kind.
    #[default]
    Redact,
    /// They are shown.
    Off,
}

/// How text from outside is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outside {
    secrets: Secrets,
}

/// How much of a text was altered to show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Altered {
    /// Characters shown as escapes.
    pub escaped: u64,
    /// Credentials left out, line by line.
    pub redacted: u64,
}

/// A text as it is shown, with the way back.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    /// What is shown.
    pub text: Cow<'a, str>,
    original: &'a str,
    spans: Vec<Span>,
}

/// A piece of a text that is shown as something else.
#[derive(Debug, Clone)]
struct Span {
    shown: Range<usize>,
    original: Range<usize>,
    is_redacted: bool,
}

/// Why a new text can't take the place of an old one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// It holds a placeholder of ours.
    #[error("the new text holds `{0}`, which only stands for what is left out")]
    Placeholder(String),
    /// It holds an escape that may mean the character it stands for, or its own characters.
    #[error("the new text repeats `{0}`, which stands for one character of the old one")]
    Escape(String),
}

/// A credential that goes over the edge of a page is looked for in so many bytes around it. Private
/// keys are the longest: 13 kB for RSA with 16384 bits.
pub const AROUND: usize = 16 * 1024;

impl Outside {
    /// As without any setting.
    pub const AS_DEFAULT: Self = Self { secrets: Secrets::Redact };

    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets }
    }

    pub(crate) fn secrets(self) -> Secrets {
        self.secrets
    }

    /// Shows a text.
    pub fn show(self, text: &str) -> Shown<'_> {
        self.show_part(text, 0..text.len())
    }

    /// Shows a part of a text: a credential that begins before it or ends after it is seen.
    pub fn show_part(self, text: &str, part: Range<usize>) -> Shown<'_> {
        let original = text.get(part.clone()).unwrap_or_default();
        let found = match self.secrets {
            Secrets::Redact => credentials::credentials(text),
            Secrets::Off => Vec::new(),
        };
        let redacted = found.into_iter().filter_map(|credential| {
            let start = credential.range.start.max(part.start);
            let end = credential.range.end.min(part.end);
            let placeholder = || format!("{OPEN}{}]", credential.kind);
            (start < end).then(|| (start - part.start..end - part.start, placeholder()))
        });
        let redacted = Shown::new(original, redacted.collect(), true);
        let hidden = characters::hidden(&redacted.text);
        if hidden.is_empty() {
            return redacted;
        }
        let text = redacted.text.as_ref();
        let escapes = hidden.into_iter().map(|range| {
            let escapes = text.get(range.clone()).unwrap_or_default().chars().map(escape);
            (range, escapes.collect())
        });
        let escaped = Shown::new(text, escapes.collect(), false);
        redacted.then(&escaped)
    }

    /// Where to cut a text so that no credential is cut: one that begins before `part` is taken in,
    /// one that goes on after it is left out.
    pub fn uncut(self, text: &str, part: Range<usize>) -> Range<usize> {
        let Range { mut start, mut end } = part;
        let found = match self.secrets {
            Secrets::Redact => credentials::credentials(text),
            Secrets::Off => Vec::new(),
        };
        for credential in found {
            let Range { start: from, end: to } = credential.range;
            if from < start && start < to {
                start = from;
            }
            if from < end && end < to {
                end = from;
            }
        }
        start..end.max(start)
    }

    /// Shows all strings of a JSON value, and the names in it.
    pub(crate) fn show_value(self, value: &mut Value) -> Altered {
        let mut altered = Altered::default();
        match value {
            Value::String(text) => altered += self.show_in(text),
            Value::Array(items) => {
                for item in items {
                    altered += self.show_value(item);
                }
            }
            Value::Object(fields) => {
                if fields.keys().any(|name| !self.show(name).altered().is_none()) {
                    for (mut name, field) in std::mem::take(fields) {
                        altered += self.show_in(&mut name);
                        fields.insert(name, field);
                    }
                }
                for field in fields.values_mut() {
                    altered += self.show_value(field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        altered
    }

    /// Shows a text in its place.
    pub(crate) fn show_in(self, text: &mut String) -> Altered {
        let shown = self.show(text);
        let altered = shown.altered();
        if let Cow::Owned(shown) = shown.text {
            *text = shown;
        }
        altered
    }
}

impl<'a> Shown<'a> {
    /// A text that is taken as it is.
    pub fn as_is(text: &'a str) -> Self {
        Self::new(text, Vec::new(), false)
    }

    /// `original` with other texts in the place of some of it.
    fn new(original: &'a str, pieces: Vec<(Range<usize>, String)>, is_redacted: bool) -> Self {
        if pieces.is_empty() {
            return Self { text: Cow::Borrowed(original), original, spans: Vec::new() };
        }
        let mut text = String::with_capacity(original.len() + pieces.len() * 8);
        let mut spans = Vec::with_capacity(pieces.len());
        let mut done = 0;
        for (range, piece) in pieces {
            text.push_str(original.get(done..range.start).unwrap_or_default());
            done = range.end;
            let start = text.len();
            text.push_str(&piece);
            spans.push(Span { shown: start..text.len(), original: range, is_redacted });
        }
        text.push_str(original.get(done..).unwrap_or_default());
        Self { text: Cow::Owned(text), original, spans }
    }

    /// What `later` makes of the text of this; none of its spans touches one of these.
    fn then(&self, later: &Shown<'_>) -> Self {
        let place = |place| self.original_place(place).unwrap_or_default();
        let escaped = later.spans.iter().map(|span| Span {
            shown: span.shown.clone(),
            original: place(span.original.start)..place(span.original.end),
            is_redacted: false,
        });
        let moved = |at: usize| {
            let before = later.spans.partition_point(|span| span.original.end <= at);
            let last = before.checked_sub(1).and_then(|last| later.spans.get(last));
            last.map_or(at, |span| at - span.original.end + span.shown.end)
        };
        let redacted = self.spans.iter().map(|span| Span {
            shown: moved(span.shown.start)..moved(span.shown.end),
            ..span.clone()
        });
        let mut spans: Vec<Span> = escaped.chain(redacted).collect();
        spans.sort_unstable_by_key(|span| span.shown.start);
        Self { text: Cow::Owned(later.text.clone().into_owned()), original: self.original, spans }
    }

    /// How much was altered.
    pub fn altered(&self) -> Altered {
        let redacted = self.spans.iter().filter(|span| span.is_redacted).count() as u64;
        Altered { escaped: self.spans.len() as u64 - redacted, redacted }
    }

    /// Where a place in the shown text is in the original; `None` within what was altered.
    pub fn original_place(&self, place: usize) -> Option<usize> {
        let before = self.spans.partition_point(|span| span.shown.start < place);
        let Some(span) = before.checked_sub(1).and_then(|last| self.spans.get(last)) else {
            return Some(place);
        };
        (place >= span.shown.end).then(|| place - span.shown.end + span.original.end)
    }

    /// The largest place not after `place` that is not within what was altered.
    pub fn floor(&self, place: usize) -> usize {
        self.within(place).map_or(place, |span| span.shown.start)
    }

    /// The smallest place not before `place` that is not within what was altered.
    pub fn ceil(&self, place: usize) -> usize {
        self.within(place).map_or(place, |span| span.shown.end)
    }

    fn within(&self, place: usize) -> Option<&Span> {
        let before = self.spans.partition_point(|span| span.shown.start < place);
        self.spans.get(before.checked_sub(1)?).filter(|span| place < span.shown.end)
    }

    /// The text to write in the place of `range` of the shown text for one that was made from it:
    /// escapes that stand there become their characters again. What can't be told is an error.
    pub fn unshow<'n>(&self, range: Range<usize>, new: &'n str) -> Result<Cow<'n, str>, Unclear> {
        let old = self.text.get(range.clone()).unwrap_or_default();
        let first = self.spans.partition_point(|span| span.shown.end <= range.start);
        let last = self.spans.partition_point(|span| span.shown.start < range.end);
        let spans = self.spans.get(first..last).unwrap_or_default();
        if let Some(placeholder) = placeholder(new) {
            let there = self.original_place(range.start).zip(self.original_place(range.end));
            let there = there.and_then(|(start, end)| self.original.get(start..end));
            // A file may be about placeholders, as the documentation of this is.
            if !there.is_some_and(|there| there.contains(placeholder)) {
                return Err(Unclear::Placeholder(placeholder.to_owned()));
            }
        }
        let mut out = Cow::Borrowed(new);
        let mut known: Vec<&str> = Vec::new();
        for span in spans.iter().filter(|span| !span.is_redacted) {
            let escape = self.text.get(span.shown.clone()).unwrap_or_default();
            if known.contains(&escape) || !new.contains(escape) {
                continue;
            }
            known.push(escape);
            let is_same = |other: &&Span| self.text.get(other.shown.clone()) == Some(escape);
            let hidden = spans.iter().filter(is_same).count();
            // Literal ones beside it, or more than there were: it could be either.
            if old.matches(escape).count() != hidden || new.matches(escape).count() > hidden {
                return Err(Unclear::Escape(escape.to_owned()));
            }
            let character = self.original.get(span.original.clone()).unwrap_or_default();
            out = Cow::Owned(out.replace(escape, character));
        }
        Ok(out)
    }
}

impl Altered {
    /// Whether nothing was.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Altered {
    fn add_assign(&mut self, other: Self) {
        self.escaped += other.escaped;
        self.redacted += other.redacted;
    }
}

/// `altered: 2 escaped, 1 redacted`
impl fmt::Display for Altered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { escaped, redacted } = self;
        match (escaped, redacted) {
            (_, 0) => write!(f, "altered: {escaped} escaped"),
            (0, _) => write!(f, "altered: {redacted} redacted"),
            _ => write!(f, "altered: {escaped} escaped, {redacted} redacted"),
        }
    }
}

const OPEN: &str = "[redacted:";

/// The first placeholder of ours in a text.
pub fn placeholder(text: &str) -> Option<&str> {
    memchr::memmem::find_iter(text.as_bytes(), OPEN).find_map(|at| {
        let rest = text.get(at + OPEN.len()..)?;
        let kind = rest.get(..rest.find(']')?)?;
        let is_kind = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_ours = !kind.is_empty() && kind.bytes().all(is_kind);
        is_ours.then(|| text.get(at..at + OPEN.len() + kind.len() + 1)).flatten()
    })
}

fn escape(c: char) -> String {
    format!("\\u{{{:x}}}", u32::from(c))
}

#[cfg(test)]
mod tests;

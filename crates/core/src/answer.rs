//! What a call gives back. Small records travel as data with one compact text beside them, bulk
//! travels once, as text; nothing large travels twice and nothing is cut without saying so.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::error::ToolError;
use crate::ongoing::{Ongoing, Seen};
use crate::outside::{Altered, Outside};
use crate::text::floor_char_boundary;

/// What a tool returns: typed data that knows its text.
pub trait Output: Serialize + JsonSchema + Send + 'static {
    /// Whether the answer is files, hits, rows or documents rather than a small record. Bulk has
    /// no output schema and no `structuredContent` unless the server runs with
    /// `--results structured`.
    const BULK: bool = false;

    /// The text the model reads. For bulk the first line says what follows: counts, `truncated`,
    /// `next`, origin; with `--results structured` that line is all the text there is.
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether something was left out that another call would return.
    fn truncated(&self) -> bool {
        false
    }

    /// How much the tool itself altered of the text from outside to show it. Core shows what a tool
    /// hasn't shown, and says in the first line what was altered.
    fn altered(&self) -> Altered {
        Altered::default()
    }

    /// Images and audio that go with the text.
    fn take_media(&mut self) -> Vec<Media> {
        Vec::new()
    }
}

/// An image or a sound.
#[derive(Debug, Clone)]
pub struct Media {
    /// What kind of content it is.
    pub kind: MediaKind,
    /// The bytes, encoded as base64.
    pub data: String,
    /// MIME type, for example `image/png`.
    pub mime_type: String,
}

/// See [`Media`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// MCP `image` content.
    Image,
    /// MCP `audio` content.
    Audio,
}

/// How results are sent: `--results`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Results {
    /// Bulk as text, small records as data with a compact text.
    #[default]
    Text,
    /// Everything as data, for hosts that call tools from code.
    Structured,
}

/// Bulk pages itself by its text. The same as data is longer, with its keys and quotes around each
/// item, and a full page must not fail for that.
const DATA_OF_BULK: usize = 4;

/// A rendered result.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) structured: Option<Value>,
    pub(crate) media: Vec<Media>,
    pub(crate) truncated: bool,
    pub(crate) altered: Altered,
    pub(crate) seen: Seen,
}

impl Answer {
    /// Renders `output` for a server that sends results as `results`, shown as `outside` says,
    /// within `cap` bytes.
    pub(crate) fn render<O: Output>(
        mut output: O,
        results: Results,
        outside: Outside,
        cap: usize,
    ) -> Result<Self, ToolError> {
        let media = output.take_media();
        let truncated = output.truncated();
        let mut text = output.text();
        let mut structured = None;
        if !O::BULK || results == Results::Structured {
            let value = serde_json::to_value(&output).map_err(|error| {
                ToolError::new("internal", format!("the result can't be encoded: {error}"))
            })?;
            structured = Some(value);
        }
        let mut altered = output.altered();
        let mut found = Altered::default();
        if let Some(value) = &mut structured {
            found = outside.show_value(value);
            // An escape within JSON would not be one of JSON's.
            if !found.is_none() && !O::BULK && text.starts_with('{') {
                text = value.to_string();
            }
        }
        let in_text = outside.show_in(&mut text);
        if structured.is_none() || found.is_none() {
            found = in_text;
        }
        if O::BULK && results == Results::Structured {
            let line = text.find('\n').unwrap_or(text.len());
            text.truncate(line);
        }
        altered += found;
        if !altered.is_none() {
            mark(&mut text, &altered.to_string());
        }
        let seen = Ongoing::current().map(|ongoing| ongoing.seen()).unwrap_or_default();
        if seen.withheld > 0 {
            mark(&mut text, &format!("withheld: {} of untrusted origin", seen.withheld));
        }
        let mut answer = Self { text, structured, media, truncated, altered, seen };
        answer.cap(cap, if O::BULK { DATA_OF_BULK } else { 1 })?;
        Ok(answer)
    }

    /// Tools page their own results at items; this is the wall behind them.
    fn cap(&mut self, cap: usize, data: usize) -> Result<(), ToolError> {
        if let Some(structured) = &self.structured {
            let wall = cap * data + 2_000;
            let size = serde_json::to_vec(structured).map_or(0, |json| json.len());
            if size > wall {
                return Err(ToolError::new(
                    "too_large",
                    format!("the result has {size} bytes, the limit is {wall}"),
                )
                .hint("ask for less: a smaller limit, fewer paths or a narrower filter"));
            }
        }
        if self.text.len() > cap {
            let end = floor_char_boundary(&self.text, cap.saturating_sub(NOTE));
            let line = self.text.get(..end).and_then(|head| head.rfind('\n')).unwrap_or(end);
            let left = self.text.len() - line;
            self.text.truncate(line);
            self.text.push_str(&format!("\n[truncated: {left} bytes left out; ask for less]"));
            self.truncated = true;
        }
        Ok(())
    }
}

/// Says something in the line that opens a text; where there is none it gets one.
pub(crate) fn mark(text: &mut String, said: &str) {
    let end = text.find('\n').unwrap_or(text.len());
    let line = text.get(..end).unwrap_or_default();
    if line.starts_with('[') && line.ends_with(']') {
        text.insert_str(end - 1, &format!("; {said}"));
    } else {
        text.insert_str(0, &format!("[{said}]\n"));
    }
}

/// Room for the note that says what the wall cut.
const NOTE: usize = 80;

/// Collects whole items until the room is used up, so that answers are cut between items.
#[derive(Debug)]
pub struct Room {
    text: String,
    left: usize,
    items: usize,
}

impl Room {
    /// Room for `bytes` of text.
    pub fn new(bytes: usize) -> Self {
        Self { text: String::new(), left: bytes, items: 0 }
    }

    /// Adds an item if it fits. The first one always does: an answer that could never hold an item
    /// would never end.
    pub fn push(&mut self, item: &str) -> bool {
        if item.len() > self.left && self.items > 0 {
            return false;
        }
        self.text.push_str(item);
        self.left = self.left.saturating_sub(item.len());
        self.items += 1;
        true
    }

    /// How many items were added.
    pub fn items(&self) -> usize {
        self.items
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The items, one after another.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Bulk {
        lines: Vec<String>,
    }

    impl Output for Bulk {
        const BULK: bool = true;

        fn text(&self) -> String {
            format!("{} lines\n{}", self.lines.len(), self.lines.join("\n"))
        }
    }

    #[test]
    fn bulk_travels_once() {
        let bulk = || Bulk { lines: vec!["a".into(), "b".into()] };
        let text = Answer::render(bulk(), Results::Text, Outside::default(), 100).unwrap();
        assert_eq!((text.text.as_str(), text.structured), ("2 lines\na\nb", None));
        let data = Answer::render(bulk(), Results::Structured, Outside::default(), 100).unwrap();
        assert_eq!(data.text, "2 lines");
        assert_eq!(data.structured.unwrap(), serde_json::json!({"lines": ["a", "b"]}));
    }

    #[derive(Serialize, JsonSchema)]
    struct Record {
        name: String,
    }

    impl Output for Record {}

    #[test]
    fn what_was_altered_is_said_where_it_is_read() {
        let render = |text: &str, results| {
            let bulk = Bulk { lines: vec![text.to_owned()] };
            Answer::render(bulk, results, Outside::default(), 1_000).unwrap()
        };
        let text = render("a\u{202e}b", Results::Text);
        assert_eq!(text.text, "[altered: 1 escaped]\n1 lines\na\\u{202e}b");
        assert_eq!(text.altered.escaped, 1);
        let data = render("a\u{202e}b", Results::Structured);
        assert_eq!(data.text, "[altered: 1 escaped]\n1 lines");
        assert_eq!(data.structured.unwrap(), serde_json::json!({"lines": ["a\\u{202e}b"]}));
        let record = Record { name: "\u{1b}[2J\u{feff}".to_owned() };
        let record = Answer::render(record, Results::Text, Outside::default(), 1_000).unwrap();
        let (mark, json) = record.text.split_once('\n').unwrap();
        assert_eq!(mark, "[altered: 2 escaped]");
        assert_eq!(serde_json::from_str::<Value>(json).unwrap(), record.structured.unwrap());
        let mut header = "[1 file; version x]\nabc".to_owned();
        mark_in(&mut header);
        assert_eq!(header, "[1 file; version x; altered: 2 redacted]\nabc");
    }

    fn mark_in(text: &mut String) {
        mark(text, &Altered { escaped: 0, redacted: 2 }.to_string());
    }

    #[test]
    fn the_wall_says_what_it_cut() {
        let bulk = Bulk { lines: vec!["x".repeat(99); 100] };
        let answer = Answer::render(bulk, Results::Text, Outside::default(), 1_000).unwrap();
        assert!(answer.truncated);
        assert!(answer.text.len() <= 1_000);
        assert!(answer.text.ends_with("bytes left out; ask for less]"), "{}", answer.text);
        let data = Bulk { lines: vec!["x".repeat(99); 100] };
        let error =
            Answer::render(data, Results::Structured, Outside::default(), 1_000).unwrap_err();
        assert_eq!(error.code(), "too_large");
    }

    #[test]
    fn room_is_filled_with_whole_items() {
        let mut room = Room::new(5);
        assert!(room.push("a long first item"));
        assert!(!room.push("b"));
        assert_eq!((room.items(), room.into_text().as_str()), (1, "a long first item"));
    }
}

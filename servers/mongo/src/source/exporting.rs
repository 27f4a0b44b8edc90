//! Exports: documents as lines of a file. What one call doesn't finish is kept for the next, with its
//! cursor.

use std::collections::BTreeSet;
use std::time::Instant;

use bson::Document;
use lockkeeper_core::{Filled, Filling, Masks, ToolError};

use super::Mongo;
use super::error::MongoError;
use super::reading::Documents;
use crate::ejson::{Form, Hidden, Veil, Writer};
use crate::page::{Written, cell};

/// As many are kept between calls; the oldest makes room.
pub(crate) const MOST: usize = 2;

/// Bytes of documents that wait for their columns, at most.
const WAITING: usize = 1024 * 1024;

/// Documents whose fields become the columns of a table.
const SAMPLED: usize = 1_000;

/// The column of what has none.
const OTHER: &str = "_other";

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// One JSON array, each type named.
    Ejson,
    /// A line of relaxed Extended JSON each.
    Jsonl,
    Csv,
}

/// Documents on their way into a file.
pub(crate) struct Selected {
    documents: Documents,
    writer: Writer,
    lines: Lines,
    table: Table,
    /// What comes before the first document.
    head: String,
    /// Documents so far.
    count: u64,
}

/// The columns of a table, and the documents before they are known.
#[derive(Debug, Default)]
struct Table {
    columns: Option<Vec<String>>,
    /// Whether there is a column for what has none.
    has_other: bool,
    waiting: Vec<String>,
    /// Bytes that wait.
    bytes: usize,
}

impl Selected {
    pub(crate) fn new(
        documents: Documents,
        masks: &Masks,
        lines: Lines,
        projection: Option<&Document>,
    ) -> Self {
        let veil = documents
            .shape
            .is_ruled()
            .then(|| Veil::new(Box::new(documents.shape.clone()), masks.clone()));
        let form = if lines == Lines::Ejson { Form::Canonical } else { Form::Relaxed };
        let columns = projection.and_then(selected);
        let (mut table, mut head) = (Table::default(), String::new());
        match (lines, columns) {
            (Lines::Ejson, _) => head.push('['),
            (Lines::Csv, Some(columns)) => table.begin(columns, false, &mut head),
            _ => {}
        }
        Self { documents, writer: Writer::new(form).behind(veil), lines, table, head, count: 0 }
    }

    fn end(&mut self, text: &mut String) {
        match self.lines {
            Lines::Ejson => text.push_str("\n]\n"),
            Lines::Jsonl => {}
            Lines::Csv => self.table.sample(text, false),
        }
    }

    /// What the policy hid.
    pub(crate) fn hidden(&self) -> Hidden {
        self.writer.hidden()
    }

    /// Whether fields that came late are in a column of their own.
    pub(crate) fn has_other(&self) -> bool {
        self.table.has_other
    }
}

impl Filling<Mongo> for Selected {
    async fn fill(
        &mut self,
        mongo: &Mongo,
        text: &mut String,
        enough: usize,
        until: Instant,
    ) -> Result<Filled, ToolError> {
        text.push_str(&std::mem::take(&mut self.head));
        while text.len() < enough {
            // What was asked for goes on, and the next call waits for it again.
            let next = tokio::time::timeout_at(until.into(), self.documents.next(mongo)).await;
            let Ok(document) = next else { return Ok(Filled::Late) };
            let Some(document) = document? else {
                self.end(text);
                return Ok(Filled::All);
            };
            let mut line = String::new();
            let target = if self.lines == Lines::Csv { &mut line } else { &mut *text };
            if self.lines == Lines::Ejson {
                target.push_str(if self.count > 0 { ",\n" } else { "\n" });
            }
            let written = self.writer.document(document.as_bytes(), target);
            written.map_err(MongoError::Malformed)?;
            match self.lines {
                Lines::Ejson => {}
                Lines::Jsonl => text.push('\n'),
                Lines::Csv => self.table.push(line, text),
            }
            self.count += 1;
        }
        Ok(Filled::Piece)
    }

    fn count(&self) -> u64 {
        self.count
    }
}

impl Table {
    fn push(&mut self, line: String, out: &mut String) {
        if self.columns.is_some() {
            return self.row(&line, out);
        }
        self.bytes += line.len();
        self.waiting.push(line);
        if self.waiting.len() >= SAMPLED || self.bytes >= WAITING {
            self.sample(out, true);
        }
    }

    /// Decides the columns by the documents that are here. If `more` come, they may have others.
    fn sample(&mut self, out: &mut String, more: bool) {
        if self.columns.is_some() {
            return;
        }
        let (mut columns, mut known) = (Vec::new(), BTreeSet::new());
        for line in &self.waiting {
            for (name, _) in fields(line) {
                if known.insert(name.clone()) {
                    columns.push(name);
                }
            }
        }
        self.begin(columns, more, out);
        self.bytes = 0;
        for line in std::mem::take(&mut self.waiting) {
            self.row(&line, out);
        }
    }

    fn begin(&mut self, columns: Vec<String>, has_other: bool, out: &mut String) {
        let other = has_other.then_some(OTHER);
        let names = columns.iter().map(String::as_str).chain(other);
        let names: Vec<String> = names.map(quoted).collect();
        out.push_str(&names.join(","));
        out.push('\n');
        self.columns = Some(columns);
        self.has_other = has_other;
    }

    fn row(&self, line: &str, out: &mut String) {
        let columns = self.columns.as_deref().unwrap_or_default();
        let mut fields = fields(line);
        for (n, column) in columns.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            if let Some(at) = fields.iter().position(|(name, _)| name == column) {
                let (_, value) = fields.remove(at);
                if value != "null" {
                    out.push_str(&quoted(&text_of(&value)));
                }
            }
        }
        if self.has_other {
            out.push(',');
            if !fields.is_empty() {
                let rest = fields.iter().map(|(name, value)| {
                    format!("{}:{value}", serde_json::Value::from(name.as_str()))
                });
                out.push_str(&quoted(&format!("{{{}}}", rest.collect::<Vec<_>>().join(","))));
            }
        }
        out.push('\n');
    }
}

/// The fields of a document as it is written.
fn fields(line: &str) -> Vec<(String, String)> {
    let written = serde_json::from_str::<Written<'_>>(line).map(|written| written.0);
    let written = written.unwrap_or_default().into_iter();
    written.map(|(name, value)| (name, value.get().to_owned())).collect()
}

/// A value as text: strings as they are, ids, dates and numbers without the name of their type.
fn text_of(json: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(serde_json::Value::String(text)) => text,
        _ => cell(json),
    }
}

/// A field of a row (RFC 4180).
fn quoted(text: &str) -> String {
    let special = |c: char| matches!(c, ',' | '"' | '\n' | '\r');
    let spaced = text.starts_with(' ') || text.ends_with(' ');
    // Nothing is null; an empty text is not.
    if text.is_empty() || spaced || text.contains(special) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// The columns that a projection selects, if it names whole fields and nothing else: these in their
/// order, behind `_id`.
fn selected(projection: &Document) -> Option<Vec<String>> {
    let yes = |value: &bson::Bson| match value {
        bson::Bson::Boolean(yes) => Some(*yes),
        bson::Bson::Int32(n) => Some(*n != 0),
        bson::Bson::Int64(n) => Some(*n != 0),
        _ => None,
    };
    let mut columns = vec!["_id".to_owned()];
    for (name, value) in projection {
        match (name.as_str(), yes(value)?) {
            ("_id", true) => {}
            ("_id", false) => columns.retain(|column| column != "_id"),
            (name, true) if !name.contains('.') => columns.push(name.to_owned()),
            _ => return None,
        }
    }
    (columns.iter().any(|column| column != "_id")).then_some(columns)
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn table(lines: &[&str], more: &[&str]) -> String {
        let (mut table, mut out) = (Table::default(), String::new());
        for line in lines {
            table.push((*line).to_owned(), &mut out);
        }
        table.sample(&mut out, !more.is_empty());
        for line in more {
            table.push((*line).to_owned(), &mut out);
        }
        out
    }

    #[test]
    fn rows_lose_nothing() {
        let first = [
            r#"{"_id":{"$oid":"5f"},"b":"x, \"y\"\nz","e":""}"#,
            r#"{"a":[1,{"c":null}],"_id":2.0,"n":null}"#,
        ];
        assert_eq!(
            table(&first, &[]),
            "_id,b,e,a,n\n5f,\"x, \"\"y\"\"\nz\",\"\",,\n2.0,,,\"[1,{\"\"c\"\":null}]\",\n"
        );
        assert_eq!(
            table(&[r#"{"a":1}"#], &[r#"{"b":{"$date":"2024-01-01T00:00:00Z"},"a":2}"#]),
            "a,_other\n1,\n2,\"{\"\"b\"\":{\"\"$date\"\":\"\"2024-01-01T00:00:00Z\"\"}}\"\n"
        );
        assert_eq!(table(&[], &[]), "\n");
    }

    #[test]
    fn a_projection_of_names_decides_the_columns() {
        assert_eq!(selected(&doc! { "b": 1, "a": true }).unwrap(), ["_id", "b", "a"]);
        assert_eq!(selected(&doc! { "_id": 0, "a": 1 }).unwrap(), ["a"]);
        for other in
            [doc! {}, doc! { "a": 0 }, doc! { "a.b": 1 }, doc! { "a": "$b" }, doc! { "_id": 1 }]
        {
            assert_eq!(selected(&other), None, "{other}");
        }
    }
}

//! Documents as the text of an answer: a line each, until the page or the answer is full.

use lockkeeper_core::{Altered, Cx, Output, Read, Room, ToolError, count, grouped, quoted};
use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::ejson::{Form, Veil, Writer};
use crate::source::Mongo;
use crate::source::error::MongoError;
use crate::source::reading::Documents;

/// Documents of a page, unless fewer or more are asked for.
pub(crate) const DOCUMENTS: u64 = 20;

/// How documents are written as text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, DeriveDeserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Relaxed,
    Canonical,
    Table,
}

/// A page of documents.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Page {
    documents: Vec<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    altered: Altered,
}

impl Output for Page {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.text.clone()
    }

    fn truncated(&self) -> bool {
        self.next.is_some()
    }

    fn altered(&self) -> Altered {
        self.altered
    }
}

impl Page {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.starts_with("[0 ")
    }
}

/// What a page is made of.
pub(crate) struct Paging<'a> {
    /// What the documents are from, as the opening line names it.
    pub(crate) origin: String,
    pub(crate) format: Format,
    /// Documents at most.
    pub(crate) most: u64,
    /// Documents on the pages before.
    pub(crate) read: u64,
    /// What else the opening line says.
    pub(crate) note: Option<&'a str>,
}

impl Paging<'_> {
    /// Fills a page. What is left of the documents is kept for the next one.
    pub(crate) async fn fill(
        &self,
        cx: &Cx<'_, Mongo, Read>,
        mut documents: Documents,
    ) -> Result<Page, ToolError> {
        let mongo = cx.source();
        let form = match self.format {
            Format::Canonical => Form::Canonical,
            Format::Relaxed | Format::Table => Form::Relaxed,
        };
        let veil = mongo
            .restricts()
            .then(|| Veil::new(Box::new(documents.shape.clone()), mongo.masks.clone()));
        let mut writer = Writer::new(form).behind(veil);
        let mut room = Room::new(cx.max_output());
        let mut page = Page::default();
        let (mut lines, mut cut, mut hidden) = (Vec::new(), Vec::new(), writer.hidden());
        let mut line = String::new();
        let (mut taken, mut more) = (0, false);
        while let Some(document) = documents.next(mongo).await? {
            line.clear();
            writer.document(document.as_bytes(), &mut line).map_err(MongoError::Malformed)?;
            line.push('\n');
            let mut shown = cx.outside().show(&line);
            if taken == 0 && shown.text.len() > cx.max_output() {
                let (short, left_out) = shortened(&line, cx.max_output());
                cut = left_out;
                line = short;
                shown = cx.outside().show(&line);
            }
            if taken == self.most || !room.push(&shown.text) {
                documents.put_back();
                more = true;
                break;
            }
            if cx.wants_data() {
                page.documents.extend(serde_json::from_str(&line).ok());
            }
            if self.format == Format::Table {
                lines.push(line.clone());
            }
            page.altered += shown.altered();
            hidden = writer.hidden();
            taken += 1;
        }
        page.altered.redacted += hidden.masked;
        let text = match self.format {
            Format::Table => cx.outside().show(&table(&lines)).text.into_owned(),
            _ => room.into_text(),
        };
        page.next = more.then(|| {
            let read = self.read + taken;
            cx.next(&[mongo.cursors.keep(documents), read])
        });
        let mut opening = self.opening(taken, page.next.as_deref());
        if hidden.omitted > 0 {
            opening.push_str(&format!("; {} hidden by the policy", count(hidden.omitted, "field")));
        }
        if !cut.is_empty() {
            let names: Vec<String> = cut.iter().take(20).map(|name| quoted(name)).collect();
            opening.push_str(&format!(
                "; too long, so without {}: project what you need",
                names.join(", ")
            ));
        }
        page.text = opening + "]\n" + &text;
        Ok(page)
    }

    fn opening(&self, taken: u64, next: Option<&str>) -> String {
        let mut line = format!("[{} of {}", count(taken, "document"), self.origin);
        if self.read > 0 {
            line.push_str(&format!(" from {}", grouped(self.read + 1)));
        }
        if let Some(next) = next {
            line.push_str(&format!("; truncated, next: cursor {next}"));
        }
        if let Some(note) = self.note {
            line.push_str(&format!("; {note}"));
        }
        line
    }
}

/// The fields of a document as they are written, in their order.
pub(crate) struct Written<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Written<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Written<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a document")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<String, &RawValue>()? {
                    fields.push(field);
                }
                Ok(Written(fields))
            }
        }
        from.deserialize_map(InOrder)
    }
}

/// As many whole fields of a document as there is room for, and the names of the others.
fn shortened(document: &str, room: usize) -> (String, Vec<String>) {
    let fields = serde_json::from_str::<Written<'_>>(document).map(|written| written.0);
    // Hidden characters take more room when they are shown.
    let room = room / 2;
    let mut out = String::from("{");
    let mut left_out = Vec::new();
    for (name, value) in fields.unwrap_or_default() {
        let field = format!("{}:{}", Value::from(name.as_str()), value.get());
        if out.len() + field.len() + 3 > room {
            left_out.push(name);
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&field);
    }
    out.push_str("}\n");
    (out, left_out)
}

/// Documents as rows of their fields, tabs between them.
pub(crate) fn table(lines: &[String]) -> String {
    let rows: Vec<Vec<(String, &RawValue)>> = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Written<'_>>(line).ok())
        .map(|written| written.0)
        .collect();
    let mut columns: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let mut out = String::new();
    let names: Vec<String> = columns.iter().map(|name| cell_of_text(name)).collect();
    out.push_str(&names.join("\t"));
    out.push('\n');
    for row in &rows {
        for (n, column) in columns.iter().enumerate() {
            if n > 0 {
                out.push('\t');
            }
            if let Some((_, value)) = row.iter().find(|(name, _)| name == column) {
                out.push_str(&cell(value.get()));
            }
        }
        out.push('\n');
    }
    out
}

/// A value in a row: text without its quotes, ids, dates and numbers without the name of their type.
pub(crate) fn cell(json: &str) -> String {
    const PLAIN: [&str; 5] = ["$oid", "$date", "$numberLong", "$numberDecimal", "$numberDouble"];
    match serde_json::from_str::<Value>(json) {
        Ok(Value::String(text)) => cell_of_text(&text),
        Ok(Value::Object(object)) if object.len() == 1 => match object.iter().next() {
            Some((name, Value::String(text))) if PLAIN.contains(&name.as_str()) => text.clone(),
            _ => json.to_owned(),
        },
        _ => json.to_owned(),
    }
}

fn cell_of_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_columns_of_all_documents() {
        let lines = [
            r#"{"_id":{"$oid":"5f"},"b":"x\ty","a":1}"#.to_owned(),
            r#"{"_id":2,"c":{"z":1,"a":null}}"#.to_owned(),
        ];
        assert_eq!(table(&lines), "_id\tb\ta\tc\n5f\tx\\ty\t1\t\n2\t\t\t{\"z\":1,\"a\":null}\n");
    }

    #[test]
    fn a_document_is_cut_between_fields() {
        let document = format!(r#"{{"z":1,"text":"{}","a":[1,2]}}"#, "x".repeat(500));
        let (short, left_out) = shortened(&document, 200);
        assert_eq!(
            (short.as_str(), left_out),
            ("{\"z\":1,\"a\":[1,2]}\n", vec!["text".to_owned()])
        );
    }
}

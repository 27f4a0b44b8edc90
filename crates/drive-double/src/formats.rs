//! What Google's types can be exported as and made of, and the conversions that the double does itself.

use serde_json::{Map, Value, json};

use crate::content::Content;
use crate::seed::mime;
use crate::world::File;

/// What an export may have at most.
pub(crate) const MOST_EXPORTED: u64 = 10 * 1024 * 1024;

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// The types that one of Google's can be exported as.
pub(crate) fn exports(native: &str) -> Vec<&'static str> {
    match native {
        mime::DOCUMENT => vec![
            "application/rtf",
            "application/vnd.oasis.opendocument.text",
            "text/html",
            "application/pdf",
            "text/x-markdown",
            "text/markdown",
            "application/epub+zip",
            "application/zip",
            DOCX,
            "text/plain",
        ],
        mime::SPREADSHEET => vec![
            "application/x-vnd.oasis.opendocument.spreadsheet",
            "text/tab-separated-values",
            "application/pdf",
            XLSX,
            "text/csv",
            "application/zip",
            "application/vnd.oasis.opendocument.spreadsheet",
        ],
        mime::PRESENTATION => vec![
            "application/vnd.oasis.opendocument.presentation",
            "application/pdf",
            PPTX,
            "text/plain",
        ],
        "application/vnd.google-apps.drawing" => {
            vec!["image/svg+xml", "image/png", "application/pdf", "image/jpeg"]
        }
        "application/vnd.google-apps.script" => vec!["application/vnd.google-apps.script+json"],
        _ => Vec::new(),
    }
}

/// `about.exportFormats`.
pub(crate) fn all_exports() -> Value {
    let natives = [
        mime::DOCUMENT,
        mime::SPREADSHEET,
        mime::PRESENTATION,
        "application/vnd.google-apps.drawing",
        "application/vnd.google-apps.script",
    ];
    Value::Object(natives.iter().map(|kind| ((*kind).to_owned(), json!(exports(kind)))).collect())
}

/// `about.importFormats`.
pub(crate) fn all_imports() -> Value {
    let imports = [
        (mime::DOCUMENT, ["text/markdown", "text/plain", "text/html", DOCX, "application/rtf"]),
        (
            mime::SPREADSHEET,
            [
                "text/csv",
                "text/tab-separated-values",
                XLSX,
                "application/vnd.ms-excel",
                "text/x-csv",
            ],
        ),
    ];
    let mut all = Map::new();
    for (native, kinds) in imports {
        for kind in kinds {
            all.insert(kind.to_owned(), json!([native]));
        }
    }
    all.insert(PPTX.to_owned(), json!([mime::PRESENTATION]));
    Value::Object(all)
}

/// Whether content of one type can become one of Google's.
pub(crate) fn converts(from: &str, native: &str) -> bool {
    all_imports()[from].as_array().is_some_and(|all| all.iter().any(|one| one == native))
}

/// A Google file as another type: what the seed said, or what the double makes of its text.
pub(crate) fn export(file: &File, kind: &str) -> Option<Content> {
    if !exports(&file.mime_type).contains(&kind) {
        return None;
    }
    if let Some(content) = file.exports.get(kind) {
        return Some(content.clone());
    }
    let text = file.text();
    let made = match (file.mime_type.as_str(), kind) {
        (mime::DOCUMENT, "text/markdown" | "text/x-markdown") => text.to_owned(),
        (mime::DOCUMENT | mime::PRESENTATION, "text/plain") => format!("\u{feff}{}", plain(text)),
        (mime::DOCUMENT, "text/html") => format!(
            "<html><head><meta charset=\"utf-8\"></head><body><p>{}</p></body></html>",
            plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('\n', "</p><p>")
        ),
        // Only the first tab.
        (mime::SPREADSHEET, "text/csv") => separated(file, ','),
        (mime::SPREADSHEET, "text/tab-separated-values") => separated(file, '\t'),
        _ => format!("the double has no {kind} of this file: seed one with NewFile::export\n"),
    };
    Some(Content::kept(made))
}

/// Markdown without its marks.
pub(crate) fn plain(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| line.trim_start_matches(['#', '>']).trim_start());
    lines.map(|line| line.replace("**", "").replace('`', "")).collect::<Vec<_>>().join("\r\n")
}

fn separated(file: &File, separator: char) -> String {
    let rows = file.sheets.first().map(|sheet| sheet.rows.as_slice()).unwrap_or_default();
    let rows = rows.iter().map(|row| {
        let cells = row.iter().map(|cell| {
            let text = shown(cell);
            if separator == ',' && text.contains([',', '"', '\n']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            }
        });
        cells.collect::<Vec<_>>().join(&separator.to_string())
    });
    rows.collect::<Vec<_>>().join("\r\n")
}

/// A cell as it is shown.
pub(crate) fn shown(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "TRUE".to_owned(),
        Value::Bool(false) => "FALSE".to_owned(),
        other => other.to_string(),
    }
}

/// The rows of a text with separated values.
pub(crate) fn rows(text: &str, separator: char) -> Vec<Vec<Value>> {
    let mut rows = vec![Vec::new()];
    let (mut cell, mut quoted) = (String::new(), false);
    let mut characters = text.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            '\r' if !quoted => {}
            '\n' if !quoted => {
                push(&mut rows, &mut cell);
                rows.push(Vec::new());
            }
            other if other == separator && !quoted => push(&mut rows, &mut cell),
            other => cell.push(other),
        }
    }
    push(&mut rows, &mut cell);
    rows
}

fn push(rows: &mut [Vec<Value>], cell: &mut String) {
    let cell = std::mem::take(cell);
    if let Some(row) = rows.last_mut() {
        row.push(cell.parse().map_or_else(|_| json!(cell), |number: i64| json!(number)));
    }
}

//! Files as lines: one each, the same in every tool. And the answer that holds such lines.

use lockkeeper_core::{Altered, Cx, EffectKind, Media, Output, ToolError};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::source::{Found, Place, Source, SourceError};

/// What the columns are.
pub(crate) const COLUMNS: &str = "id\ttype\tsize\tmodified\tname\n";

/// An answer: a line that opens it, then text; or the same as data.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) items: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    /// What the answer is about, and what was left out.
    pub(crate) about: String,
    #[serde(skip)]
    pub(crate) body: String,
    #[serde(skip)]
    pub(crate) altered: Altered,
    #[serde(skip)]
    pub(crate) media: Vec<Media>,
}

impl Answer {
    /// An answer about this.
    pub(crate) fn about(about: impl Into<String>) -> Self {
        Self { about: about.into(), ..Self::default() }
    }

    /// Says one more thing in the line that opens it.
    pub(crate) fn note(&mut self, note: &str) {
        if !self.about.is_empty() {
            self.about.push_str("; ");
        }
        self.about.push_str(note);
    }

    /// Adds a line and what it says as data.
    pub(crate) fn push(&mut self, line: &str, item: Value) {
        self.body.push_str(line);
        self.items.push(item);
    }
}

impl Output for Answer {
    const BULK: bool = true;

    fn text(&self) -> String {
        let next = self.next.as_ref().map(|next| format!("; truncated, next: cursor {next}"));
        format!("[{}{}]\n{}", plain(&self.about), next.unwrap_or_default(), self.body)
    }

    fn truncated(&self) -> bool {
        self.next.is_some()
    }

    fn altered(&self) -> Altered {
        self.altered
    }

    fn take_media(&mut self) -> Vec<Media> {
        std::mem::take(&mut self.media)
    }
}

/// A small record of a change that was made.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Done {
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
    /// cursor to go on with
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl Done {
    /// What was done to a file.
    pub(crate) fn of(state: &'static str, found: &Found) -> Self {
        Self {
            state,
            id: Some(found.id().to_owned()),
            name: Some(found.name().to_owned()),
            revision: (!found.is_folder()).then(|| found.revision()),
            ..Self::default()
        }
    }
}

impl Output for Done {
    // No schema of it in each listing: the text says it all.
    const BULK: bool = true;

    fn truncated(&self) -> bool {
        self.next.is_some()
    }
}

/// One line.
pub(crate) fn line(found: &Found) -> String {
    let file = found.file();
    let size = file.size.map(|size| size.to_string()).unwrap_or_default();
    let end = if found.is_folder() { "/" } else { "" };
    let trashed = if file.trashed == Some(true) { "\t(trashed)" } else { "" };
    let (id, kind, modified) = (found.id(), kind(found.mime()), modified(found));
    format!("{id}\t{kind}\t{size}\t{modified}\t{}{end}{trashed}\n", plain(found.name()))
}

/// The same as data.
pub(crate) fn item(found: &Found) -> Value {
    json!({
        "id": found.id(),
        "type": kind(found.mime()),
        "size": found.file().size,
        "modified": modified(found),
        "name": found.name(),
    })
}

fn modified(found: &Found) -> String {
    found.file().modified_time.map(rfc3339).unwrap_or_default()
}

/// A time as it is shown.
pub(crate) fn rfc3339(time: chrono::DateTime<chrono::Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A short word for a type, or the type.
pub(crate) fn kind(mime: &str) -> &str {
    match mime.strip_prefix("application/vnd.google-apps.") {
        Some("document") => "doc",
        Some("spreadsheet") => "sheet",
        Some("presentation") => "slides",
        Some(other) => other,
        None => match mime {
            "application/pdf" => "pdf",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation" => "pptx",
            mime => mime,
        },
    }
}

/// A name within a line: what would end it is written as in JSON.
pub(crate) fn plain(name: &str) -> String {
    if name.contains(|c: char| c.is_control()) {
        return Value::from(name).to_string();
    }
    name.to_owned()
}

/// What is said where rules of the settings are in force. Not how much they hide: that would tell of it.
pub(crate) const FILTERED: &str = "filtered: only what the settings allow is shown";

/// The place behind a cursor.
pub(crate) fn page<E: EffectKind>(
    cx: &Cx<'_, Source, E>,
    cursor: Option<&str>,
) -> Result<Place, ToolError> {
    let Some(position) = cx.resume(cursor)? else { return Ok(Place::default()) };
    let page = position.first().and_then(|id| cx.source().pages.look(*id));
    let expired = SourceError::Expired {
        what: "the place in this listing",
        hint: "start again without cursor",
    };
    Ok(page.ok_or(expired)?)
}

/// The cursor for a place.
pub(crate) fn next<E: EffectKind>(cx: &Cx<'_, Source, E>, page: Option<Place>) -> Option<String> {
    page.map(|page| cx.next(&[cx.source().pages.keep(page)]))
}

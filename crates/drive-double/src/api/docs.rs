//! Docs: a document with its tabs.

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::formats::plain;
use crate::seed::mime;
use crate::world::World;

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let missing = || ApiError::worded(404, "NOT_FOUND", "Requested entity was not found.");
    let file = call.named(world, call.id("documentId")).map_err(|_| missing())?;
    if file.mime_type != mime::DOCUMENT {
        let message = "This operation is not supported for this document";
        return Err(ApiError::worded(400, "FAILED_PRECONDITION", message));
    }
    let mut document = json!({
        "documentId": file.id,
        "title": file.name,
        "revisionId": file.head().map(|head| head.id.as_str()).unwrap_or_default(),
        "suggestionsViewMode": "SUGGESTIONS_INLINE",
    });
    if !call.flag("includeTabsContent") {
        document["body"] = body(file.tabs.first().map_or(file.text(), |(_, text)| text));
        return Ok(Answer::Json(document));
    }
    let tabs = match file.tabs.as_slice() {
        [] => vec![("Tab 1".to_owned(), file.text().to_owned())],
        tabs => tabs.to_vec(),
    };
    let tabs = tabs.iter().enumerate().map(|(index, (title, text))| {
        json!({
            "tabProperties": { "tabId": format!("t.{index}"), "title": title, "index": index },
            "documentTab": { "body": body(text) },
        })
    });
    document["tabs"] = Value::Array(tabs.collect());
    Ok(Answer::Json(document))
}

/// Paragraphs; headings keep their level as a named style.
fn body(markdown: &str) -> Value {
    let mut content = vec![json!({ "endIndex": 1, "sectionBreak": {} })];
    let mut at = 1;
    for line in markdown.lines() {
        let level = line.chars().take_while(|c| *c == '#').count().min(6);
        let style = if level == 0 { "NORMAL_TEXT".to_owned() } else { format!("HEADING_{level}") };
        let text = format!("{}\n", plain(line));
        let end = at + text.encode_utf16().count();
        content.push(json!({
            "startIndex": at,
            "endIndex": end,
            "paragraph": {
                "elements": [{
                    "startIndex": at,
                    "endIndex": end,
                    "textRun": { "content": text, "textStyle": {} },
                }],
                "paragraphStyle": { "namedStyleType": style, "direction": "LEFT_TO_RIGHT" },
            },
        }));
        at = end;
    }
    json!({ "content": content })
}

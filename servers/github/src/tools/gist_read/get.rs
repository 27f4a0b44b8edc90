//! One gist, and the text of one of its files.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, cell, find};
use crate::fetch::{Page, View, record};
use crate::shapes::GIST_FULL;
use crate::source::Source;

pub(super) struct Get;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    id: String,
    file: Option<String>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

const VIEW: View = View::record("gist", GIST_FULL);

impl Tool<Source> for Get {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(_args: &Args) -> Need {
        Need::new(Effect::Read)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: None, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let gist = cx.source().gist(&args.id).await?;
        let (head, mut value) = (gist.called(), gist.value);
        let names = find(&value, "names");
        let names: Vec<String> = names.as_array().into_iter().flatten().map(cell).collect();
        let only = names.first().filter(|_| names.len() == 1);
        let wanted = args.file.as_ref().or(only);
        if let Some(wanted) = wanted.filter(|wanted| !names.contains(wanted)) {
            let known = names.join(", ");
            let what = format!("`file`: there are only {known}, not {wanted}");
            return Err(ToolError::invalid_arguments(what));
        }
        let file = wanted.and_then(|name| value.get("files")?.get(name)).cloned();
        let is_cut =
            file.as_ref().is_some_and(|file| file.get("truncated") == Some(&Value::Bool(true)));
        if let (Some(file), Some(value)) = (file, value.as_object_mut()) {
            value.insert("file".to_owned(), find(&file, "filename"));
            value.insert("body".to_owned(), find(&file, "content"));
        }
        if let Some(value) = value.as_object_mut() {
            value.insert("files".to_owned(), json!(names));
        }
        let answer = record(&cx, &value, &VIEW, &page, head)?;
        Ok(match (wanted, is_cut) {
            (None, _) => answer.note("`file` reads one of them"),
            (Some(_), true) => answer.note("GitHub gives only the first megabyte of the file"),
            (Some(_), false) => answer,
        })
    }
}

//! Files of a gist are added, changed or taken out.

use http::Method;
use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::File;
use crate::answer::find;
use crate::change::{Done, Request};
use crate::patch::{Patch, check_text};
use crate::source::Source;

pub(super) struct Update;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    id: String,
    #[serde(default)]
    files: Vec<File>,
    description: Option<String>,
}

impl Tool<Source> for Update {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        let deleted: Vec<&str> =
            args.files.iter().filter(|file| file.delete).map(|file| file.name.as_str()).collect();
        if deleted.is_empty() {
            return Need::new(Effect::Change);
        }
        let loses = format!("{} of gist {}", deleted.join(", "), args.id);
        Need::new(Effect::Destroy).loses(loses)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        check_text(args.description.as_deref())?;
        if args.files.is_empty() && args.description.is_none() {
            return Err(ToolError::invalid_arguments("give `files` or `description`"));
        }
        let gist = cx.source().gist(&args.id).await?;
        let mut files = Map::new();
        for File { name, content, edits, delete } in args.files {
            let old = gist.value.get("files").and_then(|files| files.get(&name));
            let new = match (content, edits.is_empty(), delete, old) {
                (Some(content), true, false, _) => {
                    check_text(Some(&content))?;
                    json!({ "content": content })
                }
                (None, false, false, Some(old)) => {
                    if old.get("truncated") == Some(&Value::Bool(true)) {
                        let what = format!("`files`: {name} is too long for edits");
                        return Err(ToolError::invalid_arguments(what).hint("give `content`"));
                    }
                    let old = find(old, "content").as_str().unwrap_or_default().to_owned();
                    let patch = Patch { whole: None, edits: &edits, append: None };
                    json!({ "content": patch.apply(&old)? })
                }
                (None, true, true, Some(_)) => Value::Null,
                (_, _, _, None) => {
                    let what = format!("`files`: there is no {name}");
                    return Err(ToolError::invalid_arguments(what).hint("give its `content`"));
                }
                _ => {
                    let what = format!("`files`: {name} takes one of content, edits, delete");
                    return Err(ToolError::invalid_arguments(what));
                }
            };
            files.insert(name, new);
        }
        let files = if files.is_empty() { Value::Null } else { Value::Object(files) };
        let Request { route, body, .. } = Request::patch(gist.route()?)
            .fields([("files", files), ("description", json!(args.description))]);
        let method = (Method::PATCH, &route);
        let reply = cx.source().change(cx.grant(), gist.target()?, method, body).await?;
        Ok(Done::of("updated the gist", &reply.value))
    }
}

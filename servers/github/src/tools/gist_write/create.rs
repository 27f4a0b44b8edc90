//! A new gist of the token's user.

use http::Method;
use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::File;
use crate::change::{Done, Request};
use crate::patch::check_text;
use crate::source::{GistRef, Route, Source};

pub(super) struct Create;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    files: Vec<File>,
    description: Option<String>,
    #[serde(default)]
    public: bool,
}

impl Tool<Source> for Create {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(_args: &Args) -> Need {
        Need::new(lockkeeper_core::Effect::Add)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        check_text(args.description.as_deref())?;
        let mut files = Map::new();
        for File { name, content, edits, delete } in args.files {
            let (Some(content), true, false) = (content, edits.is_empty(), delete) else {
                let what = format!("`files`: {name} takes `content`, and nothing else");
                return Err(ToolError::invalid_arguments(what));
            };
            check_text(Some(&content))?;
            files.insert(name, json!({ "content": content }));
        }
        if files.is_empty() {
            return Err(ToolError::invalid_arguments("`files` is empty"));
        }
        let owner = cx.source().own().await?;
        let target = GistRef::of(&owner);
        let Request { route, body, .. } = Request::post(Route::outside("gists")).fields([
            ("files", Value::Object(files)),
            ("description", json!(args.description)),
            ("public", json!(args.public)),
        ]);
        let reply = cx.source().change(cx.grant(), target, (Method::POST, &route), body).await?;
        Ok(Done::of("created the gist", &reply.value))
    }
}

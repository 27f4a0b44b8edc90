//! A new pull request.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct Create;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    title: String,
    head: String,
    base: String,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Create {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "created the pull request";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(args.body.as_deref())?;
        Ok(Request::post(repo.route().at("pulls")).fields([
            ("title", json!(args.title)),
            ("head", json!(args.head)),
            ("base", json!(args.base)),
            ("body", json!(args.body)),
            ("draft", json!(args.draft)),
        ]))
    }
}

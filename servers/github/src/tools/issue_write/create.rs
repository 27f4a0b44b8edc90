//! A new issue.

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
    body: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    assignees: Vec<String>,
    milestone: Option<u64>,
    r#type: Option<String>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Create {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "created the issue";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(args.body.as_deref())?;
        Ok(Request::post(repo.route().at("issues")).fields([
            ("title", json!(args.title)),
            ("body", json!(args.body)),
            ("labels", json!(args.labels)),
            ("assignees", json!(args.assignees)),
            ("milestone", json!(args.milestone)),
            ("type", json!(args.r#type)),
        ]))
    }
}

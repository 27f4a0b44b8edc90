//! Its description, home page, topics or default branch change.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct Update;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    description: Option<String>,
    homepage: Option<String>,
    default_branch: Option<String>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Update {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "updated it";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(args.description.as_deref())?;
        Ok(Request::patch(repo.route()).fields([
            ("description", json!(args.description)),
            ("homepage", json!(args.homepage)),
            ("default_branch", json!(args.default_branch)),
        ]))
    }
}

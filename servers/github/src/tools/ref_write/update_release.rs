//! A release gets another title, text or state.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct UpdateRelease;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: u64,
    title: Option<String>,
    body: Option<String>,
    draft: Option<bool>,
    prerelease: Option<bool>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for UpdateRelease {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "updated the release";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(args.body.as_deref())?;
        Ok(Request::patch(repo.route().at("releases").number(args.id)).fields([
            ("name", json!(args.title)),
            ("body", json!(args.body)),
            ("draft", json!(args.draft)),
            ("prerelease", json!(args.prerelease)),
        ]))
    }
}

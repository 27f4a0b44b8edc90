//! A new release, and its tag if there is none.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;
use crate::source::check_ref;

pub(super) struct CreateRelease;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    /// tag
    name: String,
    title: Option<String>,
    body: Option<String>,
    /// branch or sha, for a new tag
    target: Option<String>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for CreateRelease {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "created the release";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(args.body.as_deref())?;
        check_ref("name", &args.name)?;
        Ok(Request::post(repo.route().at("releases")).fields([
            ("tag_name", json!(args.name)),
            ("name", json!(args.title)),
            ("body", json!(args.body)),
            ("target_commitish", json!(args.target)),
            ("draft", json!(args.draft)),
            ("prerelease", json!(args.prerelease)),
        ]))
    }
}

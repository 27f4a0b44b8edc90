//! A release goes; its tag stays.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct DeleteRelease;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: u64,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for DeleteRelease {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "deleted the release";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::delete(repo.route().at("releases").number(args.id)))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("release {}", args.id))
    }
}

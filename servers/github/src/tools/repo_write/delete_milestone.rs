//! A milestone goes.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct DeleteMilestone;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for DeleteMilestone {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "deleted the milestone";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::delete(repo.route().at("milestones").number(args.number)))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("milestone {}", args.number))
    }
}

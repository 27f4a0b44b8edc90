//! The review that was started goes.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct DiscardPending;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    id: u64,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for DiscardPending {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "discarded the review";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        let pull = repo.route().at("pulls").number(args.number);
        Ok(Request::delete(pull.at("reviews").number(args.id)))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("pending review {}", args.id))
    }
}

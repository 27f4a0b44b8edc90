//! Reviews are no longer asked for.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct RemoveReviewers;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    #[serde(default)]
    reviewers: Vec<String>,
    #[serde(default)]
    teams: Vec<String>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for RemoveReviewers {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "removed reviewers";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        let route = repo.route().at("pulls").number(args.number).at("requested_reviewers");
        Ok(Request::delete(route)
            .fields([("reviewers", json!(args.reviewers)), ("team_reviewers", json!(args.teams))]))
    }
}

//! Reviews are asked for.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct RequestReviewers;

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

impl Change for RequestReviewers {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "requested reviews";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        let route = repo.route().at("pulls").number(args.number).at("requested_reviewers");
        Ok(Request::post(route)
            .fields([("reviewers", json!(args.reviewers)), ("team_reviewers", json!(args.teams))]))
    }
}

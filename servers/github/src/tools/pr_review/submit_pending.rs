//! The review that was started is published.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Event;
use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct SubmitPending;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    id: u64,
    event: Event,
    body: Option<String>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for SubmitPending {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "submitted the review";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(args.body.as_deref())?;
        let pull = repo.route().at("pulls").number(args.number);
        let route = pull.at("reviews").number(args.id).at("events");
        Ok(Request::post(route).fields([("event", json!(args.event)), ("body", json!(args.body))]))
    }
}

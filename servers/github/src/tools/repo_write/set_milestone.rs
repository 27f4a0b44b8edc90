//! A milestone, new or changed.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct SetMilestone;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: Option<u64>,
    title: Option<String>,
    description: Option<String>,
    state: Option<State>,
    /// RFC 3339
    due: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Closed,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for SetMilestone {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "set the milestone";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(args.description.as_deref())?;
        let milestones = repo.route().at("milestones");
        let request = match args.number {
            Some(number) => Request::patch(milestones.number(number)),
            None if args.title.is_none() => {
                return Err(ToolError::invalid_arguments("a new milestone needs a `title`"));
            }
            None => Request::post(milestones),
        };
        Ok(request.fields([
            ("title", json!(args.title)),
            ("description", json!(args.description)),
            ("state", json!(args.state)),
            ("due_on", json!(args.due)),
        ]))
    }
}

//! A comment goes.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{On, comment};
use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct Delete;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: u64,
    on: Option<On>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Delete {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "deleted the comment";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::delete(comment(repo, args.on, args.id)))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("comment {}", args.id))
    }
}

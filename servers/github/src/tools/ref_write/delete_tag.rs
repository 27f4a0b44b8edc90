//! A tag goes.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;
use crate::source::check_ref;

pub(super) struct DeleteTag;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    name: String,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for DeleteTag {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "deleted the tag";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_ref("name", &args.name)?;
        let route = repo.route().at("git").at("refs").at("tags").path("name", &args.name)?;
        Ok(Request::delete(route))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("tag {}", args.name))
    }
}

//! A label goes, also from all issues.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct DeleteLabel;

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

impl Change for DeleteLabel {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "deleted the label";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::delete(repo.route().at("labels").name("name", &args.name)?))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("label {}", args.name))
    }
}

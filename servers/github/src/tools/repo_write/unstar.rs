//! It is no longer starred.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;
use crate::source::Route;

pub(super) struct Unstar;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Unstar {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "unstarred it";

    fn request(repo: &RepoRef, _args: &Args) -> Result<Request, ToolError> {
        let route = Route::outside("user").at("starred");
        let route = route.name("owner", repo.owner())?.name("repo", repo.name())?;
        Ok(Request::delete(route))
    }
}

//! It is starred.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;
use crate::source::Route;

pub(super) struct Star;

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

impl Change for Star {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "starred it";

    fn request(repo: &RepoRef, _args: &Args) -> Result<Request, ToolError> {
        let route = Route::outside("user").at("starred");
        let route = route.name("owner", repo.owner())?.name("repo", repo.name())?;
        Ok(Request::put(route))
    }
}

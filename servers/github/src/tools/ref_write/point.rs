//! New names for commits: what branches and tags have in common.

use lockkeeper_core::{Add, Cx, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{cell, find};
use crate::change::{Done, Request, make};
use crate::source::{Source, check_ref};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    pub(super) repo: String,
    name: String,
    from: Option<String>,
}

/// Gives a commit a name below `refs/`.
pub(super) async fn point(
    cx: &Cx<'_, Source, Add>,
    args: &Args,
    (below, done): (&str, &str),
) -> Result<Done, ToolError> {
    check_ref("name", &args.name)?;
    let repo = cx.source().repo(&args.repo).await?;
    let from = args.from.as_deref().unwrap_or(repo.default_branch());
    check_ref("from", from)?;
    let commit = cx.source().read(&repo.route().at("commits").name("from", from)?).await?;
    let request = Request::post(repo.route().at("git").at("refs")).fields([
        ("ref", json!(format!("refs/{below}/{}", args.name))),
        ("sha", json!(cell(&find(&commit.value, "sha")))),
    ]);
    make(cx, &repo, request, done).await
}

//! Links between two issues: what all methods that set or cut one have in common.

use std::marker::PhantomData;

use lockkeeper_core::{Cx, Mutating, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Done, Request, make, need};
use crate::source::{Route, Source};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    issue: String,
}

/// A method that links an issue with another one, or cuts that link.
pub(super) trait Link: Send + Sync + 'static {
    type Effect: Mutating;
    const DONE: &'static str;

    /// The request for the issue at this route and the other one's id.
    fn request(issue: Route, other: u64) -> Request;
}

/// A [`Link`] as a tool's method.
pub(super) struct Linked<L>(PhantomData<L>);

impl<L: Link> Tool<Source> for Linked<L> {
    type Effect = L::Effect;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<L::Effect>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, L::Effect>, args: Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let other = cx.source().issue_id(&repo, &args.issue).await?;
        let issue = repo.route().at("issues").number(args.number);
        make(&cx, &repo, L::request(issue, other), L::DONE).await
    }
}

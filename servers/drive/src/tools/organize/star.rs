//! `organize star`.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::{Amended, Source};

pub(super) struct Star;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// default true
    starred: Option<bool>,
}

impl Tool<Source> for Star {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold(&args.file).await?;
        let starred = args.starred.unwrap_or(true);
        let new = Amended { starred: Some(starred), ..Amended::default() };
        let state = if starred { "starred" } else { "unstarred" };
        Ok(Done::of(state, &cx.source().amend(cx.grant(), &file, new).await?))
    }
}

//! `organize rename`.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::{Amended, Source};

pub(super) struct Rename;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    name: String,
}

impl Tool<Source> for Rename {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold(&args.file).await?;
        let new = Amended { name: Some(args.name), ..Amended::default() };
        Ok(Done::of("renamed", &cx.source().amend(cx.grant(), &file, new).await?))
    }
}

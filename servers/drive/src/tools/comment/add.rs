//! `comment add`.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::Source;

pub(super) struct AddComment;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    text: String,
}

impl Tool<Source> for AddComment {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Add).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold_content(&args.file).await?;
        let id = cx.source().comment(cx.grant(), &file, args.text).await?;
        Ok(Done { state: "added", id: Some(id), ..Done::default() })
    }
}

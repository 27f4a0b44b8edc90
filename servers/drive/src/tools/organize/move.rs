//! `organize move`.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::Source;

pub(super) struct MoveFile;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// Folder
    to: String,
}

impl Tool<Source> for MoveFile {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(args.file.clone()).resource(args.to.clone())
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold(&args.file).await?;
        let to = cx.source().hold_folder(Some(&args.to)).await?;
        let moved = cx.source().relocate(cx.grant(), &file, &to).await?;
        Ok(Done::of("moved", &moved))
    }
}

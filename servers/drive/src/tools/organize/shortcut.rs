//! `organize shortcut`.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::Source;

pub(super) struct Shortcut;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// Folder
    to: String,
    name: Option<String>,
}

impl Tool<Source> for Shortcut {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Add).resource(args.file.clone()).resource(args.to.clone())
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().find(&args.file).await?;
        let to = cx.source().hold_folder(Some(&args.to)).await?;
        let made = cx.source().create_shortcut(cx.grant(), (&file, &to), args.name).await?;
        Ok(Done::of("created", &made))
    }
}

//! `comment resolve`.

use google_drive3::api::Reply;
use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::Source;

pub(super) struct Resolve;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// Its id
    comment: String,
    text: Option<String>,
}

impl Tool<Source> for Resolve {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold_content(&args.file).await?;
        let action = Some("resolve".to_owned());
        let reply = Reply { content: args.text, action, ..Reply::default() };
        let id = cx.source().reply(cx.grant(), (&file, &args.comment), reply).await?;
        Ok(Done { state: "resolved", id: Some(id), ..Done::default() })
    }
}

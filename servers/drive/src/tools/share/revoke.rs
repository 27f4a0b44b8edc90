//! `share revoke`.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::Source;

pub(super) struct Revoke;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// Its id
    permission: String,
}

impl Tool<Source> for Revoke {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold(&args.file).await?;
        cx.source().revoke_share(cx.grant(), (&file, &args.permission)).await?;
        Ok(Done { state: "revoked", id: Some(args.permission), ..Done::default() })
    }
}

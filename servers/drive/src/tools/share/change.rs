//! `share change`.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::{Role, Source};

pub(super) struct ChangeAccess;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// Its id
    permission: String,
    role: Role,
}

impl Tool<Source> for ChangeAccess {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold(&args.file).await?;
        let place = (&file, args.permission.as_str());
        let permission = cx.source().change_share(cx.grant(), place, args.role).await?;
        Ok(Done { state: "changed", id: permission.id, ..Done::default() })
    }
}

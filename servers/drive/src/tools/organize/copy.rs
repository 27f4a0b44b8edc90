//! `organize copy`.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::Source;

pub(super) struct CopyFile;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// Folder; default: where the file lies
    to: Option<String>,
    name: Option<String>,
}

impl Tool<Source> for CopyFile {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        args.to.iter().fold(Need::new(Effect::Add).resource(args.file.clone()), Need::resource)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().find(&args.file).await?;
        let beside = file.file().parents.as_ref().and_then(|parents| parents.first().cloned());
        let to = cx.source().hold_folder(args.to.or(beside).as_deref()).await?;
        let copy = cx.source().copy(cx.grant(), (&file, &to), args.name).await?;
        Ok(Done::of("copied", &copy))
    }
}

//! A new tag.

use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};

use super::point::{Args, point};
use crate::change::{Done, need};
use crate::source::Source;

pub(super) struct CreateTag;

impl Tool<Source> for CreateTag {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        point(&cx, &args, ("tags", "created the tag")).await
    }
}

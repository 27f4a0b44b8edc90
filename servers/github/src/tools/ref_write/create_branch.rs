//! A new branch.

use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};

use super::point::{Args, point};
use crate::change::{Done, need};
use crate::source::Source;

pub(super) struct CreateBranch;

impl Tool<Source> for CreateBranch {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        point(&cx, &args, ("heads", "created the branch")).await
    }
}

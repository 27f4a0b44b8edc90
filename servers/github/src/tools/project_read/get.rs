//! One project.

use lockkeeper_core::{Cx, Need, Read, Tool, ToolError};

use super::args::OfProject;
use crate::answer::Answer;
use crate::fetch::{View, record};
use crate::shapes::PROJECT_FULL;
use crate::source::Source;

pub(super) struct Get;

const VIEW: View = View::record("project", PROJECT_FULL);

impl Tool<Source> for Get {
    type Effect = Read;
    type Args = OfProject;
    type Output = Answer;

    fn plan(args: &OfProject) -> Need {
        args.need()
    }

    async fn run(cx: Cx<'_, Source, Read>, args: OfProject) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let project = cx.source().project(&args.owner, args.number).await?;
        record(&cx, &project.value, &VIEW, &page, project.headed())
    }
}

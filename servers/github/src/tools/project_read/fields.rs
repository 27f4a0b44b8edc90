//! What items on it can be given: names, types, and what there is to choose from.

use lockkeeper_core::{Cx, Need, Read, Tool, ToolError};

use super::args::OfProject;
use crate::answer::Answer;
use crate::fetch::{View, show};
use crate::shapes::PROJECT_FIELD;
use crate::source::Source;

pub(super) struct Fields;

const VIEW: View = View::table("fields", PROJECT_FIELD).by_cursors();

impl Tool<Source> for Fields {
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
        let head = format!("fields of {}", project.headed());
        show(&cx, project.route()?.at("fields"), &VIEW, &page, head).await
    }
}

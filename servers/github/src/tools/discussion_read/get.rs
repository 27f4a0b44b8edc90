//! One discussion.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};

use crate::answer::Answer;
use crate::fetch::{Common as _, OfNumber, View, of_repo, record};
use crate::shapes::DISCUSSION_FULL;
use crate::source::Source;

pub(super) struct Get;

const VIEW: View = View::record("discussion", DISCUSSION_FULL);

impl Tool<Source> for Get {
    type Effect = Read;
    type Args = OfNumber;
    type Output = Answer;

    fn plan(args: &OfNumber) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: OfNumber) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let found = cx.source().discussion(&repo, args.number).await?;
        record(&cx, &found, &VIEW, &page, of_repo(VIEW.title, &repo, &args.subject()))
    }
}

//! Checks and statuses of a commit.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};

use super::args::OfRef;
use crate::answer::Answer;
use crate::checks;
use crate::fetch::{Common as _, of_repo};
use crate::source::Source;

pub(super) struct Statuses;

impl Tool<Source> for Statuses {
    type Effect = Read;
    type Args = OfRef;
    type Output = Answer;

    fn plan(args: &OfRef) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: OfRef) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&checks::VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let head = of_repo("checks", &repo, &args.subject());
        checks::show(&cx, &repo, &args.r#ref, &page, &head).await
    }
}

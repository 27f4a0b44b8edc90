//! What checks say of its head.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};

use crate::answer::{Answer, cell, find};
use crate::checks;
use crate::fetch::{Common as _, OfNumber, of_repo};
use crate::source::Source;

pub(super) struct Checks;

impl Tool<Source> for Checks {
    type Effect = Read;
    type Args = OfNumber;
    type Output = Answer;

    fn plan(args: &OfNumber) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: OfNumber) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&checks::VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let pull = cx.source().read(&repo.route().at("pulls").number(args.number)).await?;
        let sha = cell(&find(&pull.value, "head.sha"));
        let head = of_repo("checks", &repo, &args.subject());
        Ok(checks::show(&cx, &repo, &sha, &page, &head).await?.note(format!("head {sha}")))
    }
}

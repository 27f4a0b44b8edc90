//! The fields that issues of its organization can have.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};

use crate::answer::Answer;
use crate::fetch::{Common as _, InRepo, View, of_repo, show};
use crate::shapes::NAMED;
use crate::source::{Route, Source};

pub(super) struct IssueFields;

const VIEW: View = View::table("issue fields", NAMED).whole();

impl Tool<Source> for IssueFields {
    type Effect = Read;
    type Args = InRepo;
    type Output = Answer;

    fn plan(args: &InRepo) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: InRepo) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let route = Route::outside("orgs").name("owner", repo.owner())?.at("issue-fields");
        show(&cx, route, &VIEW, &page, of_repo(VIEW.title, &repo, "")).await
    }
}

//! What discussions can be about.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use serde_json::json;

use crate::answer::Answer;
use crate::fetch::{Common as _, Connection, InRepo, View, connected, of_repo};
use crate::shapes::CATEGORY;
use crate::source::{Document, Source, Within};

pub(super) struct Categories;

static DOCUMENT: Document = Document {
    name: "discussion categories",
    text: include_str!("../../graphql/discussion_categories.graphql"),
};

const VIEW: View = View::table("discussion categories", CATEGORY);

impl Tool<Source> for Categories {
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
        let variables = json!({"owner": repo.owner(), "name": repo.name()});
        let connection = Connection {
            within: Within::Repo(&repo),
            document: &DOCUMENT,
            path: "repository.discussionCategories",
            variables: &variables,
        };
        let head = of_repo(VIEW.title, &repo, "");
        connected(&cx, connection, (&VIEW, &page), &head, |_| true).await
    }
}

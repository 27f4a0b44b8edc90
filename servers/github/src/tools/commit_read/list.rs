//! The commits that lead to one, newest first.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Answer;
use crate::fetch::{Page, View, of_repo, show};
use crate::shapes::COMMIT;
use crate::source::{Source, check_ref};

pub(super) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    r#ref: Option<String>,
    path: Option<String>,
    /// login or e-mail
    author: Option<String>,
    /// RFC 3339
    since: Option<String>,
    until: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

const VIEW: View = View::table("commits", COMMIT);

impl Tool<Source> for List {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        if let Some(name) = &args.r#ref {
            check_ref("ref", name)?;
        }
        let repo = cx.source().repo(&args.repo).await?;
        let route = repo
            .route()
            .at("commits")
            .maybe("sha", args.r#ref.as_deref())
            .maybe("path", args.path.as_deref())
            .maybe("author", args.author.as_deref())
            .maybe("since", args.since.as_deref())
            .maybe("until", args.until.as_deref());
        show(&cx, route, &VIEW, &page, of_repo(VIEW.title, &repo, "")).await
    }
}

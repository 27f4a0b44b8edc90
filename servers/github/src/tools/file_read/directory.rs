//! What lies in a directory.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};

use super::git_ref;
use super::tree::Args;
use crate::answer::Answer;
use crate::fetch::{View, of_repo, show};
use crate::shapes::ENTRY;
use crate::source::Source;

pub(super) struct Directory;

const VIEW: View = View::table("directory", ENTRY).whole();

impl Tool<Source> for Directory {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let repo = cx.source().repo(&args.repo).await?;
        let at = git_ref(args.r#ref.as_deref(), &repo)?;
        let path = args.path.as_deref().unwrap_or_default().trim_matches('/');
        let mut route = repo.route().at("contents");
        if !path.is_empty() {
            route = route.path("path", path)?;
        }
        let head = of_repo(format!("directory {path}").trim_end(), &repo, "");
        show(&cx, route.query("ref", at), &VIEW, &page, head).await
    }
}

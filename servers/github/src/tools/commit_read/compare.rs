//! What lies between two commits.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::{Answer, cell, find};
use crate::fetch::{Page, Position, View, items, list, of_repo};
use crate::shapes::FILE;
use crate::source::{Source, check_ref};

pub(super) struct Compare;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    base: String,
    r#ref: String,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

const VIEW: View = View::table("files changed", FILE).whole();

/// GitHub lists no more files of a comparison.
const MOST_FILES: usize = 300;

impl Tool<Source> for Compare {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        check_ref("base", &args.base)?;
        check_ref("ref", &args.r#ref)?;
        let repo = cx.source().repo(&args.repo).await?;
        let range = format!("{}...{}", args.base, args.r#ref);
        let route = repo.route().at("compare").name("ref", &range)?;
        let reply = cx.source().read(&route).await?;
        let fact = |path: &str| cell(&find(&reply.value, path));
        let notes = [
            format!("head is {}", fact("status")),
            format!("{} commits ahead, {} behind", fact("ahead_by"), fact("behind_by")),
            format!("merge base {}", fact("merge_base_commit.sha")),
        ];
        let files = items(reply.value, "files")?;
        let at = Position::resume(&cx, &page)?;
        let head = of_repo(VIEW.title, &repo, &format!(" {range}"));
        let mut answer = list(&cx, &files, &VIEW, &page, (at, false))?.headed(&head);
        for note in notes {
            answer = answer.note(note);
        }
        if files.len() >= MOST_FILES {
            answer = answer.note(format!("GitHub lists only {MOST_FILES} files"));
        }
        Ok(answer)
    }
}

//! A file's text, by lines.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use super::git_ref;
use crate::answer::Answer;
use crate::source::Source;
use crate::text::{Lines, Window, file_answer};

pub(super) struct File;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    path: String,
    r#ref: Option<String>,
    start_line: Option<u64>,
    end_line: Option<u64>,
    /// number the lines
    #[serde(default)]
    numbered: bool,
    cursor: Option<String>,
}

impl Tool<Source> for File {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let lines = Lines { start: args.start_line, end: args.end_line }.check()?;
        let repo = cx.source().repo(&args.repo).await?;
        let at = git_ref(args.r#ref.as_deref(), &repo)?;
        let route = repo.route().at("contents").path("path", args.path.trim_matches('/'))?;
        let reply = cx.source().read(&route.query("ref", at)).await?;
        let window = Window { lines, numbered: args.numbered };
        file_answer(&cx, &repo, &reply.value, args.cursor.as_deref(), window).await
    }
}

//! What it changes, by files and hunks.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::state::State;
use crate::answer::{Answer, cell, find};
use crate::diff::{DiffPage, Place};
use crate::fetch::{items, of_repo};
use crate::source::{Source, SourceError};

pub(super) struct Diff;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    /// files, or directories ending in `/`
    #[serde(default)]
    paths: Vec<String>,
    cursor: Option<String>,
}

/// Files on a page of GitHub's.
const PER_PAGE: u64 = 100;

impl Args {
    fn wants(&self, file: &Value) -> bool {
        let path = cell(&find(file, "filename"));
        let is_meant = |wanted: &String| {
            path == *wanted || (wanted.ends_with('/') && path.starts_with(wanted))
        };
        self.paths.is_empty() || self.paths.iter().any(is_meant)
    }
}

impl Tool<Source> for Diff {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let pull = repo.route().at("pulls").number(args.number);
        let state = State::read(cx.source(), &pull).await?;
        let mut at = Place::default();
        if let Some(position) = cx.resume(args.cursor.as_deref())? {
            let [file, line, then] = position[..] else {
                return Err(SourceError::Changed { what: "the pull request" }.into());
            };
            state.check(Some(then))?;
            at = Place { file, line };
        }
        let mut page = DiffPage::new(cx.max_output());
        let mut next = None;
        'pages: loop {
            let number = at.file / PER_PAGE + 1;
            let route = pull.clone().at("files").query("per_page", PER_PAGE).query("page", number);
            let reply = cx.source().read(&route).await?;
            let files = items(reply.value, "")?;
            let skip = usize::try_from(at.file % PER_PAGE).unwrap_or_default();
            for file in files.iter().skip(skip) {
                if args.wants(file)
                    && let Some(line) = page.file(file, at.line)
                {
                    next = Some(cx.next(&[at.file, line, state.mark]));
                    break 'pages;
                }
                at = Place { file: at.file + 1, line: 0 };
            }
            if !reply.has_next || files.is_empty() {
                break;
            }
        }
        let of = of_repo("diff", &repo, &format!("#{}", args.number));
        let answer = state.told(Answer::new(format!("{of}: {} files", page.files)));
        Ok(answer.next(next).text(page.text))
    }
}

//! What it changes, by files and hunks.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

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

/// GitHub lists no more files of a pull request.
const MOST_FILES: u64 = 3_000;

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
        let state = cx.source().read(&pull).await?.value;
        let sha = cell(&find(&state, "head.sha"));
        // The beginning of the sha tells later pages that they are of the same state.
        let mark = sha.get(..8).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or(0);
        let mut at = Place::default();
        if let Some(position) = cx.resume(args.cursor.as_deref())? {
            let [file, line, then] = position[..] else {
                return Err(SourceError::Changed { what: "the pull request" }.into());
            };
            if then != mark {
                return Err(SourceError::Changed { what: "the pull request" }.into());
            }
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
                    next = Some(cx.next(&[at.file, line, mark]));
                    break 'pages;
                }
                at = Place { file: at.file + 1, line: 0 };
            }
            if !reply.has_next || files.is_empty() {
                break;
            }
        }
        let of = of_repo("diff", &repo, &format!("#{}", args.number));
        let total = find(&state, "changed_files").as_u64();
        let mut answer = Answer::new(format!("{of}: {} files", page.files)).total(total);
        answer = answer.note(format!("head {sha}"));
        if total.is_some_and(|total| total > MOST_FILES) {
            answer = answer.note(format!("GitHub shows only the first {MOST_FILES} files"));
        }
        Ok(answer.next(next).text(page.text))
    }
}

//! What failed in a run: its failed jobs and steps, and their logs where they say so.

use lockkeeper_core::{Cx, Effect, Need, Read, Room, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{Answer, cell, find};
use crate::fetch::{items, of_repo};
use crate::logs::Failures;
use crate::runs::{LogRead, headline, id, is_late, jobs_of, read_log};
use crate::source::{RepoRef, Source, SourceError};

pub(super) struct Failed;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: u64,
    cursor: Option<String>,
}

/// Of one job, bytes.
const MOST_OF_JOB: usize = 8_000;

impl Tool<Source> for Failed {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let first = cx.resume(args.cursor.as_deref())?.and_then(|at| at.first().copied());
        let first = usize::try_from(first.unwrap_or_default()).unwrap_or(usize::MAX);
        let mut jobs = jobs_of(cx.source(), &repo, args.id).await?;
        let total = jobs.len();
        jobs.retain(has_failed);
        let mut room = Room::new(cx.max_output());
        let mut next = None;
        for (index, job) in jobs.iter().enumerate().skip(first) {
            if index > first && (is_late() || room.left() < MOST_OF_JOB) {
                next = Some(cx.next(&[index as u64]));
                break;
            }
            let text = describe(cx.source(), &repo, job).await?;
            if !room.push(&text) {
                next = Some(cx.next(&[index as u64]));
                break;
            }
        }
        let head = of_repo("failures", &repo, &format!(" run {}", args.id));
        let answer = Answer::new(format!("{head}: {} of {total} jobs failed", jobs.len()));
        Ok(answer.next(next).text(room.into_text()))
    }
}

fn has_failed(job: &Value) -> bool {
    let conclusion = cell(&find(job, "conclusion"));
    matches!(conclusion.as_str(), "failure" | "timed_out" | "startup_failure")
}

async fn describe(source: &Source, repo: &RepoRef, job: &Value) -> Result<String, SourceError> {
    let mut text = headline(job);
    let steps = items(find(job, "steps"), "").unwrap_or_default();
    for step in steps.iter().filter(|step| has_failed(step)) {
        text.push_str(&format!(
            ", step {} \"{}\"",
            cell(&find(step, "number")),
            cell(&find(step, "name"))
        ));
    }
    let mut failures = Failures::default();
    let read = read_log(source, repo, id(job), |number, line| failures.line(number, line)).await?;
    let LogRead::Lines(lines, is_whole) = read else { return Ok(text + "\n(there is no log)\n") };
    let windows = failures.finish();
    if let Some(code) = failures.exit_code {
        text.push_str(&format!(", exit code {code}"));
    }
    text.push_str(&format!("; {lines} lines, {} places that say so", failures.count));
    if failures.count > windows.len() as u64 {
        text.push_str(&format!(
            ", the first and last {} shown; log with `grep` finds the rest",
            windows.len()
        ));
    }
    if !is_whole {
        text.push_str("; not read to its end: the call's time was up");
    }
    text.push('\n');
    for window in windows {
        let shown = format!("--- line {}\n{}\n", window.line, window.lines.join("\n"));
        if text.len() + shown.len() > MOST_OF_JOB {
            text.push_str(&format!(
                "--- line {}: left out; log with start_line shows it\n",
                window.line
            ));
            continue;
        }
        text.push_str(&shown);
    }
    Ok(text)
}

//! A job's log: its end, a range of lines, or the lines that hold a text.

use std::time::{Duration, Instant};

use lockkeeper_core::{Cx, Effect, Need, Ongoing, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Answer;
use crate::fetch::of_repo;
use crate::logs::{Cutter, Tail};
use crate::source::{RepoRef, Source, SourceError};
use crate::text::Lines;

pub(super) struct Log;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: u64,
    /// only lines with this text, in any case
    grep: Option<String>,
    start_line: Option<u64>,
    end_line: Option<u64>,
    cursor: Option<String>,
}

/// Reading a log ends so long before the call does.
const RESERVE: Duration = Duration::from_secs(3);

impl Tool<Source> for Log {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let lines = Lines { start: args.start_line, end: args.end_line }.check()?;
        let repo = cx.source().repo(&args.repo).await?;
        let room = cx.max_output();
        let resumed = cx.resume(args.cursor.as_deref())?.and_then(|at| at.first().copied());
        let head = of_repo("log", &repo, &format!(" job {}", args.id));
        let is_tail = args.grep.is_none() && lines.start.is_none() && lines.end.is_none();
        if is_tail {
            let mut tail = Tail::new(room);
            let (total, is_whole) =
                read_log(cx.source(), &repo, args.id, |_, line| tail.line(line)).await?;
            let kept = tail.finish();
            let first = total + 1 - kept.len() as u64;
            let answer = Answer::new(format!("{head}: lines {first}-{total}, the last"));
            return Ok(note(answer, is_whole).text(kept.join("\n")));
        }
        let from = resumed.or(lines.start).unwrap_or(1);
        let until = lines.end.unwrap_or(u64::MAX);
        let wanted = args.grep.as_deref().map(str::to_lowercase);
        let (mut text, mut count, mut more) = (String::new(), 0u64, None);
        let (total, is_whole) = read_log(cx.source(), &repo, args.id, |number, line| {
            let is_meant = number >= from
                && number <= until
                && wanted.as_ref().is_none_or(|wanted| line.to_lowercase().contains(wanted));
            if !is_meant || more.is_some() {
                return;
            }
            let line = format!("{number}\t{line}\n");
            if text.len() + line.len() > room && !text.is_empty() {
                more = Some(number);
                return;
            }
            text.push_str(&line);
            count += 1;
        })
        .await?;
        let answer = Answer::new(format!("{head}: {count} lines of {total}"));
        let next = more.map(|line| cx.next(&[line]));
        Ok(note(answer, is_whole).next(next).text(text))
    }
}

fn note(answer: Answer, is_whole: bool) -> Answer {
    if is_whole { answer } else { answer.note("not read to its end: the call's time was up") }
}

/// Reads a job's log piece by piece; how many lines it has, and whether its end was reached.
pub(super) async fn read_log(
    source: &Source,
    repo: &RepoRef,
    job: u64,
    mut each: impl FnMut(u64, &str) + Send,
) -> Result<(u64, bool), SourceError> {
    let route = repo.route().at("actions").at("jobs").number(job).at("logs");
    let mut stream = source.stream(&route, "application/vnd.github+json", None).await?;
    let deadline = Ongoing::current().map(|call| call.deadline());
    let mut cutter = Cutter::default();
    while let Some(piece) = stream.next().await? {
        cutter.feed(&piece, &mut each);
        if deadline.is_some_and(|deadline| deadline < Instant::now() + RESERVE) {
            return Ok((cutter.lines, false));
        }
    }
    cutter.finish(&mut each);
    Ok((cutter.lines, true))
}

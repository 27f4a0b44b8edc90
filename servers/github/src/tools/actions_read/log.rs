//! A job's log: its end, a range of lines, or the lines that hold a text.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Answer;
use crate::fetch::of_repo;
use crate::logs::Tail;
use crate::runs::{LogRead, read_log};
use crate::source::{Source, SourceError};
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
            let read = read_log(cx.source(), &repo, args.id, |_, line| tail.line(line)).await?;
            let (total, is_whole) = found(read, &head)?;
            let kept = tail.finish();
            let first = total + 1 - kept.len() as u64;
            let answer = Answer::new(format!("{head}: lines {first}-{total}, the last"));
            return Ok(note(answer, is_whole).text(kept.join("\n")));
        }
        let from = resumed.or(lines.start).unwrap_or(1);
        let until = lines.end.unwrap_or(u64::MAX);
        let wanted = args.grep.as_deref().map(str::to_lowercase);
        let (mut text, mut count, mut more) = (String::new(), 0u64, None);
        let read = read_log(cx.source(), &repo, args.id, |number, line| {
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
        let (total, is_whole) = found(read, &head)?;
        let answer = Answer::new(format!("{head}: {count} lines of {total}"));
        let next = more.map(|line| cx.next(&[line]));
        Ok(note(answer, is_whole).next(next).text(text))
    }
}

fn note(answer: Answer, is_whole: bool) -> Answer {
    if is_whole { answer } else { answer.note("not read to its end: the call's time was up") }
}

fn found(read: LogRead, asked: &str) -> Result<(u64, bool), SourceError> {
    match read {
        LogRead::Lines(total, is_whole) => Ok((total, is_whole)),
        LogRead::Missing => Err(SourceError::NotFound { asked: asked.to_owned() }),
    }
}

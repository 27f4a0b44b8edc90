//! The jobs of a run and their logs, which a tool and a resource read.

use std::time::{Duration, Instant};

use lockkeeper_core::Ongoing;
use serde_json::Value;

use crate::answer::{cell, find};
use crate::fetch::items;
use crate::logs::Cutter;
use crate::source::{RepoRef, Source, SourceError};

/// Reading a log ends so long before the call does.
const END: Duration = Duration::from_secs(3);

/// No further log is begun when the call has less time left.
const BEGIN: Duration = Duration::from_secs(8);

/// The jobs of the latest attempt of a run.
pub(crate) async fn jobs_of(
    source: &Source,
    repo: &RepoRef,
    run: u64,
) -> Result<Vec<Value>, SourceError> {
    let route = repo.route().at("actions").at("runs").number(run).at("jobs");
    let mut jobs = Vec::new();
    for page in 1u64.. {
        let reply = source.read(&route.clone().query("per_page", 100).query("page", page)).await?;
        jobs.extend(items(reply.value, "jobs")?);
        if !reply.has_next {
            break;
        }
    }
    Ok(jobs)
}

/// The line that says which job follows.
pub(crate) fn headline(job: &Value) -> String {
    format!("=== job {} {}: {}", id(job), cell(&find(job, "name")), cell(&find(job, "conclusion")))
}

pub(crate) fn id(job: &Value) -> u64 {
    find(job, "id").as_u64().unwrap_or_default()
}

/// Whether there is no time left to begin with another log.
pub(crate) fn is_late() -> bool {
    Ongoing::current().is_some_and(|call| call.deadline() < Instant::now() + BEGIN)
}

/// What was read of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogRead {
    /// So many lines, and whether these are all of it.
    Lines(u64, bool),
    /// Logs are deleted after a while, and there are none of jobs that never began.
    Missing,
}

/// Reads a job's log piece by piece.
pub(crate) async fn read_log(
    source: &Source,
    repo: &RepoRef,
    job: u64,
    mut each: impl FnMut(u64, &str) + Send,
) -> Result<LogRead, SourceError> {
    let route = repo.route().at("actions").at("jobs").number(job).at("logs");
    let mut stream = match source.stream(&route, "application/vnd.github+json", None).await {
        Ok(stream) => stream,
        Err(SourceError::NotFound { .. } | SourceError::Gone { .. }) => {
            return Ok(LogRead::Missing);
        }
        Err(error) => return Err(error),
    };
    let deadline = Ongoing::current().map(|call| call.deadline());
    let mut cutter = Cutter::default();
    while let Some(piece) = stream.next().await? {
        cutter.feed(&piece, &mut each);
        if deadline.is_some_and(|deadline| deadline < Instant::now() + END) {
            return Ok(LogRead::Lines(cutter.lines, false));
        }
    }
    cutter.finish(&mut each);
    Ok(LogRead::Lines(cutter.lines, true))
}

//! A pull request as its files are read page by page: how many there are, and of what they are.

use crate::answer::{Answer, cell, find};
use crate::source::{Route, Source, SourceError};

/// GitHub lists no more files of a pull request.
const MOST_FILES: u64 = 3_000;

pub(super) struct State {
    head: String,
    files: Option<u64>,
    /// The beginning of the head's sha: later pages know by it that they are of the same state.
    pub(super) mark: u64,
}

impl State {
    pub(super) async fn read(source: &Source, pull: &Route) -> Result<Self, SourceError> {
        let value = source.read(pull).await?.value;
        let head = cell(&find(&value, "head.sha"));
        let mark = head.get(..8).and_then(|start| u64::from_str_radix(start, 16).ok());
        let files = find(&value, "changed_files").as_u64();
        Ok(Self { mark: mark.unwrap_or(0), head, files })
    }

    /// Whether a page that went before was of the same state.
    pub(super) fn check(&self, then: Option<u64>) -> Result<(), SourceError> {
        match then {
            Some(then) if then == self.mark => Ok(()),
            _ => Err(SourceError::Changed { what: "the pull request" }),
        }
    }

    /// Says in the answer what it is of.
    pub(super) fn told(&self, answer: Answer) -> Answer {
        let answer = answer.total(self.files).note(format!("head {}", self.head));
        if self.files.is_some_and(|files| files > MOST_FILES) {
            return answer.note(format!("GitHub shows only the first {MOST_FILES} files"));
        }
        answer
    }
}

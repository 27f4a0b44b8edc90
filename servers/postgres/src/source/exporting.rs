//! Exports: the rows of a statement on their way into a file. What one call doesn't finish is kept for
//! the next, with the statement's portal and the unfinished file; what nobody goes on with is dropped,
//! and then the statement is cancelled and the file is gone.

use std::time::{Duration, Instant};

use lockkeeper_core::{Draft, Masks};

use super::error::PgError;
use super::reading::Rows;
use crate::values::lines::{csv_of, keys};
use crate::values::masking::Omitted;
use crate::values::{Columns, Show, Tally};

/// As many are kept between calls; the oldest makes room.
pub(crate) const MOST: usize = 2;

/// Bytes that are written at once.
const PIECE: usize = 256 * 1024;

/// Rows that are asked for at once.
const AT_ONCE: i32 = 4_096;

/// What a statement may take to its next rows: it goes on between calls.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(10);

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    Csv,
    Jsonl,
}

/// An export under way.
pub(crate) struct Export {
    rows: Rows,
    columns: Columns,
    lines: Lines,
    /// The keys of an object, for JSON.
    keys: Vec<String>,
    /// What isn't in the file yet.
    text: String,
    draft: Draft,
    /// Rows so far.
    pub(crate) count: u64,
    pub(crate) tally: Tally,
}

/// How far an export got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    /// There is enough to write.
    Piece,
    /// All rows are here.
    All,
    /// The time was up.
    Late,
}

impl Export {
    pub(crate) fn new(mut rows: Rows, lines: Lines, draft: Draft) -> Self {
        rows.at_once(AT_ONCE);
        let described = rows.statement.columns();
        let columns = Columns::new(described, &rows.masks);
        let names = || described.iter().map(tokio_postgres::Column::name);
        let (keys, text) = match lines {
            Lines::Csv => (Vec::new(), format!("{}\n", csv_of(names()))),
            Lines::Jsonl => (keys(names()), String::new()),
        };
        let (count, tally) = (0, Tally::default());
        Self { rows, columns, lines, keys, text, draft, count, tally }
    }

    /// Reads rows until there is a piece to write, or until `until`. Nothing is cut.
    pub(crate) async fn read(&mut self, masks: &Masks, until: Instant) -> Result<Got, PgError> {
        let show = Show { masks, longest: usize::MAX / 2 };
        while self.text.len() < PIECE {
            let row = match tokio::time::timeout_at(until.into(), self.rows.next()).await {
                Ok(row) => row?,
                Err(_) => return Ok(Got::Late),
            };
            let Some(row) = row else { return Ok(Got::All) };
            match self.lines {
                Lines::Csv => self.columns.csv(&row, show, &mut self.text, &mut self.tally),
                Lines::Jsonl => {
                    let line = self.columns.jsonl(&row, &self.keys, show, &mut self.tally);
                    self.text.push_str(&line);
                }
            }
            self.text.push('\n');
            self.count += 1;
        }
        Ok(Got::Piece)
    }

    /// Writes what was read. Blocking.
    pub(crate) fn write(&mut self) -> Result<(), lockkeeper_core::ToolError> {
        self.draft.write(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    /// Gives the file its name; how many bytes it has. Blocking.
    pub(crate) fn finish(mut self) -> Result<u64, lockkeeper_core::ToolError> {
        self.write()?;
        self.draft.finish()
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.draft.bytes() + self.text.len() as u64
    }

    /// What `*` left out.
    pub(crate) fn omitted(&self) -> &[Omitted] {
        &self.rows.omitted
    }

    /// The types that we don't know, of columns whose values are written as bytes.
    pub(crate) fn unknown(&self) -> Vec<String> {
        self.columns.unknown().map(str::to_owned).collect()
    }
}

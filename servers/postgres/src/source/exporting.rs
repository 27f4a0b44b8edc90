//! Exports: the rows of a statement as lines of a file. What one call doesn't finish is kept for the
//! next, with the statement's portal; what nobody goes on with is dropped, and then the statement is
//! cancelled.

use std::time::{Duration, Instant};

use lockkeeper_core::{Filled, Filling, Masks, ToolError};

use super::Pg;
use super::reading::Rows;
use crate::values::lines::{csv_of, keys};
use crate::values::masking::Omitted;
use crate::values::{Columns, Show, Tally};

/// As many are kept between calls; the oldest makes room.
pub(crate) const MOST: usize = 2;

/// Rows that are asked for at once. However many, only a few are in memory.
const AT_ONCE: i32 = 65_536;

/// What a statement may take to its next rows: it goes on between calls.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(10);

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    Csv,
    Jsonl,
}

/// Rows on their way into a file.
pub(crate) struct Selected {
    rows: Rows,
    columns: Columns,
    masks: Masks,
    lines: Lines,
    /// The keys of an object, for JSON.
    keys: Vec<String>,
    /// What comes before the first row.
    head: String,
    /// Rows so far.
    count: u64,
    pub(crate) tally: Tally,
}

impl Selected {
    pub(crate) fn new(mut rows: Rows, lines: Lines, masks: Masks) -> Self {
        rows.always_at_once(AT_ONCE);
        let described = rows.statement.columns();
        let columns = Columns::new(described, &rows.masks);
        let names = || described.iter().map(tokio_postgres::Column::name);
        let (keys, head) = match lines {
            Lines::Csv => (Vec::new(), format!("{}\n", csv_of(names()))),
            Lines::Jsonl => (keys(names()), String::new()),
        };
        Self { rows, columns, masks, lines, keys, head, count: 0, tally: Tally::default() }
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

impl Filling<Pg> for Selected {
    async fn fill(
        &mut self,
        _: &Pg,
        text: &mut String,
        enough: usize,
        until: Instant,
    ) -> Result<Filled, ToolError> {
        // Nothing is cut.
        let show = Show { masks: &self.masks, longest: usize::MAX / 2 };
        text.push_str(&std::mem::take(&mut self.head));
        while text.len() < enough {
            let next = tokio::time::timeout_at(until.into(), self.rows.some()).await;
            let Ok(rows) = next else { return Ok(Filled::Late) };
            let Some(rows) = rows? else { return Ok(Filled::All) };
            self.count += rows.len() as u64;
            for row in rows {
                match self.lines {
                    Lines::Csv => self.columns.csv(&row, show, text, &mut self.tally),
                    Lines::Jsonl => {
                        let line = self.columns.jsonl(&row, &self.keys, show, &mut self.tally);
                        text.push_str(&line);
                    }
                }
                text.push('\n');
            }
        }
        Ok(Filled::Piece)
    }

    fn count(&self) -> u64 {
        self.count
    }
}

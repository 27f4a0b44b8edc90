//! Decides whether a statement that an agent wrote may be sent to the database. Two steps, both
//! closed by default:
//!
//! 1. [`Statement::parse`] takes exactly one SELECT, VALUES, TABLE, EXPLAIN of these or SHOW.
//!    Every kind of syntax that is not on a list refuses, and so does everything the parser is
//!    not sure about. It notes each name by which the statement can reach something: relations,
//!    functions, operators, types, settings. Where `PostgreSQL` might see a use, one is noted:
//!    too many names cost a look-up, one too few is a hole.
//! 2. [`judge`] looks those names up in the catalog of the same connection, under its search
//!    path, and decides for every object that a name might mean.
//!
//! What is sent is never the text that came in but [`Statement::text`], written anew from the
//! tokens that were judged: comments gone, names folded, cut to their length and quoted, strings
//! with their escapes resolved. So `PostgreSQL`'s lexer can't see other tokens than the guard.
//!
//! The guard is one layer. It counts on a read-only transaction with a snapshot around the
//! statement and on the fixed search path, and does not replace a role with few rights.

mod catalog;
pub(crate) mod ddl;
mod describe;
mod growth;
mod judge;
mod kinds;
mod names;
mod parse;
mod refusal;
mod tokens;
mod told;
mod trusted;
mod uses;
mod walk;
mod writes;

pub(crate) use judge::{found, nothing};
use parse::Purpose;

pub use catalog::{FACTS, FACTS_SETTINGS, Facts, LOCKED, Relation};
pub use judge::{Policy, Scope, Standing, Verdict, judge};
pub use names::Name;
pub use refusal::Refusal;
pub use uses::{Call, Notation, Uses};
pub use writes::Writes;

use crate::values::masking;

/// A statement that may be judged: one that only reads, as far as its syntax tells.
#[derive(Debug, Clone)]
pub struct Statement {
    text: String,
    places: Vec<(usize, usize)>,
    uses: Uses,
    kind: Kind,
    writes: Option<Writes>,
    description: describe::Description,
    /// Where the query of an EXPLAIN begins in the text that came in.
    explained: Option<usize>,
}

/// What a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SELECT, VALUES, TABLE, or a combination of these.
    Query,
    /// EXPLAIN of a query; with ANALYZE, the query runs.
    Explain {
        /// Whether the query is run.
        analyze: bool,
    },
    /// SHOW of one setting.
    Show,
    /// INSERT, UPDATE, DELETE, MERGE, TRUNCATE, or a query with one of these in WITH.
    Write,
}

impl Statement {
    /// Reads one statement. Never panics and never overflows the stack, whatever it is given.
    pub fn parse(sql: &str) -> Result<Self, Refusal> {
        parse::parse(sql, Purpose::Reading)
    }

    /// Reads one statement that changes rows. What it reads is held against the same lists.
    pub fn parse_write(sql: &str) -> Result<Self, Refusal> {
        parse::parse(sql, Purpose::Writing)
    }

    /// What to send, in place of what came in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// By which names it can reach something.
    pub fn uses(&self) -> &Uses {
        &self.uses
    }

    /// What it changes: none for one that only reads.
    pub fn writes(&self) -> Option<&Writes> {
        self.writes.as_ref()
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The query that an EXPLAIN is of, with the options before it.
    pub(crate) fn explained(&self) -> Option<(&str, &str)> {
        let at = self.explained?;
        let (rendered, _) = self.places.iter().find(|(_, original)| *original == at)?;
        self.text.split_at_checked(*rendered)
    }

    /// What it does with the columns of the relations that the judgement found.
    pub(crate) fn described(&self, verdict: &Verdict) -> masking::Statement {
        let relations: Vec<Name> = self.uses.relations.iter().cloned().collect();
        self.description.of(&relations, verdict)
    }

    /// The same with other text in place of some of its tokens: what [`Self::described`] makes of
    /// these was judged.
    pub(crate) fn replaced(&self, replacements: &[masking::Replacement]) -> Self {
        let mut statement = self.clone();
        let mut ordered: Vec<_> = replacements.iter().collect();
        ordered.sort_by_key(|replacement| std::cmp::Reverse(replacement.from));
        for masking::Replacement { from, to, text } in ordered {
            let places = &mut statement.places;
            let first = places.iter().position(|(_, original)| original == from);
            let last = places.iter().position(|(_, original)| original == to);
            let (Some(first), Some(last)) = (first, last) else { continue };
            let start = places.get(first).map_or(0, |(rendered, _)| *rendered);
            let end = places.get(last + 1).map(|(rendered, _)| rendered.saturating_sub(1));
            let end = end.unwrap_or(statement.text.len());
            statement.text.replace_range(start..end, text);
            places.drain(first + 1..=last);
            let grown = start + text.len();
            for (rendered, _) in places.iter_mut().skip(first + 1) {
                *rendered = (*rendered + grown).saturating_sub(end);
            }
        }
        statement
    }

    /// The place in the text that came in, in bytes, for a place in [`Self::text`]: errors of
    /// the database name the latter.
    pub fn place(&self, at: usize) -> usize {
        let next = self.places.partition_point(|&(rendered, _)| rendered <= at);
        self.places.get(next.saturating_sub(1)).map_or(0, |&(_, original)| original)
    }
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod generator;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod scratch;

//! The schema as agents read it: what there is, what it looks like, where a word occurs. Each
//! question is one statement over PostgreSQL's own catalogue, or two where names have to be looked
//! up first, and none for each object.
//!
//! Every name in the SQL here is qualified and every operator meets exactly its own types: what
//! somebody planted in a schema of the search path is never called. Answers pass [`Visible`] before
//! anything of them is counted or shown.

pub(crate) mod describe;
pub(crate) mod find;
pub(crate) mod listing;
pub(crate) mod names;
mod nearest;
pub(crate) mod relation;
pub(crate) mod render;
pub(crate) mod resolve;
mod routine;
pub(crate) mod seen;
pub(crate) mod sql;
mod user_type;
pub(crate) mod visible;

use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use crate::source::Database;
use crate::source::error::PgError;
use visible::Visible;

/// The catalogue of one database, as far as the policy shows it.
#[derive(Clone, Copy)]
pub(crate) struct Catalog<'a> {
    database: &'a Database,
    visible: Visible<'a>,
}

type Parameter = Box<dyn ToSql + Sync + Send>;

impl Database {
    /// What there is in it.
    pub(crate) fn catalog(&self) -> Catalog<'_> {
        let visible = Visible { database: &self.name, scope: &self.scope, masks: &self.masks };
        Catalog { database: self, visible }
    }
}

impl Catalog<'_> {
    /// Asks a question.
    async fn ask<T>(
        &self,
        sql: &'static str,
        params: Vec<Parameter>,
        read: impl Fn(&Row) -> Result<T, PgError>,
    ) -> Result<Vec<T>, PgError> {
        self.database.ask(sql, params).await?.iter().map(read).collect()
    }
}

/// A value of a row, by position.
fn get<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, PgError> {
    row.try_get(index).map_err(PgError::Driver)
}

/// A value that came as the text of JSON.
fn json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, PgError> {
    serde_json::from_str(get(row, index)?).map_err(PgError::Catalog)
}

fn optional_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<Option<T>, PgError> {
    let text: Option<&str> = get(row, index)?;
    text.map(serde_json::from_str).transpose().map_err(PgError::Catalog)
}

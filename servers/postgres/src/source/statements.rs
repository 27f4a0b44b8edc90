//! What the database is busy with, as `pg_stat_statements` counts it. The texts were written by
//! others and may hold values of theirs: constants never leave this file, and under a policy no
//! statement does that an agent might not have sent.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squawk_lexer::TokenKind;
use tokio_postgres::Row;

use super::Database;
use super::error::PgError;
use super::explain::quoted;
use super::reading::Query;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Statements that are looked at: to judge one is a question to the catalogue.
const LOOKED_AT: usize = 100;

/// By what statements are ordered, most first.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    #[default]
    TotalTime,
    MeanTime,
    Calls,
    Rows,
    Reads,
    Temporary,
}

/// A statement and what it took.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Counted {
    pub(crate) calls: i64,
    pub(crate) total_ms: f64,
    pub(crate) mean_ms: f64,
    pub(crate) rows: i64,
    /// blocks that were not in the cache
    pub(crate) reads: i64,
    /// blocks of temporary files
    pub(crate) temporary: i64,
    pub(crate) query: String,
}

/// The first of them.
#[derive(Debug, Default)]
pub(crate) struct Top {
    pub(crate) statements: Vec<Counted>,
    /// Those on the way there that are not shown.
    pub(crate) left_out: u64,
}

impl Sort {
    fn column(self) -> &'static str {
        match self {
            Self::TotalTime => "total_exec_time",
            Self::MeanTime => "mean_exec_time",
            Self::Calls => "calls",
            Self::Rows => "rows",
            Self::Reads => "shared_blks_read",
            Self::Temporary => "temp_blks_written",
        }
    }
}

impl Database {
    /// The statements that took most.
    pub(crate) async fn top(&self, sort: Sort, limit: usize) -> Result<Top, PgError> {
        const NAME: &str = "pg_stat_statements";
        let missing = || PgError::NoExtension { name: NAME, preloaded: true };
        let schema = quoted(&self.extension(NAME).await?.ok_or_else(missing)?);
        // These columns are the same from PostgreSQL 13 to 18.
        let sql = format!(
            "SELECT s.calls, s.total_exec_time, s.mean_exec_time, s.rows, s.shared_blks_read, \
                s.temp_blks_written, s.query \
            FROM {schema}.pg_stat_statements(true) s \
            WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d \
                WHERE d.datname = pg_catalog.current_database()) \
            ORDER BY s.{} DESC, s.queryid LIMIT {LOOKED_AT}",
            sort.column()
        );
        let query = Query { sql: sql.into(), params: Vec::new(), timeout: TIMEOUT, judged: None };
        let rows = match self.pool.read(query).await {
            Ok(rows) => rows.rest().await,
            Err(error) => Err(error),
        };
        let rows = rows.map_err(|error| match error {
            // It is there, but the server was started without its library.
            PgError::Refused(refusal) if refusal.state == "55000" => missing(),
            error => error,
        })?;
        let mut top = Top::default();
        for row in rows {
            if top.statements.len() == limit {
                break;
            }
            let mut counted = counted(&row).map_err(PgError::Driver)?;
            // The database says so itself of statements of other roles; ours are no news.
            if is_ours(&counted.query) {
                continue;
            }
            if counted.query == "<insufficient privilege>" || !self.may_tell(&counted.query).await?
            {
                top.left_out += 1;
                continue;
            }
            counted.query = without_constants(&counted.query);
            top.statements.push(counted);
        }
        Ok(top)
    }

    /// Whether a statement that others sent may be told of.
    async fn may_tell(&self, sql: &str) -> Result<bool, PgError> {
        if !self.catalog().restricts() {
            return Ok(true);
        }
        let checked = match self.check(sql).await {
            Ok(checked) => checked,
            Err(PgError::NotAllowed(_) | PgError::Masked(_)) => return Ok(false),
            // It names a column that doesn't exist for agents.
            Err(PgError::Refused(refusal)) if refusal.state == "42703" => return Ok(false),
            Err(error) => return Err(error),
        };
        let names = checked.relations().map(|(s, n)| (s.to_owned(), n.to_owned())).collect();
        let seen = self.catalog().see(&names).await?;
        Ok(seen.tells(sql))
    }
}

fn counted(row: &Row) -> Result<Counted, tokio_postgres::Error> {
    Ok(Counted {
        calls: row.try_get(0)?,
        total_ms: row.try_get(1)?,
        mean_ms: row.try_get(2)?,
        rows: row.try_get(3)?,
        reads: row.try_get(4)?,
        temporary: row.try_get(5)?,
        query: row.try_get::<_, Option<String>>(6)?.unwrap_or_default(),
    })
}

/// Statements of this server about the catalogue, and the frame around those of agents.
fn is_ours(sql: &str) -> bool {
    let sql = sql.trim_start();
    let frame =
        ["BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SELECT pg_catalog.set_config("];
    frame.iter().any(|start| sql.starts_with(start))
        || (sql.contains("pg_catalog.pg_class")
            || sql.contains("pg_catalog.pg_extension")
            || sql.contains("pg_stat_statements(")
            || sql.contains("pg_catalog.pg_lock_status"))
}

/// A statement with `?` for each constant, without comments, on one line.
pub(crate) fn without_constants(sql: &str) -> String {
    use TokenKind as T;
    let (mut text, mut at) = (String::with_capacity(sql.len()), 0_usize);
    for token in squawk_lexer::tokenize(sql) {
        let length = usize::try_from(token.len).unwrap_or(usize::MAX);
        let part = sql.get(at..at.saturating_add(length)).unwrap_or_default();
        at = at.saturating_add(length);
        match token.kind {
            T::Literal { .. } => text.push('?'),
            T::Whitespace | T::LineComment | T::BlockComment { .. } => {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
            }
            // Not understood: it might be the rest of a constant.
            T::Unknown | T::QuotedIdent { terminated: false, .. } => {
                text.push('…');
                return text;
            }
            _ => text.push_str(part),
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_left_out() {
        let cases = [
            ("SELECT  $1 -- secret\n FROM t", "SELECT $1 FROM t"),
            ("CREATE ROLE x PASSWORD 'secret'", "CREATE ROLE x PASSWORD ?"),
            ("COPY t FROM $q$secret$q$", "COPY t FROM ?"),
            ("SELECT E'se\\'cret', U&'secret', b'1', 42, \"a b\"", "SELECT ?, ?, ?, ?, \"a b\""),
            ("SELECT 'never closed", "SELECT ?"),
            ("SELECT /* secret */ 1.5e3", "SELECT ?"),
        ];
        for (sql, expected) in cases {
            assert_eq!(without_constants(sql), expected);
        }
    }
}

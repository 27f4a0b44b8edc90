//! Whether what somebody may read of a table or a saved query has changed: it is asked again and
//! again, and the answers are compared. What is compared is exactly what would be shown: by the
//! guard, without columns that are denied or masked, with the rights of the role and under its row
//! policies. So a change in what is hidden can't be told, not even by when something is told.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Column;

use super::error::PgError;
use super::reading::Query;
use super::saved::Saved;
use super::{Database, quoted};
use crate::guard::{Refusal as Guarded, Verdict};

/// What one comparison may take.
const LONGEST: Duration = Duration::from_secs(5);

/// One row, also if there is no such table: what has been committed by now, whether what the role
/// sees of the table follows from that alone, and whether that is all of it.
const STANDING: &str = "\
SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text,
    COALESCE(c.relkind = ANY ('{r,p,m}'::\"char\"[]), false),
    COALESCE(NOT pg_catalog.row_security_active(c.oid), false)
FROM (SELECT) AS one
LEFT JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
    ON n.nspname = $1 AND c.relname = $2";

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Table { schema: String, name: String },
    Saved { name: String, saved: Saved },
}

/// Looks at one subject.
pub(crate) struct Look {
    database: Arc<Database>,
    subject: Subject,
    /// It is looked at when a message tells of a change.
    is_told: bool,
    /// What had been committed when it was last looked at.
    snapshot: Option<String>,
    seen: Seen,
    /// How long the last comparison took.
    took: Duration,
}

/// What may be read.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// It isn't there, or may not be read.
    Nothing,
    /// All of a table that messages tell of: each of them is a change.
    Whole,
    /// A digest of it.
    Rows(String),
}

/// A statement that shows what may be read.
struct Shown {
    sql: String,
    /// Their names and types, and whether each is shown as it is.
    columns: Vec<(String, bool)>,
    judged: Option<Verdict>,
    /// It is a table, and nothing of it is hidden.
    is_whole: bool,
}

/// What the catalogue says of a table.
#[derive(Default)]
struct Standing {
    /// What has been committed by now, if what may be read follows from that alone.
    snapshot: Option<String>,
    /// It is a table of which the role sees each row.
    shows_rows: bool,
}

impl Database {
    /// The same database over one connection of its own, which is closed when nobody looks any more.
    pub(crate) fn aside(&self) -> Arc<Self> {
        let mut kept = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        kept.upgrade().unwrap_or_else(|| {
            let aside = Arc::new(self.over(self.pool.apart(1, None)));
            *kept = Arc::downgrade(&aside);
            aside
        })
    }
}

impl Look {
    /// The first look, which fails if there is nothing to be read.
    pub(crate) async fn new(
        database: Arc<Database>,
        subject: Subject,
        is_told: bool,
    ) -> Result<Self, PgError> {
        let (snapshot, seen, took) = (None, Seen::Nothing, Duration::ZERO);
        let mut look = Self { database, subject, is_told, snapshot, seen, took };
        let standing = look.standing().await?;
        look.seen = look.look(&standing).await?;
        look.snapshot = standing.snapshot;
        Ok(look)
    }

    /// Whether it has changed since the last look.
    pub(crate) async fn has_changed(&mut self) -> Result<bool, PgError> {
        self.took = Duration::ZERO;
        let standing = self.standing().await?;
        if !self.is_told && standing.snapshot.is_some() && standing.snapshot == self.snapshot {
            return Ok(false);
        }
        let now = match self.look(&standing).await {
            Err(error) if shows_nothing(&error) => Seen::Nothing,
            now => now?,
        };
        // Taken before what was seen: what was committed in between is looked at again.
        self.snapshot = standing.snapshot;
        let has_changed = now == Seen::Whole || now != self.seen;
        self.seen = now;
        Ok(has_changed)
    }

    /// Whether messages that nobody heard may have been changes.
    pub(crate) fn misses_messages(&self) -> bool {
        self.seen == Seen::Whole
    }

    async fn standing(&self) -> Result<Standing, PgError> {
        let Subject::Table { schema, name } = &self.subject else {
            return Ok(Standing::default());
        };
        let params = vec![Box::new(schema.clone()) as _, Box::new(name.clone()) as _];
        let rows = self.database.ask(STANDING, params).await?;
        let row = rows.first().ok_or(PgError::Closed)?;
        let get = |index| row.try_get::<_, bool>(index).map_err(PgError::Driver);
        let (is_stored, shows_rows) = (get(1)?, get(2)?);
        let snapshot = is_stored.then(|| row.try_get(0)).transpose().map_err(PgError::Driver)?;
        Ok(Standing { snapshot, shows_rows: is_stored && shows_rows })
    }

    /// How long the database took for the last comparison.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    async fn look(&mut self, standing: &Standing) -> Result<Seen, PgError> {
        let shown = self.shown().await?;
        if self.is_told && shown.is_whole && standing.shows_rows {
            return Ok(Seen::Whole);
        }
        let began = Instant::now();
        let rows = self.rows(shown).await;
        self.took = began.elapsed();
        rows
    }

    async fn shown(&self) -> Result<Shown, PgError> {
        let database = &self.database;
        let named = |columns: &[Column], hidden: Vec<bool>| {
            let name = |column: &Column| format!("{} {}", column.name(), column.type_().oid());
            columns.iter().map(name).zip(hidden.into_iter().map(|hidden| !hidden)).collect()
        };
        match &self.subject {
            Subject::Table { schema, name } => {
                let sql = format!("SELECT * FROM {}.{}", quoted(schema), quoted(name));
                let checked = database.check(&sql).await?;
                // Nothing of it is read here: what its columns are, and may be shown of them.
                let rows = database.read(&checked, &sql, Vec::new(), LONGEST).await?;
                let hidden: Vec<bool> = rows.masks.iter().map(Option::is_some).collect();
                Ok(Shown {
                    sql: checked.statement.text().to_owned(),
                    is_whole: rows.omitted.is_empty() && !hidden.contains(&true),
                    columns: named(rows.statement.columns(), hidden),
                    judged: Some(checked.verdict().clone()),
                })
            }
            Subject::Saved { saved, .. } => {
                let sql = saved.sql.trim_end().trim_end_matches(';').to_owned();
                let query = |sql: String| Query {
                    sql: sql.into(),
                    params: Vec::new(),
                    timeout: LONGEST,
                    judged: None,
                };
                let rows = database.pool.read(query(sql.clone())).await?;
                let statement = rows.statement.clone();
                // Its connection is the only one.
                drop(rows);
                let masks = database.masks_of_saved(&sql, statement.columns()).await?;
                let hidden = masks.iter().map(Option::is_some).collect();
                let columns = named(statement.columns(), hidden);
                Ok(Shown { sql, columns, judged: None, is_whole: false })
            }
        }
    }

    async fn rows(&self, shown: Shown) -> Result<Seen, PgError> {
        let Shown { sql, columns, judged, .. } = shown;
        let sql = digest(&sql, columns.iter().map(|(_, is_shown)| *is_shown));
        let query = Query { sql: sql.into(), params: Vec::new(), timeout: LONGEST, judged };
        let rows = self.database.pool.read(query).await?.rest().await?;
        let digest = rows.front().ok_or(PgError::Closed)?.try_get::<_, String>(0);
        let mut seen = digest.map_err(PgError::Driver)?;
        for (name, _) in columns.iter().filter(|(_, is_shown)| *is_shown) {
            seen.push('\n');
            seen.push_str(name);
        }
        Ok(Seen::Rows(seen))
    }
}

/// The statement around `sql` that gives one text, which is another one if its rows are others in the
/// columns that are shown. Their order doesn't count.
fn digest(sql: &str, shown: impl ExactSizeIterator<Item = bool>) -> String {
    let names: Vec<String> = (1..=shown.len()).map(|n| format!("c{n}")).collect();
    let aliases = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let shown = names.iter().zip(shown).filter(|(_, is_shown)| *is_shown);
    let shown: Vec<String> = shown.map(|(name, _)| format!("t.{name}")).collect();
    format!(
        "SELECT pg_catalog.concat(pg_catalog.count(*), ' ', pg_catalog.sum(\
         pg_catalog.hashtextextended(ROW({})::pg_catalog.text, 0))) FROM ({sql}\n) AS t{aliases}",
        shown.join(", ")
    )
}

/// Whether an error says that nothing is there to be read, now.
fn shows_nothing(error: &PgError) -> bool {
    match error {
        PgError::NotAllowed(Guarded::TooLarge(_) | Guarded::TooLong { .. }) => false,
        PgError::NotAllowed(_) | PgError::Masked(_) | PgError::Unseen => true,
        PgError::Refused(refusal) => !passes(error) && refusal.state != TIMED_OUT,
        _ => false,
    }
}

/// SQLSTATE of a statement whose time was up, or that somebody ended.
const TIMED_OUT: &str = "57014";

/// Whether it may go better a little later.
pub(crate) fn passes(error: &PgError) -> bool {
    match error {
        PgError::Connect(_) | PgError::Down(_) | PgError::Credential(_) | PgError::Driver(_) => {
            true
        }
        // Locks, conflicts, room: https://www.postgresql.org/docs/current/errcodes-appendix.html
        PgError::Refused(refusal) => {
            error.is_gone()
                || ["40", "53", "55"].iter().any(|class| refusal.state.starts_with(class))
        }
        error => error.is_gone(),
    }
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn only_what_is_shown_is_compared() {
        assert_eq!(
            digest("SELECT a, b, c FROM t -- all", [true, false, true].into_iter()),
            "SELECT pg_catalog.concat(pg_catalog.count(*), ' ', pg_catalog.sum(\
             pg_catalog.hashtextextended(ROW(t.c1, t.c3)::pg_catalog.text, 0))) \
             FROM (SELECT a, b, c FROM t -- all\n) AS t (c1, c2, c3)"
        );
        assert!(
            digest("SELECT", [].into_iter())
                .ends_with("ROW()::pg_catalog.text, 0))) FROM (SELECT\n) AS t")
        );
    }
}

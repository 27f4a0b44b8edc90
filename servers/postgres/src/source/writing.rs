//! Writing: all statements of a call in one transaction, on a connection that is closed afterwards.
//! Either all of them hold, or nothing has changed; where nobody can know, that is said.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use lockkeeper_core::{Add, Change, Destroy, Effect, Grant, Ongoing};
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Row, Statement, Transaction};

use super::bounded::Overlong;
use super::connect::{Connection, Pooled};
use super::error::PgError;
use super::pool::Pool;
use crate::guard::{LOCKED, Verdict};

/// What a transaction may take where the call has no deadline.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What is left of a call's time for its end.
const RESERVE: Duration = Duration::from_secs(1);

/// Rows that come back of one statement.
const RETURNED: usize = 100;

/// Bytes of these rows, as the database sends them.
const RETURNED_BYTES: usize = 64 * 1024;

/// How many rows the current transaction has changed so far, also in WITH, by triggers and by
/// foreign keys; none if the server doesn't count.
const CHANGED: &str = "\
SELECT CASE WHEN pg_catalog.current_setting('track_counts') = 'on' THEN
  (SELECT pg_catalog.sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::pg_catalog.int8
   FROM pg_catalog.pg_stat_xact_all_tables s) END";

/// Proof that the pipeline allows what a transaction does.
#[derive(Debug)]
#[expect(dead_code, reason = "to have a grant is the proof: nobody looks into it")]
pub(crate) enum Permit {
    Add(Grant<Add>),
    Change(Grant<Change>),
    Destroy(Grant<Destroy>),
}

impl Permit {
    fn effect(&self) -> Effect {
        match self {
            Self::Add(_) => Effect::Add,
            Self::Change(_) => Effect::Change,
            Self::Destroy(_) => Effect::Destroy,
        }
    }
}

/// A statement that was judged.
pub(crate) struct Write {
    pub(crate) sql: String,
    pub(crate) params: Vec<Box<dyn ToSql + Sync + Send>>,
    pub(crate) effect: Effect,
    pub(crate) judged: Option<Verdict>,
    /// Whether WITH changes rows that the statement's own count leaves out.
    pub(crate) is_nested: bool,
}

/// How the transaction ends, if all goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Commit,
    /// To see what would become of it.
    Rollback,
}

impl Finish {
    /// What a statement needs that has this effect. Rolled back, it loses nothing, though triggers
    /// run and sequences go on.
    pub(crate) fn needs(self, effect: Effect) -> Effect {
        match self {
            Self::Commit => effect,
            Self::Rollback => effect.min(Effect::Change),
        }
    }
}

/// How many rows may change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ceiling {
    /// By each statement.
    Most(u64),
    /// By all of them together.
    Exactly(u64),
}

/// What a statement did.
pub(crate) struct Written {
    pub(crate) rows: u64,
    pub(crate) statement: Statement,
    /// The first of the rows that it returned.
    pub(crate) returned: Vec<Row>,
    /// How many there were.
    pub(crate) all: u64,
}

/// Why a transaction came to nothing, and at which of its statements.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) at: Option<usize>,
    pub(crate) error: PgError,
}

impl From<PgError> for Failed {
    fn from(error: PgError) -> Self {
        Self { at: None, error }
    }
}

impl Pool {
    /// Runs the statements, in one transaction that holds as a whole or not at all.
    pub(crate) async fn write(
        &self,
        permit: Permit,
        writes: Vec<Write>,
        ceiling: Ceiling,
        finish: Finish,
    ) -> Result<Vec<Written>, Failed> {
        let needed = writes.iter().map(|write| finish.needs(write.effect)).max();
        if needed.is_some_and(|needed| needed > permit.effect()) {
            return Err(PgError::NotPlanned.into());
        }
        // Dropped, the connection is closed: no setting of a writing session is left to a reader,
        // and a transaction whose end nobody sees is rolled back by the server.
        let mut lease = self.take_awake().await?;
        let deadline = Ongoing::current().map(|call| call.deadline());
        let deadline = deadline.unwrap_or_else(|| Instant::now() + TIMEOUT + RESERVE);
        let ends = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let Connection { client, overlong, pooled, .. } = &mut lease.connection;
        let pooled = pooled.as_ref();
        let of = |error| PgError::of(error, overlong);
        let begin = client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted)
            .read_only(false);
        let transaction = begin.start().await.map_err(of)?;
        let done = settle(&transaction, pooled).await.map_err(of);
        let done = match done {
            Ok(()) => run(&transaction, writes, ceiling, ends, overlong).await,
            Err(error) => Err(error.into()),
        };
        if let Err(failed) = &done {
            Pooled::notes(pooled, &failed.error);
        }
        let written = match done {
            Ok(written) if finish == Finish::Commit && Instant::now() < ends => written,
            Ok(written) => {
                // Answered or not, it is rolled back: the connection goes.
                drop(transaction.rollback().await);
                return match finish {
                    Finish::Commit => Err(PgError::OutOfTime.into()),
                    Finish::Rollback => Ok(written),
                };
            }
            Err(failed) => {
                drop(transaction.rollback().await);
                return Err(failed);
            }
        };
        transaction.commit().await.map_err(|error| uncommitted(error, overlong))?;
        Ok(written)
    }
}

/// What an error says that comes in place of the answer to COMMIT. Only the database can say that
/// nothing has changed, and one that goes down may have changed it first.
fn uncommitted(error: tokio_postgres::Error, overlong: &Overlong) -> PgError {
    let is_certain = error.code().is_some_and(|state| {
        let state = state.code();
        state != "40003"
            && ["23", "40", "22", "25", "P0"].iter().any(|class| state.starts_with(class))
    });
    match PgError::of(error, overlong) {
        error if is_certain => error,
        error => {
            tracing::warn!(%error, "no answer to COMMIT");
            PgError::Unanswered
        }
    }
}

/// States the settings of the transaction, with those that the session didn't take.
async fn settle(
    transaction: &Transaction<'_>,
    pooled: Option<&Pooled>,
) -> Result<(), tokio_postgres::Error> {
    Pooled::settle(pooled, transaction).await?;
    let settings = "SELECT pg_catalog.set_config('lock_timeout', '5000', true), \
         pg_catalog.set_config('idle_in_transaction_session_timeout', '30000', true)";
    transaction.batch_execute(settings).await
}

async fn run(
    transaction: &Transaction<'_>,
    writes: Vec<Write>,
    ceiling: Ceiling,
    ends: Instant,
    overlong: &Overlong,
) -> Result<Vec<Written>, Failed> {
    // Before anything runs, the database is asked whether it sees in each what was judged.
    let mut prepared = Vec::new();
    for (at, write) in writes.into_iter().enumerate() {
        let failed = |error| Failed { at: Some(at), error: PgError::of(error, overlong) };
        let statement = transaction.prepare(&write.sql).await.map_err(failed)?;
        let (expected, given) = (statement.params().len(), write.params.len());
        if expected != given {
            let error = PgError::Parameters { expected, given };
            return Err(Failed { at: Some(at), error });
        }
        prepared.push((write, statement));
    }
    let seen = transaction.query_typed(LOCKED, &[]).await;
    let seen =
        seen.and_then(|rows| rows.first().map(|row| row.try_get::<_, Vec<u32>>(0)).transpose());
    let seen = seen.map_err(|error| PgError::of(error, overlong))?.unwrap_or_default();
    let is_judged = |oid: &u32| {
        prepared.iter().any(|(write, _)| {
            write.judged.as_ref().is_none_or(|judged| judged.covers(std::slice::from_ref(oid)))
        })
    };
    if !seen.iter().all(is_judged) {
        return Err(PgError::Unseen.into());
    }
    let mut written = Vec::new();
    for (at, (write, statement)) in prepared.into_iter().enumerate() {
        let one = one(transaction, write, statement, ceiling, ends).await;
        let one = one.map_err(|error| Failed { at: Some(at), error: error.into_source(overlong) });
        written.push(one?);
    }
    let rows = written.iter().map(|written| written.rows).sum();
    match ceiling {
        Ceiling::Exactly(expected) if rows != expected => {
            Err(PgError::OtherRows { rows, expected }.into())
        }
        _ => Ok(written),
    }
}

/// An error of the driver, or one that is understood already.
enum Problem {
    Driver(tokio_postgres::Error),
    Known(PgError),
}

impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl Problem {
    fn into_source(self, overlong: &Overlong) -> PgError {
        match self {
            Self::Driver(error) => PgError::of(error, overlong),
            Self::Known(error) => error,
        }
    }
}

async fn one(
    transaction: &Transaction<'_>,
    write: Write,
    statement: Statement,
    ceiling: Ceiling,
    ends: Instant,
) -> Result<Written, Problem> {
    let left = ends.saturating_duration_since(Instant::now());
    let timeout = left.as_millis().max(1);
    transaction
        .batch_execute(&format!(
            "SELECT pg_catalog.set_config('statement_timeout', '{timeout}', true)"
        ))
        .await?;
    let before = if write.is_nested { Some(changed(transaction).await?) } else { None };
    let (mut returned, mut all, mut bytes) = (Vec::new(), 0_u64, 0_usize);
    let rows = {
        let mut stream = pin!(transaction.query_raw(&statement, write.params).await?);
        while let Some(row) = stream.try_next().await? {
            all += 1;
            bytes = bytes.saturating_add(row.raw_size_bytes());
            if returned.len() < RETURNED && bytes <= RETURNED_BYTES {
                returned.push(row);
            }
        }
        stream.rows_affected().unwrap_or(0)
    };
    let rows = match before {
        Some(before) => rows.max(changed(transaction).await?.saturating_sub(before)),
        None => rows,
    };
    match ceiling {
        Ceiling::Most(most) if rows > most => {
            Err(Problem::Known(PgError::TooManyRows { rows, most }))
        }
        _ => Ok(Written { rows, statement, returned, all }),
    }
}

async fn changed(transaction: &Transaction<'_>) -> Result<u64, Problem> {
    let rows = transaction.query_typed(CHANGED, &[]).await?;
    let count = match rows.first() {
        Some(row) => row.try_get::<_, Option<i64>>(0)?,
        None => None,
    };
    let count = count.and_then(|count| u64::try_from(count).ok());
    count.ok_or(Problem::Known(PgError::NotCounted))
}

//! Reading: one statement in a read-only transaction that is always rolled back. Its rows come
//! through a portal, so many at a time as are asked for; between two pages the transaction stays
//! open for a while. A task of its own holds it, which ends it when nobody asks any more. Rows are
//! handed on as they come: however large they are, only a few of them are in memory.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::{try_join, try_join3};
use lockkeeper_core::Mask;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Portal, Row, Statement, Transaction};

use super::connect::{Connection, Pooled};
use super::error::PgError;
use super::pool::{Lease, PATIENCE, Pool};
use crate::guard::{LOCKED, Verdict};
use crate::values::masking::Omitted;

/// How long rows that nobody asked for yet are kept.
pub(crate) const KEPT: Duration = Duration::from_mins(1);

/// Whoever reads rows asks for the next ones within this time.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// Rows that are fetched first, unless more are wanted; then as many as make [`HANDED_ON`].
const BATCH: i32 = 64;
const LARGEST_BATCH: i32 = 4096;

/// Among them what one statement may put into temporary files, 2 GiB in kilobytes; only a superuser
/// can set this.
macro_rules! settings {
    () => {
        "SELECT pg_catalog.set_config('statement_timeout', $1, true), \
         pg_catalog.set_config('lock_timeout', '5000', true), \
         CASE WHEN pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on' \
         THEN pg_catalog.set_config('temp_file_limit', '2097152', true) END"
    };
}

/// Bytes of rows that are handed on at once.
const HANDED_ON: usize = 64 * 1024;

/// A statement that may run, with its parameters.
pub(crate) struct Query {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) params: Vec<Box<dyn ToSql + Sync + Send>>,
    /// Of each execution.
    pub(crate) timeout: Duration,
    /// What was judged of it, if that was just now: the database is asked whether it sees the same.
    pub(crate) judged: Option<Verdict>,
}

/// What is done in the session before a statement of somebody is planned, and undone after it. Both
/// are of ours. A session that was used so isn't used again.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    pub(crate) before: String,
    pub(crate) after: String,
}

/// The rows of a statement, read as they are asked for. Dropped, the statement is cancelled.
pub(crate) struct Rows {
    pub(crate) statement: Statement,
    /// What is shown of each column; of one without a place here, nothing is.
    pub(crate) masks: Vec<Option<Mask>>,
    /// What `*` left out of them.
    pub(crate) omitted: Vec<Omitted>,
    ahead: VecDeque<Row>,
    /// What is still to come of what was asked for.
    coming: Option<mpsc::Receiver<Result<Batch, PgError>>>,
    /// The portal has no more.
    ended: bool,
    /// Rows that are asked for at once; 0 is all.
    at_once: i32,
    /// That is: as many as fit into what is handed on at once.
    is_adapting: bool,
    asks: mpsc::Sender<Ask>,
}

/// For so many rows, all if that is 0.
struct Ask(i32, mpsc::Sender<Result<Batch, PgError>>);

struct Batch {
    rows: Vec<Row>,
    rest: Rest,
}

/// What follows a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// More of what was asked for.
    Coming,
    /// More, if it is asked for.
    Waiting,
    Nothing,
}

impl Rows {
    /// Asks for this many rows at once from now on, however large they are.
    pub(crate) fn always_at_once(&mut self, rows: i32) {
        (self.at_once, self.is_adapting) = (rows, false);
    }

    /// The next rows, as many as are handed on at once. Given up, it goes on where it was.
    pub(crate) async fn some(&mut self) -> Result<Option<VecDeque<Row>>, PgError> {
        while self.ahead.is_empty() {
            if self.ended {
                return Ok(None);
            }
            self.fetch().await?;
        }
        Ok(Some(std::mem::take(&mut self.ahead)))
    }

    /// The next row. Given up, it goes on where it was.
    pub(crate) async fn next(&mut self) -> Result<Option<Row>, PgError> {
        loop {
            if let Some(row) = self.ahead.pop_front() {
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            self.fetch().await?;
        }
    }

    /// All that are left: for statements of ours, whose rows are small and few enough.
    pub(crate) async fn rest(mut self) -> Result<VecDeque<Row>, PgError> {
        self.always_at_once(0);
        while !self.ended {
            self.fetch().await?;
        }
        Ok(self.ahead)
    }

    async fn fetch(&mut self) -> Result<(), PgError> {
        if self.coming.is_none() {
            // The task has ended when its time was up, or its connection needed by others.
            let place = self.asks.reserve().await.map_err(|_| PgError::Expired)?;
            let (reply, coming) = mpsc::channel(1);
            place.send(Ask(self.at_once, reply));
            self.coming = Some(coming);
        }
        let Some(coming) = &mut self.coming else { return Err(PgError::Closed) };
        let Batch { rows, rest } = coming.recv().await.ok_or(PgError::Closed)??;
        if self.is_adapting {
            self.at_once = batch_of(&rows);
        }
        self.ahead.extend(rows);
        if rest != Rest::Coming {
            self.coming = None;
        }
        self.ended = rest == Rest::Nothing;
        Ok(())
    }

    /// About how many bytes are in memory while nobody asks.
    pub(crate) fn weight(&self) -> usize {
        let rows = self.ahead.iter().map(Row::raw_size_bytes).sum::<usize>();
        // As much again, and what the driver has read.
        if self.coming.is_some() { rows.saturating_mul(3) } else { rows }
    }

    /// Puts a row back that didn't fit.
    pub(crate) fn put_back(&mut self, row: Row) {
        self.ahead.push_front(row);
    }
}

/// How many rows like these are fetched at once.
fn batch_of(rows: &[Row]) -> i32 {
    let bytes = rows.iter().map(Row::raw_size_bytes).sum::<usize>().max(1);
    let batch = HANDED_ON.saturating_mul(rows.len()) / bytes;
    i32::try_from(batch).unwrap_or(LARGEST_BATCH).clamp(BATCH, LARGEST_BATCH)
}

impl Pool {
    /// Runs `query`. Nothing has been fetched when it returns.
    pub(crate) async fn read(&self, query: Query) -> Result<Rows, PgError> {
        self.read_within(query, None).await
    }

    /// The same in a session that something is done to.
    pub(crate) async fn read_within(
        &self,
        query: Query,
        around: Option<Around>,
    ) -> Result<Rows, PgError> {
        let mut lease = self.take().await?;
        let mut query = query;
        loop {
            let has_rested = lease.has_rested;
            let (begun, begins) = oneshot::channel();
            let (asks, asked) = mpsc::channel(1);
            #[expect(
                clippy::disallowed_methods,
                reason = "ends with its last asker, or after a while"
            )]
            tokio::spawn(serve(lease, query, around.clone(), begun, asked));
            match begins.await.map_err(|_| PgError::Closed)? {
                Ok(statement) => {
                    let (masks, ahead, coming) = (Vec::new(), VecDeque::new(), None);
                    let at_once = BATCH;
                    return Ok(Rows {
                        statement,
                        masks,
                        omitted: Vec::new(),
                        ahead,
                        coming,
                        ended: false,
                        at_once,
                        is_adapting: true,
                        asks,
                    });
                }
                // The database had left it, and has seen nothing that mattered.
                Err(NotBegun { error, query: again, .. }) if has_rested && error.is_gone() => {
                    tracing::debug!(%error, "a connection that had rested is gone");
                    query = again;
                    lease = self.take_new().await?;
                }
                // It is prepared anew, or what was in the way is cleared now.
                Err(NotBegun { query: again, is_stale: true, .. }) => {
                    query = again;
                    lease = self.take().await?;
                }
                Err(NotBegun { error, .. }) => return Err(error),
            }
        }
    }
}

/// A query that didn't begin.
struct NotBegun {
    error: PgError,
    query: Query,
    /// Only what was prepared, for tables that have changed since or by others, is in the way, and
    /// isn't any more.
    is_stale: bool,
}

type Begun = oneshot::Sender<Result<Statement, NotBegun>>;

/// How a transaction ended.
enum End {
    /// Its end is sent; the connection can be used again.
    Whole,
    /// Nobody waits for it any more.
    Abandoned,
    Broken,
}

/// The task: from the beginning of the transaction to its end.
async fn serve(
    mut lease: Lease,
    query: Query,
    around: Option<Around>,
    begun: Begun,
    asked: mpsc::Receiver<Ask>,
) {
    let Around { before, after } = around.unwrap_or_else(Around::nothing);
    match run(&mut lease, query, &before, begun, asked).await {
        // A pooler may hand the session on although its connection is closed.
        End::Whole if !after.is_empty() => {
            drop(lease.connection.client.batch_execute(&after).await);
        }
        End::Whole => lease.give_back(),
        // Its place is free when the database has been told, not when it has listened.
        End::Abandoned => lease.connection.cancel.cancel().await,
        End::Broken => {}
    }
}

impl End {
    fn after(error: &PgError) -> Self {
        let is_whole = matches!(error, PgError::Refused(_)) && !error.is_gone();
        if is_whole { Self::Whole } else { Self::Broken }
    }
}

impl Around {
    const fn nothing() -> Self {
        Self { before: String::new(), after: String::new() }
    }
}

async fn run(
    lease: &mut Lease,
    query: Query,
    before: &str,
    mut begun: Begun,
    mut asked: mpsc::Receiver<Ask>,
) -> End {
    let pool = lease.pool();
    let Lease { connection, has_rested, .. } = lease;
    let (overlong, pooled) = (connection.overlong.clone(), connection.pooled.clone());
    let beginning = tokio::select! {
        beginning = begin(connection, &query, before, *has_rested) => beginning,
        () = begun.closed() => return End::Abandoned,
    };
    let (transaction, statement, portal) = match beginning {
        Ok(begun) => begun,
        Err(unbegun) => {
            let was_kept = matches!(unbegun, Unbegun::Kept(_));
            let error = match unbegun {
                Unbegun::Failed(error) | Unbegun::Kept(error) => PgError::of(error, &overlong),
                Unbegun::Unseen => PgError::Unseen,
                Unbegun::Parameters { expected, given } => PgError::Parameters { expected, given },
                Unbegun::Silent => PgError::Closed,
            };
            let end = End::after(&error);
            let is_littered = Pooled::notes(pooled.as_ref(), &error);
            let is_stale = is_littered || (was_kept && Theirs::outdates(&error));
            drop(begun.send(Err(NotBegun { error, query, is_stale })));
            return end;
        }
    };
    if begun.send(Ok(statement)).is_err() {
        return End::Whole;
    }
    // Dropped, the transaction is rolled back: whatever was said is undone.
    while let Some(Ask(most, reply)) = next_ask(&mut asked, &pool).await {
        let fetched = tokio::select! {
            fetched = fetch(&transaction, &portal, most, &reply) => fetched,
            () = reply.closed() => return End::Abandoned,
        };
        match fetched {
            Ok(Fetched::All) => break,
            Ok(Fetched::Part) => {}
            Ok(Fetched::Unwanted) => return End::Abandoned,
            Err(error) => {
                let error = PgError::of(error, &overlong);
                let end = End::after(&error);
                // Whoever asked may be gone, or slow.
                drop(timeout(KEPT, reply.send(Err(error))).await);
                return end;
            }
        }
    }
    End::Whole
}

/// None if nobody asks any more, or if the connection is needed for somebody who does.
async fn next_ask(asked: &mut mpsc::Receiver<Ask>, pool: &Pool) -> Option<Ask> {
    if let Ok(ask) = timeout(UNDER_WAY, asked.recv()).await {
        return ask;
    }
    tokio::select! {
        ask = timeout(KEPT, asked.recv()) => ask.ok().flatten(),
        () = pool.wanted() => None,
    }
}

/// Why a statement didn't begin.
enum Unbegun {
    Failed(tokio_postgres::Error),
    /// The statement had been kept prepared, and isn't any more.
    Kept(tokio_postgres::Error),
    /// The database sees a table in it that was not judged.
    Unseen,
    Parameters {
        expected: usize,
        given: usize,
    },
    /// The connection had rested and nothing comes back on it.
    Silent,
}

impl From<tokio_postgres::Error> for Unbegun {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failed(error)
    }
}

/// Begins a transaction in which nothing can be changed, and the statement in it. Until there is a
/// snapshot a transaction can be made one that writes (measured): the settings take it.
async fn begin<'a>(
    connection: &'a mut Connection,
    query: &Query,
    before: &str,
    has_rested: bool,
) -> Result<(Transaction<'a>, Statement, Portal), Unbegun> {
    let Query { sql, params, timeout: limit, judged } = query;
    let Connection { client, prepared, pooled, .. } = connection;
    if pooled.is_some() {
        // The next transaction of a pooler may be another session's.
        *prepared = Prepared::default();
    }
    let Prepared { own, theirs } = prepared;
    let starting = client.build_transaction().read_only(true).start();
    let patience = if has_rested { PATIENCE } else { Duration::MAX };
    let transaction = timeout(patience, starting).await.map_err(|_| Unbegun::Silent)??;
    Pooled::settle(pooled.as_ref(), &transaction).await?;
    let locked = match judged {
        Some(_) => Some(own.statement(&transaction, LOCKED).await?),
        None => None,
    };
    let kept = match sql {
        Cow::Borrowed(ours) => Some(own.statement(&transaction, ours).await?),
        // What is judged anew is prepared anew: only that locks the tables that it reads.
        Cow::Owned(sql) if judged.is_none() => theirs.get(sql),
        Cow::Owned(_) => None,
    };
    let settings = own.statement(&transaction, settings(matches!(sql, Cow::Borrowed(_)))).await?;
    let milliseconds = limit.as_millis().max(1).to_string();
    // All are sent before any is answered, in this order.
    let settle = async { transaction.query_one(&settings, &[&milliseconds]).await.map(drop) };
    let params = || params.iter().map(|param| &**param as &(dyn ToSql + Sync));
    if let Some(statement) = kept.clone()
        && locked.is_none()
        && before.is_empty()
    {
        let (expected, given) = (statement.params().len(), params().len());
        if given != expected {
            return Err(Unbegun::Parameters { expected, given });
        }
        let begun = try_join(settle, transaction.bind_raw(&statement, params())).await;
        return match (begun, sql) {
            (Ok(((), portal)), _) => Ok((transaction, statement, portal)),
            (Err(error), Cow::Borrowed(_)) => Err(error.into()),
            (Err(error), Cow::Owned(sql)) => {
                theirs.forget(sql);
                Err(Unbegun::Kept(error))
            }
        };
    }
    let prepare = async {
        match kept {
            Some(statement) => Ok(statement),
            None => transaction.prepare(sql).await,
        }
    };
    let look = async {
        match &locked {
            Some(locked) => transaction.query_one(locked, &[]).await.map(Some),
            None => Ok(None),
        }
    };
    let ((), statement, seen) = try_join3(settle, prepare, look).await?;
    if let (Some(judged), Some(seen)) = (judged, seen)
        && !judged.covers(&seen.try_get::<_, Vec<u32>>(0)?)
    {
        return Err(Unbegun::Unseen);
    }
    // Seen or not, what is done here is done to a statement that was judged.
    if !before.is_empty() {
        transaction.batch_execute(before).await?;
    }
    let (expected, given) = (statement.params().len(), params().len());
    if given != expected {
        return Err(Unbegun::Parameters { expected, given });
    }
    let portal = transaction.bind_raw(&statement, params()).await?;
    if let Cow::Owned(sql) = sql {
        theirs.put(sql, &statement);
    }
    Ok((transaction, statement, portal))
}

/// What a connection keeps prepared.
#[derive(Default)]
pub(crate) struct Prepared {
    own: Own,
    theirs: Theirs,
}

/// Statements of others that a connection keeps prepared, those used last: who asks the same again
/// with other values saves the database most of the work.
#[derive(Default)]
struct Theirs(VecDeque<(String, Statement)>);

impl Theirs {
    /// As many are kept.
    const MOST: usize = 16;
    /// Longer ones aren't, in bytes.
    const LONGEST: usize = 8 * 1024;

    fn get(&mut self, sql: &str) -> Option<Statement> {
        let at = self.0.iter().position(|(kept, _)| kept == sql)?;
        let found = self.0.remove(at)?;
        let statement = found.1.clone();
        self.0.push_front(found);
        Some(statement)
    }

    fn put(&mut self, sql: &str, statement: &Statement) {
        if sql.len() <= Self::LONGEST {
            self.forget(sql);
            self.0.truncate(Self::MOST - 1);
            self.0.push_front((sql.to_owned(), statement.clone()));
        }
    }

    fn forget(&mut self, sql: &str) {
        self.0.retain(|(kept, _)| kept != sql);
    }

    /// Whether the error says that what was prepared can't be used any more: other columns than
    /// before, or a session that a pooler has changed for another.
    fn outdates(error: &PgError) -> bool {
        matches!(error, PgError::Refused(refusal) if matches!(&*refusal.state, "0A000" | "26000"))
    }
}

/// Statements of ours that a connection has prepared: the larger ones take longer to plan than to
/// run.
#[derive(Default)]
struct Own(HashMap<&'static str, Statement>);

impl Own {
    async fn statement(
        &mut self,
        transaction: &Transaction<'_>,
        sql: &'static str,
    ) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.0.get(sql) {
            return Ok(statement.clone());
        }
        let statement = transaction.prepare(sql).await?;
        self.0.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// States the settings of a transaction, which a pooler may have handed to us with others; $1 is
/// the time for each execution, in milliseconds. Large statements of `ours` take longer to plan, or
/// to compile, than to run.
const fn settings(ours: bool) -> &'static str {
    if ours {
        concat!(
            settings!(),
            ", pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true), \
             pg_catalog.set_config('jit', 'off', true)"
        )
    } else {
        settings!()
    }
}

/// How far a portal got.
enum Fetched {
    /// To its end.
    All,
    /// As far as was asked.
    Part,
    /// Nobody took the rows.
    Unwanted,
}

async fn fetch(
    transaction: &Transaction<'_>,
    portal: &Portal,
    most: i32,
    reply: &mpsc::Sender<Result<Batch, PgError>>,
) -> Result<Fetched, tokio_postgres::Error> {
    let mut stream = pin!(transaction.query_portal_raw(portal, most).await?);
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    // No row is asked for before there is a place for it.
    let place = || timeout(KEPT, reply.reserve());
    let Ok(Ok(mut free)) = place().await else { return Ok(Fetched::Unwanted) };
    while let Some(row) = stream.try_next().await? {
        bytes = bytes.saturating_add(row.raw_size_bytes());
        rows.push(row);
        if bytes >= HANDED_ON {
            free.send(Ok(Batch { rows: std::mem::take(&mut rows), rest: Rest::Coming }));
            bytes = 0;
            // Until it is taken, the database waits as well.
            match place().await {
                Ok(Ok(next)) => free = next,
                Ok(Err(_)) | Err(_) => return Ok(Fetched::Unwanted),
            }
        }
    }
    // A suspended portal counts nothing.
    let ended = stream.rows_affected().is_some();
    let rest = if ended { Rest::Nothing } else { Rest::Waiting };
    free.send(Ok(Batch { rows, rest }));
    Ok(if ended { Fetched::All } else { Fetched::Part })
}

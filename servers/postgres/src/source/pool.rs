//! The connections to one database: a few, opened when they are needed, kept while they are whole.
//! A connection is given back only after its transaction was ended; any other is closed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockkeeper_core::{Attempt, Credentials, Failure, Ongoing, Sockets, Upstream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::connect::{ConnectError, Connection, Hear, Session, connect};
use super::dsn::{self, Address};
use super::error::PgError;
use super::standing::Standing;

/// A connection is closed at this age, so that failover and new settings are noticed.
const OLDEST: Duration = Duration::from_mins(30);

/// One that wasn't used for this long is closed instead of used.
const IDLE: Duration = Duration::from_mins(5);

/// What an attempt to connect may take at most, whatever the connection string says: a host that
/// hangs until the call is over would never count as failed.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(20);

/// A connection that has rested, and whose database says nothing for so long, is gone: what stands
/// between may have forgotten it without a word.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// A host that hung for less than this has not failed.
const TELLING: Duration = Duration::from_millis(500);

/// Where a database is, as far as it is known before anybody asks it.
pub(crate) struct Place {
    /// The connection string without its password, or none if it is the credential.
    pub(crate) dsn: Option<String>,
    /// The password, or the whole connection string.
    pub(crate) credential: Credentials,
    pub(crate) variables: BTreeMap<&'static str, String>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) search_path: String,
    pub(crate) role: RoleWanted,
    pub(crate) sockets: Sockets,
}

/// Which roles may be logged in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleWanted {
    Any,
    /// One that has no rights over the server, and writes no table either.
    Reader,
    /// One that has no rights over the server.
    Writer,
}

/// The connections to one database.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    place: Arc<Place>,
    upstream: Upstream,
    slots: Arc<Semaphore>,
    /// How many wait for a place, and a call to those who hold one without need.
    waiting: AtomicUsize,
    wanted: Notify,
    idle: Mutex<Vec<Idle>>,
    /// A pooler answers, which takes no settings with the login.
    is_pooled: AtomicBool,
    is_littered: Arc<AtomicBool>,
    /// Who is told what its connections say without being asked.
    hear: Option<Hear>,
}

struct Idle {
    connection: Connection,
    born: Instant,
    used: Instant,
}

/// A connection in use. Dropped without [`Lease::give_back`], it is closed.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    born: Instant,
    /// It was at rest: the database may have left it since.
    pub(crate) has_rested: bool,
    home: Pool,
    /// Another may be opened in its place.
    _slot: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(place: Place, upstream: Upstream, size: usize) -> Self {
        Self::of(Arc::new(place), upstream, size, None)
    }

    /// Connections to the same database beside these. They are closed when it is dropped.
    pub(crate) fn apart(&self, size: usize, hear: Option<Hear>) -> Self {
        Self::of(Arc::clone(&self.0.place), self.0.upstream.clone(), size, hear)
    }

    fn of(place: Arc<Place>, upstream: Upstream, size: usize, hear: Option<Hear>) -> Self {
        let slots = Arc::new(Semaphore::new(size));
        Self(Arc::new(Shared {
            place,
            upstream,
            slots,
            waiting: AtomicUsize::default(),
            wanted: Notify::new(),
            idle: Mutex::default(),
            is_pooled: AtomicBool::default(),
            is_littered: Arc::default(),
            hear,
        }))
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    /// A connection with no transaction open; waits for one if all are in use.
    pub(crate) async fn take(&self) -> Result<Lease, PgError> {
        let slot = self.slot().await?;
        let now = Instant::now();
        while let Some(idle) = self.pop() {
            let whole = !idle.connection.client.is_closed();
            if whole && now - idle.born < OLDEST && now - idle.used < IDLE {
                let Idle { connection, born, .. } = idle;
                let home = self.clone();
                return Ok(Lease { connection, born, has_rested: true, home, _slot: slot });
            }
        }
        self.open(slot).await
    }

    /// The same, opened now: where one that had rested was found to be gone, the others are too.
    pub(crate) async fn take_new(&self) -> Result<Lease, PgError> {
        let slot = self.slot().await?;
        let rested = std::mem::take(&mut *self.idle());
        drop(rested);
        self.open(slot).await
    }

    /// The same as [`Pool::take`], for what is not begun a second time: the database answers on it.
    pub(crate) async fn take_awake(&self) -> Result<Lease, PgError> {
        let lease = self.take().await?;
        if !lease.has_rested {
            return Ok(lease);
        }
        let nothing = lease.connection.client.batch_execute("");
        if matches!(timeout(PATIENCE, nothing).await, Ok(Ok(()))) {
            return Ok(lease);
        }
        drop(lease);
        self.take_new().await
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, PgError> {
        let Shared { slots, waiting, wanted, .. } = &*self.0;
        if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
            return Ok(slot);
        }
        let _waits = Waits::new(waiting);
        wanted.notify_one();
        // The semaphore is never closed.
        Arc::clone(slots).acquire_owned().await.map_err(|_| PgError::Closed)
    }

    /// Ends when somebody waits for the place of whoever asks: the one that asked first.
    pub(crate) async fn wanted(&self) {
        loop {
            self.0.wanted.notified().await;
            // An older call, which was answered otherwise, counts for nobody.
            if self.0.waiting.load(Ordering::Relaxed) > 0 {
                return;
            }
        }
    }

    async fn open(&self, slot: OwnedSemaphorePermit) -> Result<Lease, PgError> {
        let connection = self.connect().await?;
        let (born, home) = (Instant::now(), self.clone());
        Ok(Lease { connection, born, has_rested: false, home, _slot: slot })
    }

    fn pop(&self) -> Option<Idle> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection, again if that may help and the call has the time.
    async fn connect(&self) -> Result<Connection, PgError> {
        let Shared { upstream, .. } = &*self.0;
        let mut backoff = upstream.backoff();
        loop {
            // Whoever keeps the credential is no part of the database.
            let address = self.address().await?;
            let attempt = upstream.admit().map_err(PgError::Down)?;
            let within = time_for_attempt();
            let connecting = timeout(within, self.connect_once(&address, within)).await;
            let failed = match connecting {
                Ok(Ok(connection)) => {
                    attempt.succeeded();
                    return Ok(connection);
                }
                Ok(Err(PgError::Connect(failed))) => failed,
                Ok(Err(error)) => {
                    attempt.succeeded();
                    return Err(error);
                }
                Err(_) => ConnectError::Silent { place: address.places() },
            };
            settle(attempt, &failed, within);
            let pause = match Ongoing::current() {
                Some(ongoing) if failed.may_pass() => backoff.next(None, ongoing.deadline()),
                _ => None,
            };
            let Some(pause) = pause else { return Err(PgError::Connect(failed)) };
            upstream.retried();
            sleep(pause).await;
        }
    }

    async fn connect_once(
        &self,
        address: &Address,
        within: Duration,
    ) -> Result<Connection, PgError> {
        let Place { search_path, credential, role, sockets, .. } = self.place();
        let is_littered = &self.0.is_littered;
        let pooled = self.0.is_pooled.load(Ordering::Relaxed).then_some(is_littered);
        let application = "lockkeeper-postgres";
        let hear = self.0.hear.as_ref();
        let mut session = Session { application, search_path, sockets, pooled, hear };
        let mut connected = connect(address, &session, within).await;
        if let Err(refused) = &connected
            && refused.takes_no_options()
            && address.options.is_none()
        {
            self.0.is_pooled.store(true, Ordering::Relaxed);
            session.pooled = Some(is_littered);
            connected = connect(address, &session, within).await;
        }
        if let Err(ConnectError::Login { .. }) = &connected {
            // A renewed password is seen by the next attempt.
            credential.forget().await;
        }
        let connection = connected.map_err(PgError::Connect)?;
        if *role != RoleWanted::Any {
            // Roles are given rights at any time: each new connection is asked.
            let standing = Standing::of(&connection.client).await?;
            if let Some(problem) = standing.unwanted(*role) {
                return Err(PgError::UnsafeRole { role: standing.role, problem });
            }
        }
        Ok(connection)
    }

    /// Where the database is. Reads the credential.
    pub(crate) async fn address(&self) -> Result<Address, PgError> {
        let Place { dsn, credential, variables, home, .. } = self.place();
        let parse =
            |dsn: &str| Address::parse(dsn, variables, home.as_deref()).map_err(PgError::Dsn);
        if !credential.is_configured() {
            return parse(dsn.as_deref().unwrap_or_default());
        }
        let secret = credential.resolve().await.map_err(PgError::Credential)?;
        match dsn {
            None if dsn::is_one(secret.expose()) => parse(secret.expose()),
            dsn => {
                let mut address = parse(dsn.as_deref().unwrap_or_default())?;
                address.password = Some(dsn::Password(secret));
                Ok(address)
            }
        }
    }
}

/// Counts one who waits, as long as it lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A part of what is left of the call, so that there is time to say that it failed.
fn time_for_attempt() -> Duration {
    let left = |call: Ongoing| call.deadline().saturating_duration_since(std::time::Instant::now());
    Ongoing::current().map_or(LONGEST_ATTEMPT, |call| LONGEST_ATTEMPT.min(left(call) * 4 / 5))
}

/// Tells the breaker. A login that is refused for good comes from a database that works.
fn settle(attempt: Attempt, failed: &ConnectError, within: Duration) {
    match failed {
        ConnectError::Silent { .. } if within < TELLING => drop(attempt),
        ConnectError::Silent { .. } => attempt.failed(Failure::TimedOut),
        ConnectError::Login { .. } if !failed.may_pass() => attempt.succeeded(),
        ConnectError::Login { .. } => attempt.failed(Failure::Faulty),
        _ => attempt.failed(Failure::Unreachable),
    }
}

impl Lease {
    /// Where it came from.
    pub(crate) fn pool(&self) -> Pool {
        self.home.clone()
    }

    /// Gives it back. Its transaction must have been ended, or its end been sent.
    pub(crate) fn give_back(self) {
        let Self { connection, born, home, .. } = self;
        if !connection.client.is_closed() {
            let idle = Idle { connection, born, used: Instant::now() };
            home.idle().push(idle);
        }
    }
}

#[cfg(test)]
mod tests;

//! The connections to one database: a few, opened when they are needed, kept while they are whole.
//! A connection is given back only after its transaction was ended; any other is closed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockkeeper_core::{Credentials, Failure, Upstream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::connect::{ConnectError, Connection, Session, connect};
use super::dsn::Address;
use super::error::PgError;

/// A connection is closed at this age, so that failover and new settings are noticed.
const OLDEST: Duration = Duration::from_secs(30 * 60);

/// One that wasn't used for this long is closed instead of used.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// Where a database is, as far as it is known before anybody asks it.
pub(crate) struct Place {
    /// The connection string without its password, or none if it is the credential.
    pub(crate) dsn: Option<String>,
    /// The password, or the whole connection string.
    pub(crate) credential: Credentials,
    pub(crate) variables: BTreeMap<&'static str, String>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) search_path: String,
}

/// The connections to one database.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    place: Place,
    upstream: Upstream,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
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
    home: Pool,
    /// Another may be opened in its place.
    _slot: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(place: Place, upstream: Upstream, size: usize) -> Self {
        let slots = Arc::new(Semaphore::new(size));
        Self(Arc::new(Shared { place, upstream, slots, idle: Mutex::default() }))
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    /// A connection with no transaction open; waits for one if all are in use.
    pub(crate) async fn take(&self) -> Result<Lease, PgError> {
        // The semaphore is never closed.
        let slot = Arc::clone(&self.0.slots).acquire_owned().await.map_err(|_| PgError::Closed)?;
        let now = Instant::now();
        while let Some(idle) = self.pop() {
            let whole = !idle.connection.client.is_closed();
            if whole && now - idle.born < OLDEST && now - idle.used < IDLE {
                let Idle { connection, born, .. } = idle;
                return Ok(Lease { connection, born, home: self.clone(), _slot: slot });
            }
        }
        let connection = self.connect().await?;
        Ok(Lease { connection, born: now, home: self.clone(), _slot: slot })
    }

    /// Whether the connections at hand are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().any(|idle| idle.connection.encrypted)
    }

    fn pop(&self) -> Option<Idle> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Opens a connection, again if that may help and the call has the time.
    async fn connect(&self) -> Result<Connection, PgError> {
        let Shared { upstream, .. } = &*self.0;
        let mut backoff = upstream.backoff();
        loop {
            let attempt = upstream.admit().map_err(PgError::Down)?;
            let failed = match self.connect_once().await {
                Ok(connection) => {
                    attempt.succeeded();
                    return Ok(connection);
                }
                Err(PgError::Connect(failed)) => failed,
                Err(error) => return Err(error),
            };
            match &failed {
                ConnectError::Silent { .. } => attempt.failed(Failure::TimedOut),
                ConnectError::Login { .. } if !failed.may_pass() => attempt.succeeded(),
                ConnectError::Login { .. } => attempt.failed(Failure::Faulty),
                _ => attempt.failed(Failure::Unreachable),
            }
            let pause = match lockkeeper_core::Ongoing::current() {
                Some(ongoing) if failed.may_pass() => backoff.next(None, ongoing.deadline()),
                _ => None,
            };
            let Some(pause) = pause else { return Err(PgError::Connect(failed)) };
            upstream.retried();
            tokio::time::sleep(pause).await;
        }
    }

    async fn connect_once(&self) -> Result<Connection, PgError> {
        let Place { search_path, credential, .. } = &self.0.place;
        let address = self.address().await?;
        let session = Session { application: "lockkeeper-postgres", search_path, read_only: true };
        let connected = connect(&address, &session).await;
        if let Err(ConnectError::Login { .. }) = &connected {
            // A renewed password is seen by the next attempt.
            credential.forget().await;
        }
        connected.map_err(PgError::Connect)
    }

    /// Where the database is. Reads the credential.
    pub(crate) async fn address(&self) -> Result<Address, PgError> {
        let Place { dsn, credential, variables, home, .. } = &self.0.place;
        let parse =
            |dsn: &str| Address::parse(dsn, variables, home.as_deref()).map_err(PgError::Dsn);
        if !credential.is_configured() {
            return parse(dsn.as_deref().unwrap_or_default());
        }
        let secret = credential.resolve().await.map_err(PgError::Credential)?;
        match dsn {
            None if secret.expose().contains("://") || secret.expose().contains('=') => {
                parse(secret.expose())
            }
            dsn => {
                let mut address = parse(dsn.as_deref().unwrap_or_default())?;
                address.password = Some(super::dsn::Password(secret));
                Ok(address)
            }
        }
    }
}

impl Lease {
    /// Gives it back. Its transaction must have been ended, or its end been sent.
    pub(crate) fn give_back(self) {
        let Self { connection, born, home, _slot } = self;
        if !connection.client.is_closed() {
            let idle = Idle { connection, born, used: Instant::now() };
            home.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
        }
    }
}

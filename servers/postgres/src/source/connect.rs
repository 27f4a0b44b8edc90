//! One connection: which host is dialled, whether and how it is encrypted, what the session is set
//! to before anybody's text reaches it, and how a query on it is cancelled.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockkeeper_core::Sockets;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, Transaction};

use super::bounded::{Bounded, Overlong};
use super::dsn::{Address, Host, Wants};
use super::error::PgError;
use super::reading::Prepared;
use super::tls::{self, Handshake, Raw, TlsError, TlsMode, Wire};

/// A silent peer is noticed after this time without traffic, and a minute more.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// How long a cancellation may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// A session that was lost with its transaction open ends itself, and frees its locks.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(90);

/// Why there is no connection. Hosts are named for the log and `check`, not for agents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0} has no address")]
    NoAddress(String),
    #[error("{place} can't be reached")]
    Unreachable {
        place: String,
        #[source]
        source: io::Error,
    },
    #[error("{place} doesn't answer")]
    Silent { place: String },
    #[error("{place} doesn't speak TLS, which sslmode={mode} asks for", mode = .mode.as_str())]
    NoTls { place: String, mode: TlsMode },
    #[error("TLS with {place} failed: {problem}")]
    Tls { place: String, problem: String },
    #[error(transparent)]
    Settings(#[from] TlsError),
    #[error("{place} refused the login")]
    Login {
        place: String,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("no host is as target_session_attrs asks for")]
    NoneWanted,
}

impl ConnectError {
    /// The SQLSTATE with which the server refused.
    pub(crate) fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Login { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Whether there is no password for a database that asks for one.
    pub(crate) fn lacks_password(&self) -> bool {
        let Self::Login { source, .. } = self else { return false };
        let source = (source as &dyn Error).source();
        source.is_some_and(|source| source.to_string() == "password missing")
    }

    /// Whether who answers takes no settings with the login, as poolers of connections don't.
    pub(crate) fn takes_no_options(&self) -> bool {
        let Self::Login { source, .. } = self else { return false };
        let says = |said: &DbError| said.message().contains("startup parameter");
        self.state() == Some(&SqlState::PROTOCOL_VIOLATION)
            && source.as_db_error().is_some_and(says)
    }

    /// Whether another attempt, a little later, may go better.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::NoAddress(_)
            | Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::NoneWanted => true,
            Self::NoTls { .. } | Self::Tls { .. } | Self::Settings(_) => false,
            // Starting up, shutting down, out of slots; or it broke off.
            Self::Login { source, .. } => {
                if let Some(code) = self.state().map(SqlState::code) {
                    return ["57P", "53", "08"].iter().any(|class| code.starts_with(class));
                }
                let source = (source as &dyn Error).source();
                source.is_none_or(<dyn Error>::is::<io::Error>)
            }
        }
    }
}

/// A connection whose session is set up.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) overlong: Overlong,
    pub(crate) cancel: Cancel,
    pub(crate) encrypted: bool,
    pub(crate) prepared: Prepared,
    /// None if the session is ours alone.
    pub(crate) pooled: Option<Pooled>,
}

/// A session that a pooler lends for a transaction.
#[derive(Clone)]
pub(crate) struct Pooled {
    /// What each transaction has to set for itself: a SELECT.
    settings: String,
    /// Others left prepared statements in its sessions, whose names are ours.
    is_littered: Arc<AtomicBool>,
}

impl Pooled {
    /// States the settings at the beginning of a transaction, and clears what others left. A pooler
    /// that keeps the prepared statements of its clients apart has no such litter.
    pub(crate) async fn settle(
        pooled: Option<&Self>,
        transaction: &Transaction<'_>,
    ) -> Result<(), tokio_postgres::Error> {
        let Some(Self { settings, is_littered }) = pooled else { return Ok(()) };
        if is_littered.load(Ordering::Relaxed) {
            transaction.batch_execute("DEALLOCATE ALL").await?;
        }
        transaction.batch_execute(settings).await
    }

    /// Whether an error comes from others' prepared statements: the next transaction clears them.
    pub(crate) fn notes(pooled: Option<&Self>, error: &PgError) -> bool {
        let Some(pooled) = pooled else { return false };
        let is_taken = matches!(error, PgError::Refused(refusal) if refusal.state == "42P05");
        is_taken && !pooled.is_littered.swap(true, Ordering::Relaxed)
    }
}

/// Where a running query is cancelled.
#[derive(Clone)]
pub(crate) struct Cancel {
    token: CancelToken,
    host: Host,
    tls: Option<Arc<ClientConfig>>,
    sockets: Sockets,
}

/// What a connection says without being asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unasked<'a> {
    /// A message came on this channel.
    Notified(&'a str),
    /// It is no more.
    Ended,
}

/// Whoever is told of that: at once, in the task that drives the connection.
pub(crate) type Hear = Arc<dyn Fn(Unasked<'_>) + Send + Sync>;

/// Settings of the session, given when it is opened.
pub(crate) struct Session<'a> {
    pub(crate) application: &'a str,
    /// Schemas in which unqualified names are looked up.
    pub(crate) search_path: &'a str,
    pub(crate) sockets: &'a Sockets,
    /// What is known of the pooler's sessions, if one answers: it takes no settings with the login.
    pub(crate) pooled: Option<&'a Arc<AtomicBool>>,
    pub(crate) hear: Option<&'a Hear>,
}

/// Connects to the first host that answers as it should, each in its part of the time.
pub(crate) async fn connect(
    address: &Address,
    session: &Session<'_>,
    within: Duration,
) -> Result<Connection, ConnectError> {
    let tls = match address.tls.mode {
        TlsMode::Disable => None,
        _ => Some(address.tls.client()?),
    };
    let passes = match address.wants {
        Wants::PreferStandby => vec![Wants::ReadOnly, Wants::Any],
        wants => vec![wants],
    };
    let tries = u32::try_from(passes.len() * address.hosts.len()).unwrap_or(u32::MAX).max(1);
    let each = address.connect_timeout.min(within / tries);
    let mut failed = ConnectError::NoneWanted;
    for wants in passes {
        for host in &address.hosts {
            let connecting = async {
                let connection = connect_to(address, host, tls.as_ref(), session, each).await?;
                let suits = match wanted(wants) {
                    Some(writes) => {
                        suits(&connection.client, writes, session.pooled.is_some()).await
                    }
                    None => true,
                };
                Ok(suits.then_some(connection))
            };
            let connected = timeout(each, connecting).await;
            match connected.unwrap_or_else(|_| Err(ConnectError::Silent { place: place(host) })) {
                Ok(Some(connection)) => return Ok(connection),
                Ok(None) => {}
                Err(error) => failed = error,
            }
        }
    }
    Err(failed)
}

/// Whether only servers are wanted that take writes, or that take none.
fn wanted(wants: Wants) -> Option<bool> {
    match wants {
        Wants::Any | Wants::PreferStandby => None,
        Wants::ReadWrite => Some(true),
        Wants::ReadOnly => Some(false),
    }
}

/// Whether the server takes writes, or takes none. The session is not set to read only before.
async fn suits(client: &Client, writes: bool, is_pooled: bool) -> bool {
    let sql = "SELECT NOT pg_catalog.pg_is_in_recovery() AND \
        pg_catalog.current_setting('default_transaction_read_only') OPERATOR(pg_catalog.=) 'off'";
    let rows = client.query_typed(sql, &[]).await.unwrap_or_default();
    let suits = rows.first().and_then(|row| row.try_get(0).ok()) == Some(writes);
    // What is set here a pooler may hand on to others.
    let read_only = "SET default_transaction_read_only = on";
    suits && (is_pooled || client.batch_execute(read_only).await.is_ok())
}

async fn connect_to(
    address: &Address,
    host: &Host,
    tls: Option<&Arc<ClientConfig>>,
    session: &Session<'_>,
    within: Duration,
) -> Result<Connection, ConnectError> {
    let overlong = Overlong::default();
    let road = Road { host, sockets: session.sockets, within };
    let (wire, handshake) = dial(road, address.tls.mode, tls, &overlong).await?;
    let encrypted = handshake.is_some();
    let mut config = Config::new();
    config
        .user(&address.user)
        .dbname(&address.database)
        .application_name(address.application.as_deref().unwrap_or(session.application))
        .channel_binding(address.channel_binding)
        .ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable })
        // The request for TLS has been made by then: the driver goes on with the handshake.
        .ssl_negotiation(SslNegotiation::Direct);
    if session.pooled.is_none() {
        let read_only = wanted(address.wants).is_none();
        config.options(session.options(address.options.as_deref(), read_only));
    }
    if let Some(password) = &address.password {
        config.password(password.0.expose());
    }
    let handshake = handshake.unwrap_or_else(Handshake::none);
    let login = config.connect_raw(wire, handshake).await;
    let (client, mut connection) = login.map_err(|source| match tls_problem(&source) {
        Some(problem) => ConnectError::Tls { place: place(host), problem },
        None => ConnectError::Login { place: place(host), source },
    })?;
    let hear = session.hear.cloned();
    #[expect(clippy::disallowed_methods, reason = "drives the connection until it is closed")]
    tokio::spawn(async move {
        loop {
            match poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(message))) => {
                    if let Some(hear) = &hear {
                        hear(Unasked::Notified(message.channel()));
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!(state = error.code().map(SqlState::code), "a connection ended");
                    break;
                }
                None => break,
            }
        }
        if let Some(hear) = hear {
            hear(Unasked::Ended);
        }
    });
    let token = client.cancel_token();
    let cancel = Cancel {
        token,
        host: host.clone(),
        tls: tls.filter(|_| encrypted).cloned(),
        sockets: session.sockets.clone(),
    };
    let pooled = session.pooled.map(|is_littered| Pooled {
        settings: session.calls(),
        is_littered: Arc::clone(is_littered),
    });
    Ok(Connection { client, overlong, cancel, encrypted, prepared: Prepared::default(), pooled })
}

impl Session<'_> {
    /// What the session is set to.
    fn settings(&self) -> [(&'static str, String); 10] {
        [
            ("search_path", self.search_path.to_owned()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis().to_string()),
            ("lock_timeout", "5000".to_owned()),
            ("datestyle", "ISO".to_owned()),
            ("intervalstyle", "iso_8601".to_owned()),
            ("timezone", "UTC".to_owned()),
            ("bytea_output", "hex".to_owned()),
            ("lc_monetary", "C".to_owned()),
            ("extra_float_digits", "1".to_owned()),
            ("row_security", "on".to_owned()),
        ]
    }

    /// For the startup packet: the defaults of the whole session. What the owner's connection
    /// string says comes first, so that ours holds.
    fn options(&self, given: Option<&str>, read_only: bool) -> String {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace(' ', "\\ ");
        let mut options = given.unwrap_or_default().to_owned();
        if read_only {
            options.push_str(" -c default_transaction_read_only=on");
        }
        for (name, value) in self.settings() {
            options.push_str(&format!(" -c {name}={}", escaped(&value)));
        }
        options
    }

    /// For each transaction: a SELECT.
    fn calls(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "''");
        let call = |(name, value): &(&str, String)| {
            format!("pg_catalog.set_config('{name}', E'{}', true)", quoted(value))
        };
        let calls: Vec<String> = self.settings().iter().map(call).collect();
        format!("SELECT {}", calls.join(", "))
    }
}

/// Opens a socket and agrees on TLS, or on none.
async fn dial(
    road: Road<'_>,
    mode: TlsMode,
    tls: Option<&Arc<ClientConfig>>,
    overlong: &Overlong,
) -> Result<(Wire, Option<Handshake>), ConnectError> {
    let host = road.host;
    let unreachable = |source| ConnectError::Unreachable { place: place(host), source };
    let mut socket = open(road).await?;
    // As with libpq: a Unix socket is as private as the machine.
    let tls = tls.filter(|_| host.socket().is_none());
    let Some(config) = tls else {
        return Ok((Wire::Plain(Bounded::new(socket, overlong.clone())), None));
    };
    if tls::ask(&mut socket).await.map_err(unreachable)? {
        let name = ServerName::try_from(host.name.clone()).map_err(|_| ConnectError::Tls {
            place: place(host),
            problem: "the host's name is none that a certificate can hold".to_owned(),
        })?;
        let handshake = Handshake { config: Some(Arc::clone(config)), name: Some(name) };
        return Ok((Wire::Agreed(socket, overlong.clone()), Some(handshake)));
    }
    if mode > TlsMode::Prefer {
        return Err(ConnectError::NoTls { place: place(host), mode });
    }
    Ok((Wire::Plain(Bounded::new(socket, overlong.clone())), None))
}

/// How a host is reached.
#[derive(Clone, Copy)]
struct Road<'a> {
    host: &'a Host,
    sockets: &'a Sockets,
    within: Duration,
}

async fn open(road: Road<'_>) -> Result<Raw, ConnectError> {
    let Road { host, within, .. } = road;
    let unreachable = |source| ConnectError::Unreachable { place: place(host), source };
    if let Some(path) = host.socket() {
        #[cfg(unix)]
        return match road.sockets.connect(&path).await {
            Ok(socket) => Ok(Box::new(socket)),
            Err(source) => Err(unreachable(source)),
        };
        #[cfg(not(unix))]
        return Err(unreachable(io::Error::other(path.display().to_string())));
    }
    let name = host.address.as_deref().unwrap_or(&host.name);
    let addresses = tokio::net::lookup_host((name, host.port)).await;
    let addresses: Vec<_> = addresses.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() {
        return Err(ConnectError::NoAddress(host.name.clone()));
    }
    let socket = dial_first(&addresses, within).await.map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 6);
    SockRef::from(&socket).set_tcp_keepalive(&keepalive).map_err(unreachable)?;
    Ok(Box::new(socket))
}

/// The first address that answers. One that doesn't leaves the others their time.
async fn dial_first(addresses: &[SocketAddr], within: Duration) -> io::Result<TcpStream> {
    let each = within / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

impl Cancel {
    /// Asks the server to stop what runs on the connection. Nobody says whether it did.
    pub(crate) async fn cancel(&self) {
        let cancelling = async {
            let road = Road { host: &self.host, sockets: &self.sockets, within: CANCEL_TIMEOUT };
            let mode = if self.tls.is_some() { TlsMode::Require } else { TlsMode::Disable };
            let (wire, handshake) =
                dial(road, mode, self.tls.as_ref(), &Overlong::default()).await.ok()?;
            let handshake = handshake.unwrap_or_else(Handshake::none);
            self.token.cancel_query_raw(wire, handshake).await.ok()
        };
        if timeout(CANCEL_TIMEOUT, cancelling).await.ok().flatten().is_none() {
            tracing::debug!("a query could not be cancelled");
        }
    }
}

fn place(host: &Host) -> String {
    host.to_string()
}

/// What rustls says of a failed handshake.
fn tls_problem(error: &tokio_postgres::Error) -> Option<String> {
    let mut source = Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(error.to_string());
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(error.to_string());
        }
        source = error.source();
    }
    None
}

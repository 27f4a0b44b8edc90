//! The way to a deployment: a driver that connects when it is first needed, watched by core, bounded
//! in time, and quiet about where it goes.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bson::Document;
use lockkeeper_core::{Credentials, Failure, Ongoing, Upstream};
use mongodb::error::ErrorKind;
use mongodb::options::{ClientOptions, Tls};
use mongodb::{Client, Database};
use tokio::sync::{Mutex, Semaphore};

use super::error::MongoError;
use super::uri;

/// How long a server is looked for.
const SELECTION: Duration = Duration::from_secs(5);

/// How long one connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection that wasn't used for this long is closed.
const IDLE: Duration = Duration::from_mins(5);

/// The longest that one operation may take, whatever the budget.
const LONGEST: Duration = Duration::from_secs(20);

/// How long a change is waited for. It goes on by itself when its call has answered.
const CHANGE: Duration = Duration::from_mins(10);

/// TLS that keeps nobody out.
pub(crate) const UNCHECKED: &str = "TLS, whose certificates nobody checks";

/// Where a deployment is.
#[derive(Clone)]
pub(crate) struct Place {
    /// The connection string, or none if it is the credential.
    pub(crate) uri: Option<String>,
    /// The whole connection string, or its password.
    pub(crate) credential: Credentials,
    /// Connections to each server at most.
    pub(crate) connections: u32,
    /// Whether the policy hides fields, so that what MongoDB says of values isn't handed on.
    pub(crate) hides_fields: bool,
    /// Certificates to trust, where the connection string names none.
    pub(crate) certificates: Option<PathBuf>,
}

/// A deployment: one server, a replica set or a sharded cluster.
pub(crate) struct Deployment {
    place: Place,
    upstream: Upstream,
    /// As many operations are under way as there are connections.
    slots: Semaphore,
    client: Mutex<Option<Connected>>,
    /// Names that errors must not tell.
    hosts: std::sync::Mutex<Vec<String>>,
}

#[derive(Clone)]
struct Connected {
    client: Client,
    database: Option<String>,
    tls: &'static str,
}

/// How long an operation may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// For the server: `maxTimeMS`.
    pub(crate) server: Duration,
    /// For us: after that it is taken for lost.
    waiting: Duration,
}

impl Deployment {
    pub(crate) fn new(place: Place, upstream: Upstream) -> Self {
        let slots = Semaphore::new(place.connections as usize);
        Self {
            place,
            upstream,
            slots,
            client: Mutex::default(),
            hosts: std::sync::Mutex::default(),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The same over so many connections of its own, which are closed when it is dropped.
    pub(crate) fn apart(&self, connections: u32) -> Self {
        Self::new(Place { connections, ..self.place.clone() }, self.upstream.clone())
    }

    /// The driver. It connects by itself, when it is asked for something.
    pub(crate) async fn client(&self) -> Result<Client, MongoError> {
        Ok(self.connected().await?.client)
    }

    /// The database that the connection string names.
    pub(crate) async fn named_database(&self) -> Result<Option<String>, MongoError> {
        Ok(self.connected().await?.database)
    }

    /// Whether connections are encrypted.
    pub(crate) async fn tls(&self) -> Result<&'static str, MongoError> {
        Ok(self.connected().await?.tls)
    }

    async fn connected(&self) -> Result<Connected, MongoError> {
        let mut client = self.client.lock().await;
        if let Some(connected) = &*client {
            return Ok(connected.clone());
        }
        // Happens once, and would be a part of every call's future otherwise.
        let made = Box::pin(self.connect()).await?;
        Ok(client.insert(made).clone())
    }

    async fn connect(&self) -> Result<Connected, MongoError> {
        let options = self.options().await?;
        let database = options.default_database.clone();
        let tls = match &options.tls {
            Some(Tls::Enabled(tls)) if tls.allow_invalid_certificates == Some(true) => UNCHECKED,
            Some(Tls::Enabled(_)) => "TLS",
            _ => "no TLS",
        };
        let hosts = options.hosts.iter().filter_map(uri::host).collect();
        *self.hosts.lock().unwrap_or_else(PoisonError::into_inner) = hosts;
        let client = Client::with_options(options).map_err(|error| self.said(error))?;
        Ok(Connected { client, database, tls })
    }

    async fn options(&self) -> Result<ClientOptions, MongoError> {
        let Place { uri, credential, connections, certificates, .. } = &self.place;
        let mut password = None;
        let secret;
        let uri = match (uri, credential.is_configured()) {
            (Some(uri), false) => uri.as_str(),
            (Some(uri), true) => {
                password = Some(credential.resolve().await.map_err(MongoError::Credential)?);
                uri.as_str()
            }
            (None, _) => {
                secret = credential.resolve().await.map_err(MongoError::Credential)?;
                secret.expose().as_str()
            }
        };
        uri::named(uri).map_err(MongoError::Uri)?;
        // Looks up the hosts of mongodb+srv, so it may take its time.
        let attempt = self.upstream.admit().map_err(MongoError::Down)?;
        let parsed = tokio::time::timeout(limit(None)?.waiting, ClientOptions::parse(uri)).await;
        let mut options = match parsed {
            Ok(Ok(options)) => options,
            Ok(Err(error)) => {
                attempt.failed(Failure::Unreachable);
                return Err(self.said(error));
            }
            Err(_) => {
                attempt.failed(Failure::TimedOut);
                return Err(MongoError::NoServer("its address wasn't found in time".to_owned()));
            }
        };
        attempt.succeeded();
        if let Some(password) = password {
            let credential = options.credential.get_or_insert_default();
            credential.password = Some(password.expose().clone());
        }
        options.app_name.get_or_insert_with(|| "lockkeeper-mongo".to_owned());
        let most = options.max_pool_size.unwrap_or(*connections).min(*connections);
        options.max_pool_size = Some(most.max(1));
        options.min_pool_size = None;
        options.max_idle_time.get_or_insert(IDLE);
        options.connect_timeout = Some(options.connect_timeout.unwrap_or(CONNECT).min(CONNECT));
        let selection = options.server_selection_timeout.unwrap_or(SELECTION);
        options.server_selection_timeout = Some(selection.min(SELECTION));
        // The driver would trust certificates that were compiled into it.
        if let Some(Tls::Enabled(tls)) = &mut options.tls
            && tls.ca_file_path.is_none()
        {
            let trusted = certificates.clone().or_else(system_certificates);
            tls.ca_file_path = Some(trusted.ok_or_else(|| {
                MongoError::Tls("no trusted certificates: name them in SSL_CERT_FILE".to_owned())
            })?);
        }
        Ok(options)
    }

    /// Does one thing with the deployment, within the limit that it was given.
    pub(crate) async fn ask<T>(
        &self,
        limit: Limit,
        work: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<T, MongoError> {
        // Who waits for a connection waits for us, and learns nothing of the deployment.
        let begun = Instant::now();
        let Ok(_slot) = tokio::time::timeout(limit.waiting, self.slots.acquire()).await else {
            return Err(MongoError::Busy);
        };
        let waited = begun.elapsed();
        let left = limit.waiting.saturating_sub(waited);
        if left < limit.waiting / 10 {
            return Err(MongoError::Busy);
        }
        let attempt = self.upstream.admit().map_err(MongoError::Down)?;
        let Ok(done) = tokio::time::timeout(left, work).await else {
            if waited < limit.waiting.saturating_sub(limit.server) {
                attempt.failed(Failure::TimedOut);
            }
            return Err(MongoError::OutOfTime);
        };
        let error = match done {
            Ok(done) => {
                attempt.succeeded();
                return Ok(done);
            }
            Err(error) => error,
        };
        match &*error.kind {
            ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => {
                attempt.failed(Failure::Unreachable);
            }
            ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => {
                attempt.failed(Failure::TimedOut);
            }
            ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::InvalidResponse { .. } => attempt.failed(Failure::Broken),
            _ => attempt.succeeded(),
        }
        if let ErrorKind::Authentication { .. } = &*error.kind {
            // A renewed password is seen by the next attempt.
            self.place.credential.forget().await;
            *self.client.lock().await = None;
        }
        Err(self.said(error))
    }

    /// Runs a command of ours that only reads.
    pub(crate) async fn command(
        &self,
        database: &str,
        command: Document,
    ) -> Result<Document, MongoError> {
        let database = self.client().await?.database(database);
        self.run(&database, command).await
    }

    /// The same in a database that is at hand.
    pub(crate) async fn run(
        &self,
        database: &Database,
        mut command: Document,
    ) -> Result<Document, MongoError> {
        let limit = limit(None)?;
        let millis = i64::try_from(limit.server.as_millis()).unwrap_or(i64::MAX);
        command.insert("maxTimeMS", millis);
        self.ask(limit, async { database.run_command(command).await }).await
    }

    /// Changes something: what was sent is waited for, whatever becomes of the call, and whatever
    /// leaves open whether it was done says so. Errors of the driver's that may be of use come back
    /// as they are.
    pub(crate) async fn change<T>(
        &self,
        work: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<mongodb::error::Result<T>, MongoError> {
        let attempt = self.upstream.admit().map_err(MongoError::Down)?;
        let Ok(done) = tokio::time::timeout(CHANGE, work).await else {
            attempt.failed(Failure::TimedOut);
            return Err(MongoError::InDoubt);
        };
        let Err(error) = &done else {
            attempt.succeeded();
            return Ok(done);
        };
        match &*error.kind {
            ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => {
                attempt.failed(Failure::Unreachable);
                Ok(done)
            }
            ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::InvalidResponse { .. } => {
                attempt.failed(Failure::Broken);
                Err(MongoError::InDoubt)
            }
            // A server that shuts down or steps down amid its work; one that isn't primary did none.
            ErrorKind::Command(command) if matches!(command.code, 91 | 189 | 11_600 | 11_602) => {
                attempt.succeeded();
                Err(MongoError::InDoubt)
            }
            _ => {
                attempt.succeeded();
                Ok(done)
            }
        }
    }

    /// An error of the driver without the names of hosts.
    pub(crate) fn said(&self, error: mongodb::error::Error) -> MongoError {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let said = MongoError::of(error, &hosts);
        if self.place.hides_fields { said.without_values() } else { said }
    }
}

/// Where systems keep the certificates that they trust, in one file.
const TRUSTED: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn system_certificates() -> Option<PathBuf> {
    TRUSTED.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// What is left of the call for an operation, or less if that was asked for.
pub(crate) fn limit(asked: Option<Duration>) -> Result<Limit, MongoError> {
    let left = Ongoing::current().map(|call| call.deadline().duration_since(Instant::now()));
    let left = left.unwrap_or(LONGEST + Duration::from_secs(1));
    // Time to say that it took too long.
    let margin = (left / 10).min(Duration::from_secs(1));
    let most = LONGEST.min(left.saturating_sub(margin * 2));
    if most < Duration::from_millis(1) {
        return Err(MongoError::OutOfTime);
    }
    let server = asked.map_or(most, |asked| asked.clamp(Duration::from_millis(1), most));
    Ok(Limit { server, waiting: server + margin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_server_gets_less_time_than_the_call_has() {
        let call = Ongoing::for_testing(Instant::now() + Duration::from_secs(10));
        call.during(async {
            let all = limit(None).unwrap();
            assert!(all.server < Duration::from_secs(9) && all.server > Duration::from_secs(7));
            assert!(all.waiting < Duration::from_secs(10));
            let asked = limit(Some(Duration::from_mins(1))).unwrap();
            assert!(asked.server < Duration::from_secs(9));
            // Nought would mean no limit at all.
            let least = limit(Some(Duration::ZERO)).unwrap();
            assert_eq!(least.server, Duration::from_millis(1));
        })
        .await;
        let over = Ongoing::for_testing(Instant::now());
        over.during(async { assert!(matches!(limit(None), Err(MongoError::OutOfTime))) }).await;
    }
}

//! The databases: how they are reached, what is read from them, and by which names. Knows no MCP.

pub(crate) mod bounded;
pub(crate) mod checked;
pub(crate) mod connect;
pub(crate) mod dsn;
pub(crate) mod error;
pub(crate) mod explain;
pub(crate) mod exporting;
pub(crate) mod health;
pub(crate) mod indexes;
pub(crate) mod listening;
pub(crate) mod looking;
pub(crate) mod plan;
pub(crate) mod pool;
pub(crate) mod reading;
pub(crate) mod saved;
mod setup;
pub(crate) mod standing;
pub(crate) mod statements;
pub(crate) mod tls;
pub(crate) mod writing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use lockkeeper_core::{
    Credentials, Environment, Export, ExportDir, Finding, Masks, NameScope, Ports, Reach, Scope,
    Separator, Shelf, StartError,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use self::checked::Judgements;
use self::dsn::{Address, Host};
use self::error::PgError;
use self::exporting::Selected;
use self::listening::Listener;
use self::looking::Subject;
use self::pool::{Place, Pool, RoleWanted};
use self::reading::{KEPT, Query, Rows};
use self::saved::Saved;

/// What is served, decided.
pub(crate) struct Config {
    pub(crate) databases: BTreeMap<String, DatabaseConfig>,
    pub(crate) connections: usize,
    /// Functions of the databases' own that statements may call, by schema and name.
    pub(crate) allowed_functions: Vec<(String, String)>,
    pub(crate) require_safe_role: bool,
    pub(crate) ddl: bool,
    pub(crate) export_dir: Option<PathBuf>,
    pub(crate) saved: BTreeMap<String, Saved>,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) poll_interval: Duration,
}

/// A channel, and what its messages tell a change of.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) database: Option<String>,
    /// By schema and name.
    pub(crate) tables: Vec<(String, String)>,
    /// Saved queries, by name.
    pub(crate) saved: Vec<String>,
}

/// One database.
pub(crate) struct DatabaseConfig {
    pub(crate) dsn: Option<String>,
    pub(crate) credential: Credentials,
    pub(crate) description: Option<String>,
    pub(crate) search_path: Vec<String>,
}

/// What the tools work on.
pub struct Pg {
    databases: BTreeMap<String, Database>,
    /// Queries whose rows were not all read.
    pub(crate) cursors: Shelf<Rows>,
    /// Exports that go on with the next call.
    pub(crate) exports: Shelf<Box<Export<Selected>>>,
    pub(crate) ddl: bool,
    pub(crate) export_dir: Option<ExportDir>,
    /// Queries that the operator wrote, by name.
    pub(crate) saved: BTreeMap<String, Saved>,
    /// Channels, by name.
    channels: BTreeMap<String, Channel>,
    /// How often is looked at what has no channel.
    pub(crate) poll_interval: Duration,
    /// Whether writing was asked for.
    pub(crate) writes: bool,
    /// Connections to each database, at most.
    connections: usize,
    /// The rules of the policy, as they are written.
    rules: Scope,
}

/// A database, with what may be seen of it.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) search_path: Vec<String>,
    /// Rules over `database.schema.table.column`.
    pub(crate) scope: NameScope,
    pub(crate) masks: Masks,
    pub(crate) pool: Pool,
    /// Functions of its own that statements may call, by schema and name.
    functions: Vec<(String, String)>,
    judgements: Judgements,
    /// The connection that listens, while somebody wants to hear.
    listener: Mutex<Weak<Listener>>,
    /// The same database over a connection of its own, while somebody looks.
    aside: Mutex<Weak<Self>>,
}

/// As many queries are kept whose rows were not all read, with so many bytes of rows together: each
/// also holds a transaction of the database.
const MOST_CURSORS: usize = 4;
const CURSOR_BYTES: usize = 16 * 1024 * 1024;

/// How long a question to the catalogues may take.
const CATALOG_TIMEOUT: Duration = Duration::from_secs(20);

impl Pg {
    pub(crate) fn open(config: Config, environment: &Environment) -> Result<Self, StartError> {
        let scope = environment.scope.names(Separator('.')).map_err(StartError::new)?;
        let new = |path: &PathBuf| ExportDir::new(path, &environment.own);
        let export_dir = config.export_dir.as_ref().map(new).transpose()?;
        let connections = config.connections;
        let variables = &environment.variables;
        let role = match (config.require_safe_role, environment.write) {
            (false, _) => RoleWanted::Any,
            (true, false) => RoleWanted::Reader,
            (true, true) => RoleWanted::Writer,
        };
        let is_alone = config.databases.len() == 1;
        let database = |(name, given): (String, DatabaseConfig)| {
            let place = Place {
                dsn: given.dsn,
                credential: given.credential,
                variables: variables.clone(),
                home: environment.home.clone(),
                search_path: search_path(&given.search_path),
                role,
                sockets: environment.sockets.clone(),
            };
            // As many labels as there are databases in the settings.
            let label = if is_alone { "database" } else { name.clone().leak() };
            let upstream = environment.upstream(label);
            let database = Database {
                name: name.clone(),
                description: given.description,
                search_path: given.search_path,
                scope: scope.clone(),
                masks: environment.masks.clone(),
                pool: Pool::new(place, upstream, connections),
                functions: config.allowed_functions.clone(),
                judgements: Judgements::default(),
                listener: Mutex::default(),
                aside: Mutex::default(),
            };
            (name, database)
        };
        Ok(Self {
            databases: config.databases.into_iter().map(database).collect(),
            cursors: Shelf::weighing(MOST_CURSORS, KEPT, CURSOR_BYTES, Rows::weight),
            exports: Shelf::new(exporting::MOST, KEPT),
            ddl: config.ddl,
            export_dir,
            saved: config.saved,
            channels: config.channels,
            poll_interval: config.poll_interval,
            writes: environment.write,
            connections,
            rules: environment.scope.clone(),
        })
    }

    /// The lines of `check`.
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for database in self.databases() {
            findings.extend(database.findings(self.writes).await);
        }
        findings
    }

    /// The database of that name, or the only one.
    pub(crate) fn database(&self, name: Option<&str>) -> Result<&Database, PgError> {
        match name {
            Some(name) => {
                let database = self.databases.get(name);
                database.ok_or_else(|| PgError::NoDatabase { known: self.known() })
            }
            None if self.databases.len() == 1 => {
                self.databases.values().next().ok_or(PgError::Closed)
            }
            None => Err(PgError::WhichDatabase { known: self.known() }),
        }
    }

    /// The channels on which changes of it are told.
    pub(crate) fn channels_of(&self, database: &Database, subject: &Subject) -> Vec<String> {
        let tells = |channel: &Channel| {
            channel.database.as_ref().is_none_or(|name| *name == database.name)
                && match subject {
                    Subject::Table { schema, name } => {
                        channel.tables.iter().any(|(of, table)| (of, table) == (schema, name))
                    }
                    Subject::Saved { name, .. } => channel.saved.contains(name),
                }
        };
        let channels = self.channels.iter().filter(|(_, channel)| tells(channel));
        channels.map(|(name, _)| name.clone()).collect()
    }

    /// Their names, with what the owner says of them.
    fn known(&self) -> String {
        let each = self.databases().map(|database| match &database.description {
            Some(description) => format!("{} ({description})", database.name),
            None => database.name.clone(),
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// All of them, by name.
    pub(crate) fn databases(&self) -> impl Iterator<Item = &Database> {
        self.databases.values()
    }

    /// What is reached on this machine and beyond.
    pub(crate) fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        let mut ports = Some(Vec::new());
        for database in self.databases() {
            let known = database.pool.known_address();
            if let Some(address) = &known {
                let tcp = address.hosts.iter().filter(|host| host.socket().is_none());
                if let Some(ports) = &mut ports {
                    ports.extend(tcp.map(|host| host.port));
                }
            } else {
                // Where it is stands in the credential, which isn't read before it is needed. Files
                // and sockets that it names can't be reached: variables may name them.
                ports = None;
            }
            if let Some(address) = known.or_else(|| database.pool.address_of("")) {
                add(&mut reach, &address);
            }
        }
        reach.write.extend(self.export_dir.iter().map(|directory| directory.path().to_owned()));
        reach.ports = match ports {
            Some(mut ports) => {
                ports.sort_unstable();
                ports.dedup();
                if ports.is_empty() { Ports::None } else { Ports::Fixed(ports) }
            }
            None => Ports::Open,
        };
        reach
    }
}

impl Database {
    /// The same over other connections.
    fn over(&self, pool: Pool) -> Self {
        Self {
            name: self.name.clone(),
            description: None,
            search_path: self.search_path.clone(),
            scope: self.scope.clone(),
            masks: self.masks.clone(),
            pool,
            functions: self.functions.clone(),
            judgements: Judgements::default(),
            listener: Mutex::default(),
            aside: Mutex::default(),
        }
    }

    /// Asks the catalogues. `sql` is ours and qualifies all that it names.
    pub(crate) async fn ask(
        &self,
        sql: &'static str,
        params: Vec<Box<dyn ToSql + Sync + Send>>,
    ) -> Result<Vec<Row>, PgError> {
        let query = Query { sql: sql.into(), params, timeout: CATALOG_TIMEOUT, judged: None };
        Ok(self.pool.read(query).await?.rest().await?.into())
    }

    /// Whether the policy hides anything of it.
    pub(crate) fn hides(&self) -> bool {
        !self.masks.is_empty() || self.scope.restricts()
    }

    /// Whether something of this database exists for agents: its name, part by part, without the
    /// database's.
    pub(crate) fn admits(&self, name: &[&str]) -> Result<(), String> {
        let mut full = vec![self.name.as_str()];
        full.extend(name);
        self.scope.admits(&full)
    }
}

fn add(reach: &mut Reach, address: &Address) {
    reach.read.extend(address.tls.files().map(PathBuf::from));
    reach.read.extend(address.password_file.clone());
    reach.sockets.extend(address.hosts.iter().filter_map(Host::socket));
}

/// As the server takes it: quoted names, what PostgreSQL itself has first.
fn search_path(schemas: &[String]) -> String {
    let schemas = schemas.iter().map(|name| quoted(name));
    std::iter::once("pg_catalog".to_owned()).chain(schemas).collect::<Vec<_>>().join(",")
}

/// A name as it is, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Pool {
    /// Where the database is, if that is known without its credential.
    fn known_address(&self) -> Option<Address> {
        self.address_of(self.place().dsn.as_deref()?)
    }

    /// The database's own name, if that is known without its credential.
    fn database_name(&self) -> Option<String> {
        self.known_address().map(|address| address.database)
    }

    /// Where a connection string leads. The home directory's password file is not read.
    fn address_of(&self, dsn: &str) -> Option<Address> {
        let Place { variables, home, .. } = self.place();
        Address::parse(dsn, variables, None)
            .map(|address| Address {
                password_file: address
                    .password_file
                    .or_else(|| Some(home.as_ref()?.join(".pgpass"))),
                ..address
            })
            .ok()
    }
}

//! The settings of this server: which databases, how they are reached, and what the operator allows
//! beyond the defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lockkeeper_core::{Credential, Environment, StartError, dsn};
use serde::{Deserialize, Serialize};

use crate::source::dsn::Address;
use crate::source::saved::{Saved, SavedOptions};
use crate::source::{Channel, Config, DatabaseConfig};

/// The name of a database whose own is only known to its credential.
const UNNAMED: &str = "db";

/// The command line and the `[source]` table.
#[expect(clippy::doc_markdown, reason = "the text of --help")]
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the database is: postgresql://USER@HOST/NAME, or key=value pairs as psql takes them;
    /// the PG* variables and the password file fill in the rest [env: DATABASE_URL]
    #[arg(value_name = "DSN")]
    pub dsn: Option<String>,
    /// Where the password is, or the whole connection string: env:NAME, file:PATH,
    /// command:PROGRAM ARGUMENTS or store:NAME
    #[arg(long, value_name = "SOURCE")]
    pub credential: Option<Credential>,
    /// Schemas in which unqualified names are looked up [default: public]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub search_path: Vec<String>,
    /// A function of the database's own that statements may call, with its schema; repeatable
    #[arg(long, value_name = "SCHEMA.NAME")]
    pub allow_function: Vec<String>,
    /// Serve only if the role that logs in can neither write nor read the server's files
    #[arg(long)]
    pub require_safe_role: bool,
    /// Print SQL that makes a role with the rights that these settings need and no others, and end
    #[arg(long)]
    pub print_setup_sql: bool,
    /// Let `execute` change the schema as well
    #[arg(long)]
    pub ddl: bool,
    /// Let `export` write files into this directory
    #[arg(long, value_name = "DIR")]
    pub export_dir: Option<PathBuf>,
    /// Connections to each database [default: 8]
    #[arg(long, value_name = "N")]
    pub connections: Option<usize>,
    /// Seconds between two looks at a table or saved query that somebody subscribed to, if no
    /// channel tells of it; 1 to 3600 [default: 2]
    #[arg(long, value_name = "SECONDS")]
    pub poll_interval: Option<u64>,
    /// Databases by name, in place of the one of the command line.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, DatabaseOptions>,
    /// Queries by name, for `run_saved`.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub saved: BTreeMap<String, SavedOptions>,
    /// Channels of NOTIFY by name, with what their messages tell a change of.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, ChannelOptions>,
}

/// One `[source.channels.NAME]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelOptions {
    /// Tables and views, as `schema.name`.
    pub tables: Vec<String>,
    /// Saved queries.
    pub saved: Vec<String>,
    /// Of which database, if there are several.
    pub database: Option<String>,
}

/// One `[source.databases.NAME]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseOptions {
    /// The connection string.
    pub dsn: Option<String>,
    /// Where the password or the whole connection string is.
    pub credential: Option<Credential>,
    /// What agents should know of it.
    pub description: Option<String>,
    /// Schemas in which unqualified names are looked up.
    pub search_path: Vec<String>,
}

/// Connections to each database, unless more or fewer are asked for.
const CONNECTIONS: usize = 8;

/// Seconds between two looks, unless it is said otherwise.
const POLL_INTERVAL: u64 = 2;

/// Bytes of a channel's name, as PostgreSQL takes it.
pub(crate) const LONGEST_CHANNEL: usize = 63;

/// Where a connection string comes from if none is given.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";

impl Options {
    /// The credential of the one database of the command line.
    pub(crate) fn credential(&self) -> Option<Credential> {
        self.credential.clone()
    }

    /// Those of the databases that have names.
    pub(crate) fn credentials(&self) -> BTreeMap<String, Credential> {
        let named = self.databases.iter();
        named
            .filter_map(|(name, database)| Some((name.clone(), database.credential.clone()?)))
            .collect()
    }
}

/// Decides what is served.
pub(crate) fn decide(options: Options, environment: &Environment) -> Result<Config, StartError> {
    let wrong = |problem: String| Err(StartError::new(problem));
    let search_path = if options.search_path.is_empty() {
        vec!["public".to_owned()]
    } else {
        options.search_path
    };
    let connections = options.connections.unwrap_or(CONNECTIONS);
    if !(1..=64).contains(&connections) {
        return wrong("--connections: from 1 to 64".to_owned());
    }
    let poll_interval = options.poll_interval.unwrap_or(POLL_INTERVAL);
    if !(1..=3_600).contains(&poll_interval) {
        return wrong("--poll-interval: from 1 to 3600 seconds".to_owned());
    }
    let mut databases = BTreeMap::new();
    if options.databases.is_empty() {
        let given = options.dsn.as_deref();
        if let Some(given) = given {
            dsn::warn_of_secret(given, "the connection string");
        }
        let url = environment.variables.get(DATABASE_URL).map(String::as_str);
        let dsn = match given.or(url) {
            Some(dsn) => Some(dsn.to_owned()),
            None if environment.credential.is_configured() => None,
            None if environment.variables.contains_key("PGHOST") => Some(String::new()),
            None => {
                return wrong(
                    "name a database: lockkeeper-postgres postgresql://USER@HOST/NAME, \
                     or set DATABASE_URL or PGHOST"
                        .to_owned(),
                );
            }
        };
        let variables = &environment.variables;
        let known = dsn.as_deref().and_then(|dsn| Address::parse(dsn, variables, None).ok());
        let name = known.map_or_else(|| UNNAMED.to_owned(), |address| address.database);
        let credential = environment.credential.clone();
        let database = DatabaseConfig { dsn, credential, description: None, search_path };
        databases.insert(name, database);
    } else {
        if options.dsn.is_some() || options.credential.is_some() {
            return wrong("give one connection string, or [source.databases], not both".to_owned());
        }
        for (name, database) in options.databases {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_name) {
                return wrong(format!(
                    "databases.{name}: a name consists of letters, digits, _, -"
                ));
            }
            if database.dsn.is_none() && database.credential.is_none() {
                return wrong(format!("databases.{name}: dsn or credential says where it is"));
            }
            let named = environment.credentials.get(&name);
            let own_path = !database.search_path.is_empty();
            let path = if own_path { database.search_path } else { search_path.clone() };
            let decided = DatabaseConfig {
                dsn: database.dsn,
                credential: named.cloned().unwrap_or_default(),
                description: database.description,
                search_path: path,
            };
            databases.insert(name, decided);
        }
    }
    let mut saved = BTreeMap::new();
    for (name, query) in options.saved {
        let database = query.database.as_ref();
        if let Some(unknown) = database.filter(|name| !databases.contains_key(*name)) {
            return wrong(format!("saved.{name}: there is no database `{unknown}`"));
        }
        match Saved::new(query) {
            Ok(query) => saved.insert(name, query),
            Err(problem) => return wrong(format!("saved.{name}.{problem}")),
        };
    }
    let mut channels = BTreeMap::new();
    for (name, given) in options.channels {
        match channel(&name, given, &databases, &saved) {
            Ok(channel) => channels.insert(name, channel),
            Err(problem) => return wrong(format!("channels.{name}: {problem}")),
        };
    }
    let mut allowed_functions = Vec::new();
    for function in options.allow_function {
        match function.split_once('.') {
            Some((schema, name)) if !schema.is_empty() && !name.is_empty() => {
                allowed_functions.push((schema.to_owned(), name.to_owned()));
            }
            _ => {
                return wrong(format!(
                    "--allow-function `{function}`: name it with its schema, as app.price"
                ));
            }
        }
    }
    Ok(Config {
        databases,
        connections,
        allowed_functions,
        require_safe_role: options.require_safe_role,
        ddl: options.ddl,
        export_dir: options.export_dir,
        saved,
        channels,
        poll_interval: Duration::from_secs(poll_interval),
    })
}

/// What a channel tells of; all of it must be there as far as that is known now.
fn channel(
    name: &str,
    given: ChannelOptions,
    databases: &BTreeMap<String, DatabaseConfig>,
    saved: &BTreeMap<String, Saved>,
) -> Result<Channel, String> {
    let ChannelOptions { tables, saved: queries, database } = given;
    if name.is_empty() || name.len() > LONGEST_CHANNEL {
        return Err(format!("a name has from 1 to {LONGEST_CHANNEL} bytes"));
    }
    if let Some(unknown) = database.as_ref().filter(|name| !databases.contains_key(*name)) {
        return Err(format!("there is no database `{unknown}`"));
    }
    if let Some(unknown) = queries.iter().find(|query| !saved.contains_key(*query)) {
        return Err(format!("there is no saved query `{unknown}`"));
    }
    let qualified = |table: &String| match table.split_once('.') {
        Some((schema, name)) if !schema.is_empty() && !name.is_empty() => {
            Ok((schema.to_owned(), name.to_owned()))
        }
        _ => Err(format!("name `{table}` with its schema, as public.orders")),
    };
    let tables = tables.iter().map(qualified).collect::<Result<Vec<_>, _>>()?;
    if tables.is_empty() && queries.is_empty() {
        return Err("tables or saved say what it tells of".to_owned());
    }
    Ok(Channel { database, tables, saved: queries })
}

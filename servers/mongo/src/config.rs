//! The settings of this server: which deployments, how they are reached, and what the operator allows
//! beyond the defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lockkeeper_core::{Credential, Environment, StartError, dsn};
use serde::{Deserialize, Serialize};

use crate::source::names::is_own;
use crate::source::plan::ScanGuard;
use crate::source::{Config, DatabaseConfig, Places};

/// Where a connection string comes from if none is given.
pub(crate) const MONGODB_URI: &str = "MONGODB_URI";

/// The command line and the `[source]` table.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::doc_markdown, reason = "read on a terminal")]
pub struct Options {
    /// Where the deployment is: mongodb://HOST/DATABASE or mongodb+srv://HOST/DATABASE [env:
    /// MONGODB_URI]
    #[arg(value_name = "URI")]
    pub uri: Option<String>,
    /// Where the whole connection string is, or the password of its user: env:NAME, file:PATH,
    /// command:PROGRAM ARGUMENTS or store:NAME
    #[arg(long, value_name = "SOURCE")]
    pub credential: Option<Credential>,
    /// The database of calls that name none [default: the one of the connection string]
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// What becomes of queries that no index serves [default: warn]
    #[arg(long, value_enum)]
    pub scan_guard: Option<ScanGuard>,
    /// Let the deployment use its disk for large sorts and groups
    #[arg(long)]
    pub allow_disk_use: bool,
    /// Connections to each server [default: 8]
    #[arg(long, value_name = "N")]
    pub connections: Option<u32>,
    /// Let `export` write files into this directory
    #[arg(long, value_name = "DIR")]
    pub export_dir: Option<PathBuf>,
    /// Let `manage_index` create and drop indexes, where writing is allowed
    #[arg(long)]
    pub manage_indexes: bool,
    /// Databases by name, in place of those of one deployment.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, DatabaseOptions>,
}

/// One `[source.databases.NAME]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseOptions {
    /// The connection string. The database that it names is the one; without, it is called NAME.
    pub dsn: Option<String>,
    /// Where the password or the whole connection string is.
    pub credential: Option<Credential>,
    /// What agents should know of it.
    pub description: Option<String>,
}

impl Options {
    /// Where the credentials of databases that have names are.
    pub(crate) fn credentials(&self) -> BTreeMap<String, Credential> {
        let named = self.databases.iter();
        named
            .filter_map(|(name, database)| Some((name.clone(), database.credential.clone()?)))
            .collect()
    }
}

/// Connections to each server, unless more or fewer are asked for.
const CONNECTIONS: u32 = 8;

/// Decides what is served.
pub(crate) fn decide(options: Options, environment: &Environment) -> Result<Config, StartError> {
    let connections = options.connections.unwrap_or(CONNECTIONS);
    if !(1..=64).contains(&connections) {
        return Err(StartError::new("--connections: from 1 to 64"));
    }
    let places = if options.databases.is_empty() {
        Places::One(one(options.uri, environment)?)
    } else {
        if options.uri.is_some() || options.credential.is_some() {
            return Err(StartError::new(
                "give one connection string, or [source.databases], not both",
            ));
        }
        Places::Named(named(options.databases, options.database.as_deref(), environment)?)
    };
    Ok(Config {
        places,
        database: options.database,
        connections,
        scan_guard: options.scan_guard.unwrap_or_default(),
        allow_disk_use: options.allow_disk_use,
        export_dir: options.export_dir,
    })
}

/// The connection string of the one deployment.
fn one(uri: Option<String>, environment: &Environment) -> Result<Option<String>, StartError> {
    if let Some(given) = &uri {
        dsn::warn_of_secret(given, "the connection string");
    }
    let uri = uri.or_else(|| environment.variables.get(MONGODB_URI).cloned());
    if uri.is_none() && !environment.credential.is_configured() {
        return Err(StartError::new(
            "name a deployment: lockkeeper-mongo mongodb://HOST/DATABASE, or set MONGODB_URI",
        ));
    }
    Ok(uri)
}

/// Databases by the names of the settings.
fn named(
    databases: BTreeMap<String, DatabaseOptions>,
    default: Option<&str>,
    environment: &Environment,
) -> Result<BTreeMap<String, DatabaseConfig>, StartError> {
    let wrong = |problem: String| Err(StartError::new(problem));
    if let Some(unknown) = default.filter(|name| !databases.contains_key(*name)) {
        return wrong(format!("--database: there is no database `{unknown}`"));
    }
    let mut decided = BTreeMap::new();
    for (name, database) in databases {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 63 || !name.chars().all(is_name) || is_own(&name) {
            return wrong(format!(
                "databases.{name}: a name consists of letters, digits, _, -, and isn't admin, local \
                 or config"
            ));
        }
        if database.dsn.is_none() && database.credential.is_none() {
            return wrong(format!("databases.{name}: dsn or credential says where it is"));
        }
        let credential = environment.credentials.get(&name).cloned().unwrap_or_default();
        let DatabaseOptions { dsn: uri, description, .. } = database;
        decided.insert(name, DatabaseConfig { uri, credential, description });
    }
    Ok(decided)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn problem(source: Value) -> String {
        let options = serde_json::from_value::<Options>(source).map_err(|error| error.to_string());
        let decided = options.and_then(|options| {
            decide(options, &Environment::default()).map_err(|error| error.to_string())
        });
        decided.err().unwrap_or_default()
    }

    #[test]
    fn settings_of_databases_that_mean_nothing_are_refused() {
        let place = json!({"dsn": "mongodb://h/app"});
        for (source, wrong) in [
            (json!({"databases": {"a": {}}}), "databases.a: dsn or credential"),
            (json!({"databases": {"admin": place}}), "isn't admin"),
            (json!({"databases": {"a.b": place}}), "databases.a.b: a name consists of"),
            (json!({"databases": {"": place}}), "a name consists of"),
            (json!({"databases": {"a": place}, "uri": "mongodb://h/"}), "not both"),
            (json!({"databases": {"a": place}, "database": "b"}), "no database `b`"),
            (json!({"databases": {"a": {"uri": "mongodb://h/"}}}), "unknown field `uri`"),
            (json!({"databases": {"a": place}, "connections": 0}), "from 1 to 64"),
            (json!({}), "name a deployment"),
        ] {
            let problem = problem(source.clone());
            assert!(problem.contains(wrong), "{source}: {problem}");
        }
        assert_eq!(problem(json!({"databases": {"a": place, "b": place}, "database": "b"})), "");
    }
}

//! The deployment: how it is reached, and what is read from it. Knows no MCP.

pub(crate) mod changes;
pub(crate) mod collections;
pub(crate) mod connect;
pub(crate) mod describe;
pub(crate) mod error;
pub(crate) mod exporting;
pub(crate) mod homes;
pub(crate) mod judge;
pub(crate) mod names;
pub(crate) mod plan;
pub(crate) mod reading;
pub(crate) mod sample;
pub(crate) mod uri;
pub(crate) mod writing;

use std::collections::BTreeMap;
use std::time::Duration;

use lockkeeper_core::{
    Beneath, Credentials, Environment, Export, ExportDir, Finding, Masks, NamePattern, NameScope,
    Ports, Reach, Scope, ScopePattern, Separator, Shelf, StartError,
};

use self::collections::Known;
use self::connect::{Deployment, Place, UNCHECKED};
use self::exporting::Selected;
use self::homes::{Home, Homes};
use self::names::is_own;
use self::plan::{ScanGuard, Shapes};
use self::reading::Documents;
use self::sample::Names;
use crate::guard::Policy;

/// How long a cursor or an export waits for the next call.
const KEPT: Duration = Duration::from_mins(1);

/// As many cursors whose documents were not all read are kept: each is one of the server's, too, and is
/// closed there when it is dropped.
const MOST_CURSORS: usize = 8;

/// What is served, decided.
pub(crate) struct Config {
    pub(crate) places: Places,
    pub(crate) database: Option<String>,
    pub(crate) connections: u32,
    pub(crate) scan_guard: ScanGuard,
    pub(crate) allow_disk_use: bool,
    pub(crate) export_dir: Option<std::path::PathBuf>,
}

/// Where databases are.
pub(crate) enum Places {
    /// All of them in one deployment: its connection string, or none if that is the credential.
    One(Option<String>),
    /// By the names of the settings.
    Named(BTreeMap<String, DatabaseConfig>),
}

/// One database of several.
pub(crate) struct DatabaseConfig {
    pub(crate) uri: Option<String>,
    pub(crate) credential: Credentials,
    pub(crate) description: Option<String>,
}

/// What the tools work on.
pub struct Mongo {
    pub(crate) homes: Homes,
    /// The database of calls that name none.
    pub(crate) database: Option<String>,
    /// Rules over `database.collection.field`.
    pub(crate) scope: NameScope,
    pub(crate) masks: Masks,
    /// The same for the guard.
    pub(crate) policy: Policy,
    /// Documents that were not all read.
    pub(crate) cursors: Shelf<Documents>,
    known: Known,
    names: Names,
    pub(crate) shapes: Shapes,
    pub(crate) scan_guard: ScanGuard,
    allow_disk_use: bool,
    pub(crate) export_dir: Option<ExportDir>,
    /// Exports that go on with the next call.
    pub(crate) exports: Shelf<Box<Export<Selected>>>,
    /// Whether writing was asked for.
    pub(crate) writes: bool,
}

/// Whether a policy may show anything of a database. One of which it shows nothing isn't there.
fn shows(scope: &Scope, database: &str) -> bool {
    let speaks = |pattern: &ScopePattern| {
        NamePattern::new(pattern.text(), Separator('.')).is_ok_and(|pattern| {
            let name = [database];
            pattern.covers(&name) || pattern.speaks_beneath(&name) != Beneath::Nothing
        })
    };
    let denied = |pattern: &ScopePattern| {
        NamePattern::new(pattern.text(), Separator('.'))
            .is_ok_and(|pattern| pattern.covers(&[database]))
    };
    scope.allow().all(|list| list.iter().any(speaks)) && !scope.deny().iter().any(denied)
}

impl Mongo {
    pub(crate) fn open(config: Config, environment: &Environment) -> Result<Self, StartError> {
        let export_dir = config
            .export_dir
            .as_deref()
            .map(|path| ExportDir::new(path, &environment.own))
            .transpose()?;
        let scope = environment.scope.names(Separator('.')).map_err(StartError::new)?;
        let hides_fields = scope.has_denials() || !environment.masks.is_empty();
        let home = |label, uri, credential, description| {
            let place = Place {
                uri,
                credential,
                connections: config.connections,
                hides_fields,
                certificates: environment.network.certificate_file.clone(),
            };
            Home::new(Deployment::new(place, environment.upstream(label)), description)
        };
        let homes = match config.places {
            Places::One(uri) => {
                Homes::All(Box::new(home("database", uri, environment.credential.clone(), None)))
            }
            Places::Named(named) => {
                let shown = named.into_iter().filter(|(name, _)| shows(&environment.scope, name));
                let named = shown.map(|(name, given)| {
                    let DatabaseConfig { uri, credential, description } = given;
                    // As many labels as there are databases in the settings.
                    let label = name.clone().leak();
                    (name, home(label, uri, credential, description))
                });
                Homes::Named(named.collect())
            }
        };
        let database = config.database.or_else(|| homes.default());
        let policy = Policy::new(scope.clone(), environment.masks.clone());
        Ok(Self {
            database: database.filter(|name| !is_own(name)),
            policy: if homes.are_named() { policy.within_databases() } else { policy },
            homes,
            scope,
            masks: environment.masks.clone(),
            cursors: Shelf::new(MOST_CURSORS, KEPT),
            exports: Shelf::new(exporting::MOST, KEPT),
            known: Known::default(),
            names: Names::default(),
            shapes: Shapes::default(),
            scan_guard: config.scan_guard,
            allow_disk_use: config.allow_disk_use,
            export_dir,
            writes: environment.write,
        })
    }

    /// Whether the policy hides anything.
    pub(crate) fn restricts(&self) -> bool {
        self.scope.restricts() || !self.masks.is_empty()
    }

    /// What is reached on this machine and beyond.
    pub(crate) fn reach(&self) -> Reach {
        let mut reach = self.homes.reach();
        reach.write.extend(self.export_dir.iter().map(|export| export.path().to_owned()));
        reach
    }

    /// The lines of `check`.
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, home) in self.homes.each() {
            findings.extend(self.findings_of(name, home).await);
        }
        findings
    }

    async fn findings_of(&self, name: Option<&str>, home: &Home) -> Vec<Finding> {
        let finding = |subject: &str, state: String, ok| {
            let subject =
                name.map_or_else(|| subject.to_owned(), |name| format!("{name} {subject}"));
            Finding { subject, state, ok }
        };
        let standing = match home.deployment.standing().await {
            Ok(standing) => standing,
            Err(error) => {
                return vec![finding("deployment", crate::refusal::advice(&error), false)];
            }
        };
        let tls = home.deployment.tls().await.unwrap_or("no TLS");
        let server = format!("{}, {tls}", standing.server);
        let mut findings = vec![finding("deployment", server, tls != UNCHECKED)];
        let (user, ok) = match (standing.user, standing.writes, self.writes) {
            (None, ..) => ("anybody may connect: no user is needed".to_owned(), true),
            (Some(user), false, _) => (format!("{user}, who can only read"), true),
            (Some(user), true, true) => (format!("{user}, who can write"), true),
            (Some(user), true, false) => {
                (format!("{user}, who can write: a user with the role `read` is enough"), true)
            }
        };
        findings.push(finding("user", user, ok));
        if let Ports::Fixed(ports) = self.homes.reach().ports {
            let out: Vec<String> = standing
                .members
                .iter()
                .filter(|(_, port)| !ports.contains(port))
                .map(|(host, port)| format!("{host}:{port}"))
                .collect();
            if !out.is_empty() {
                let state = format!(
                    "{}: the sandbox lets no connection through to their ports; name them in the \
                     connection string",
                    out.join(", ")
                );
                findings.push(finding("members", state, false));
            }
        }
        findings
    }
}

//! The deployment: how it is reached, and what is read from it. Knows no MCP.

pub(crate) mod changes;
pub(crate) mod collections;
pub(crate) mod connect;
pub(crate) mod describe;
pub(crate) mod error;
pub(crate) mod exporting;
pub(crate) mod judge;
pub(crate) mod names;
pub(crate) mod plan;
pub(crate) mod reading;
pub(crate) mod sample;
pub(crate) mod uri;
pub(crate) mod writing;

use std::time::Duration;

use lockkeeper_core::{
    Environment, Export, ExportDir, Finding, Masks, NameScope, Ports, Reach, Separator, Shelf,
    StartError,
};

use self::collections::Known;
use self::connect::{Deployment, Place, UNCHECKED};
use self::exporting::Selected;
use self::names::is_own;
use self::plan::{ScanGuard, Shapes};
use self::reading::Documents;
use self::sample::Names;
use self::uri::Named;
use crate::guard::Policy;

/// How long a cursor or an export waits for the next call.
const KEPT: Duration = Duration::from_mins(1);

/// As many cursors whose documents were not all read are kept: each is one of the server's, too, and is
/// closed there when it is dropped.
const MOST_CURSORS: usize = 8;

/// What is served, decided.
pub(crate) struct Config {
    pub(crate) uri: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) connections: u32,
    pub(crate) scan_guard: ScanGuard,
    pub(crate) allow_disk_use: bool,
    pub(crate) export_dir: Option<std::path::PathBuf>,
}

/// What the tools work on.
pub struct Mongo {
    pub(crate) deployment: Deployment,
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
    /// What the connection string says by itself.
    named: Result<Option<Named>, &'static str>,
    /// Whether writing was asked for.
    pub(crate) writes: bool,
}

impl Mongo {
    pub(crate) fn open(config: Config, environment: &Environment) -> Result<Self, StartError> {
        let export_dir = config
            .export_dir
            .as_deref()
            .map(|path| ExportDir::new(path, &environment.own))
            .transpose()?;
        let scope = environment.scope.names(Separator('.')).map_err(StartError::new)?;
        let named = config.uri.as_deref().map(uri::named).transpose();
        // What can't be connected to is said to whoever asks for something, and in `check`.
        let of_uri = named.as_ref().ok().and_then(|named| named.as_ref()?.database.clone());
        let place = Place {
            uri: config.uri,
            credential: environment.credential.clone(),
            connections: config.connections,
            hides_fields: scope.has_denials() || !environment.masks.is_empty(),
            certificates: environment.network.certificate_file.clone(),
        };
        Ok(Self {
            deployment: Deployment::new(place, environment.upstream("database")),
            database: config.database.or(of_uri).filter(|name| !is_own(name)),
            policy: Policy::new(scope.clone(), environment.masks.clone()),
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
            named,
            writes: environment.write,
        })
    }

    /// Whether the policy hides anything.
    pub(crate) fn restricts(&self) -> bool {
        self.scope.restricts() || !self.masks.is_empty()
    }

    /// What is reached on this machine and beyond.
    pub(crate) fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        reach.ports = match &self.named {
            // The hosts are in the credential, or in DNS.
            Ok(None) => Ports::Open,
            Ok(Some(named)) => {
                reach.read.extend(named.files.iter().cloned());
                named.ports.clone().map_or(Ports::Open, Ports::Fixed)
            }
            Err(_) => Ports::None,
        };
        reach.read.extend(self.deployment.place().certificates.clone());
        reach.write.extend(self.export_dir.iter().map(|export| export.path().to_owned()));
        reach
    }

    /// The lines of `check`.
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let finding =
            |subject: &str, state: String, ok| Finding { subject: subject.to_owned(), state, ok };
        let standing = match self.standing().await {
            Ok(standing) => standing,
            Err(error) => {
                return vec![finding("deployment", crate::refusal::advice(&error), false)];
            }
        };
        let tls = self.deployment.tls().await.unwrap_or("no TLS");
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
        if let Some(Ports::Fixed(ports)) = Some(self.reach().ports) {
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

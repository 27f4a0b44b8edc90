//! Where databases are: all in one deployment, under their own names, or each where the settings say,
//! under a name that they give it. Agents know no other place than a database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use lockkeeper_core::{Ports, Reach};
use mongodb::Database;

use super::Mongo;
use super::connect::Deployment;
use super::error::MongoError;
use super::names::is_own;
use super::uri::{self, Named};

/// So many collections of a deployment can be subscribed to at once.
pub(crate) const MOST_WATCHED: u32 = 32;

/// Deployments, and what is served of them.
pub(crate) enum Homes {
    /// All databases of one.
    All(Box<Home>),
    /// Databases by their names for agents.
    Named(BTreeMap<String, Home>),
}

/// A deployment, and what its connection string says by itself.
pub(crate) struct Home {
    pub(crate) deployment: Deployment,
    /// What agents should know of it.
    pub(crate) description: Option<String>,
    /// The same over other connections, while somebody is subscribed to something.
    aside: Mutex<Weak<Deployment>>,
    named: Result<Option<Named>, &'static str>,
}

impl Home {
    pub(crate) fn new(deployment: Deployment, description: Option<String>) -> Self {
        // What can't be connected to is said to whoever asks for something, and in `check`.
        let named = deployment.place().uri.as_deref().map(uri::named).transpose();
        Self { deployment, description, aside: Mutex::default(), named }
    }

    /// The deployment over connections beside those of the tools: each subscription takes one. They
    /// end with the last of them.
    fn aside(&self) -> Arc<Deployment> {
        let mut kept = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        kept.upgrade().unwrap_or_else(|| {
            let aside = Arc::new(self.deployment.apart(MOST_WATCHED));
            *kept = Arc::downgrade(&aside);
            aside
        })
    }

    /// The database that the connection string names. Credentials for all databases are kept in one
    /// of MongoDB's own, which strings name for that reason.
    pub(crate) fn database(&self) -> Option<&str> {
        let named = self.named.as_ref().ok()?.as_ref()?;
        named.database.as_deref().filter(|name| !is_own(name))
    }

    /// The same where the connection string is the credential.
    async fn named_database(&self) -> Result<Option<String>, MongoError> {
        match self.database() {
            Some(name) => Ok(Some(name.to_owned())),
            None => Ok(self.deployment.named_database().await?.filter(|name| !is_own(name))),
        }
    }

    /// Ports that the sandbox lets connections through to.
    pub(crate) fn ports(&self) -> Ports {
        match &self.named {
            // The hosts are in the credential, or in DNS.
            Ok(None) => Ports::Open,
            Ok(Some(named)) => named.ports.clone().map_or(Ports::Open, Ports::Fixed),
            Err(_) => Ports::None,
        }
    }
}

impl Homes {
    /// All of them, with the name that a database of the settings has.
    pub(crate) fn each(&self) -> Vec<(Option<&str>, &Home)> {
        match self {
            Self::All(home) => vec![(None, home)],
            Self::Named(named) => {
                named.iter().map(|(name, home)| (Some(name.as_str()), home)).collect()
            }
        }
    }

    /// Whether agents know databases by names of the settings.
    pub(crate) fn are_named(&self) -> bool {
        matches!(self, Self::Named(_))
    }

    /// The database of calls that name none, if that is known without asking anybody.
    pub(crate) fn default(&self) -> Option<String> {
        match self {
            Self::All(home) => home.database().map(str::to_owned),
            Self::Named(named) if named.len() == 1 => named.keys().next().cloned(),
            Self::Named(_) => None,
        }
    }

    /// What is reached on this machine and beyond.
    pub(crate) fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        let mut ports = Some(Vec::new());
        for (_, home) in self.each() {
            if let Ok(Some(named)) = &home.named {
                reach.read.extend(named.files.iter().cloned());
            }
            reach.read.extend(home.deployment.place().certificates.clone());
            ports = match home.ports() {
                Ports::Open => None,
                Ports::Fixed(more) => ports.map(|ports| [ports, more].concat()),
                Ports::None => ports,
            };
        }
        reach.ports = match ports {
            None => Ports::Open,
            Some(ports) if ports.is_empty() => Ports::None,
            Some(mut ports) => {
                ports.sort_unstable();
                ports.dedup();
                Ports::Fixed(ports)
            }
        };
        reach
    }
}

impl Mongo {
    /// The deployment of a database.
    pub(crate) fn deployment(&self, database: &str) -> Result<&Deployment, MongoError> {
        Ok(&self.home(database)?.deployment)
    }

    fn home(&self, database: &str) -> Result<&Home, MongoError> {
        match &self.homes {
            Homes::All(home) => Ok(home),
            Homes::Named(named) => named.get(database).ok_or(MongoError::NoDatabase),
        }
    }

    /// A database as the driver knows it, and its deployment.
    pub(crate) async fn at(&self, database: &str) -> Result<(&Deployment, Database), MongoError> {
        let home = self.home(database)?;
        let own = match &self.homes {
            Homes::All(_) => None,
            Homes::Named(_) => home.named_database().await?,
        };
        let client = home.deployment.client().await?;
        Ok((&home.deployment, client.database(own.as_deref().unwrap_or(database))))
    }

    /// The same over connections beside those of the tools, for what goes on after a call. None if
    /// all of these are taken.
    pub(crate) async fn aside(
        &self,
        database: &str,
    ) -> Result<Option<(Arc<Deployment>, Database)>, MongoError> {
        let home = self.home(database)?;
        let own = match &self.homes {
            Homes::All(_) => None,
            Homes::Named(_) => home.named_database().await?,
        };
        let deployment = home.aside();
        // One of them is this one.
        if Arc::strong_count(&deployment) > MOST_WATCHED as usize {
            return Ok(None);
        }
        let client = deployment.client().await?;
        let database = client.database(own.as_deref().unwrap_or(database));
        Ok(Some((deployment, database)))
    }

    /// The database of calls that name none, where only a credential says it.
    pub(crate) async fn unnamed(&self) -> Result<String, MongoError> {
        let name = match &self.homes {
            Homes::All(home) => home.named_database().await?,
            Homes::Named(_) => None,
        };
        name.ok_or(MongoError::WhichDatabase)
    }
}

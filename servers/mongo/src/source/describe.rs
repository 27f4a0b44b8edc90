//! What a collection is made of: its options, indexes and size, and how the user of the connection
//! stands.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};

use super::Mongo;
use super::collections::Collection;
use super::connect::Deployment;
use super::error::MongoError;
use super::homes::{Home, Homes};
use super::names::{Namespace, is_own};
use crate::ejson::{Form, Seen, Sight as _, Writer};

/// One database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) bytes: Option<u64>,
    /// What the owner says of it.
    pub(crate) description: Option<String>,
}

/// An index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) keys: Document,
    /// `unique`, `sparse` and the like, as words.
    pub(crate) traits: Vec<String>,
    /// How often it was used since the server began to count, if it says so.
    pub(crate) used: Option<u64>,
    /// Another index that begins with the same keys.
    pub(crate) prefix_of: Option<String>,
}

/// Everything about a collection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Described {
    pub(crate) collection: Collection,
    pub(crate) documents: Option<u64>,
    pub(crate) average_bytes: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) index_bytes: Option<u64>,
    pub(crate) indexes: Vec<Index>,
    /// Indexes on fields that the policy hides.
    pub(crate) hidden_indexes: usize,
    /// The rules for documents, unless they speak of hidden fields.
    pub(crate) validator: Option<Document>,
}

/// MongoDB's own roles that write.
const WRITING: [&str; 7] = [
    "readWrite",
    "readWriteAnyDatabase",
    "dbAdmin",
    "dbAdminAnyDatabase",
    "dbOwner",
    "root",
    "restore",
];

/// How the user of the connection stands.
pub(crate) struct Standing {
    pub(crate) server: String,
    pub(crate) user: Option<String>,
    pub(crate) writes: bool,
    pub(crate) members: Vec<(String, u16)>,
}

impl Mongo {
    /// The databases that hold something that the policy admits.
    pub(crate) async fn databases(&self) -> Result<Vec<Database>, MongoError> {
        let home = match &self.homes {
            Homes::All(home) => home,
            Homes::Named(named) => return Ok(self.named_databases(named).await),
        };
        let command = doc! { "listDatabases": 1, "authorizedDatabases": true };
        let answer = home.deployment.command("admin", command).await?;
        let mut databases = Vec::new();
        for one in answer.get_array("databases").map(Vec::as_slice).unwrap_or_default() {
            let Some(one) = one.as_document() else { continue };
            let Ok(name) = one.get_str("name") else { continue };
            if is_own(name) {
                continue;
            }
            let ruled = self.scope.is_limited() || self.scope.has_denials();
            if ruled && self.collections(name).await?.is_empty() {
                continue;
            }
            // Its size would tell of what is hidden in it.
            let bytes = one.get("sizeOnDisk").and_then(number).filter(|_| !self.restricts());
            databases.push(Database { name: name.to_owned(), bytes, description: None });
        }
        databases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(databases)
    }

    /// Those that the settings name. One whose deployment can't be reached is there all the same.
    async fn named_databases(&self, named: &BTreeMap<String, Home>) -> Vec<Database> {
        let ruled = self.scope.is_limited() || self.scope.has_denials();
        let mut databases = Vec::new();
        for (name, home) in named {
            if !ruled || !matches!(self.collections(name).await, Ok(none) if none.is_empty()) {
                let description = home.description.clone();
                databases.push(Database { name: name.clone(), bytes: None, description });
            }
        }
        databases
    }

    /// Describes a collection or a view.
    pub(crate) async fn describe(&self, name: &Namespace) -> Result<Described, MongoError> {
        let collection = self.collection(name).await?;
        let collection = collection.ok_or_else(|| MongoError::Missing(name.to_string(), None))?;
        let shape = self.shape(name).await?;
        let mut described = Described::default();
        let is_view = collection.view().is_some();
        described.collection = collection;
        if is_view {
            return Ok(described);
        }
        self.read_sizes(name, &mut described).await?;
        described.indexes = self.indexes(name).await?;
        if self.restricts() {
            let before = described.indexes.len();
            described.indexes.retain(|index| {
                let denied = |key: &String| {
                    let path: Vec<&str> = key.split('.').collect();
                    (1..=path.len())
                        .any(|n| shape.seen(path.get(..n).unwrap_or_default()) == Seen::Denied)
                };
                !index.keys.keys().any(denied)
            });
            described.hidden_indexes = before - described.indexes.len();
        } else {
            let validator = described.collection.options.get_document("validator");
            described.validator = validator.ok().cloned().filter(|rules| !rules.is_empty());
        }
        Ok(described)
    }

    async fn read_sizes(
        &self,
        name: &Namespace,
        described: &mut Described,
    ) -> Result<(), MongoError> {
        let pipeline = vec![doc! { "$collStats": { "storageStats": {} } }];
        let stats = match self.gather(name, pipeline).await {
            Ok(stats) => stats,
            // Some users may read a collection and not its statistics.
            Err(MongoError::Refused(_)) => {
                described.documents = Some(self.estimate(name).await?);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        // One document for each shard.
        let sum = |field: &str| {
            let values = stats.iter().filter_map(|stats| stats.get_document("storageStats").ok());
            values.filter_map(|stats| stats.get(field).and_then(number)).reduce(|a, b| a + b)
        };
        described.documents = sum("count");
        described.bytes = sum("size");
        described.index_bytes = sum("totalIndexSize");
        described.average_bytes = match (described.bytes, described.documents) {
            (Some(bytes), Some(documents)) => bytes.checked_div(documents),
            _ => None,
        };
        Ok(())
    }

    /// The indexes of a collection, with how often each was used.
    pub(crate) async fn indexes(&self, name: &Namespace) -> Result<Vec<Index>, MongoError> {
        let command = doc! { "listIndexes": name.collection(), "cursor": { "batchSize": 1_000 } };
        let answer = match self.command(name.database(), command).await {
            Ok(answer) => answer,
            // A collection that isn't there, or a view.
            Err(error) if matches!(error.code(), Some(26 | 166)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        let listed = batch.map(Vec::as_slice).unwrap_or_default();
        let mut indexes: Vec<Index> =
            listed.iter().filter_map(Bson::as_document).map(Index::from).collect();
        if let Ok(uses) = self.gather(name, vec![doc! { "$indexStats": {} }]).await {
            for index in &mut indexes {
                let own = uses
                    .iter()
                    .filter(|one| one.get_str("name").is_ok_and(|name| name == index.name));
                let used = own.filter_map(|one| {
                    one.get_document("accesses").ok()?.get("ops").and_then(number)
                });
                index.used = used.reduce(|a, b| a + b);
            }
        }
        mark_prefixes(&mut indexes);
        indexes.sort_by(|a, b| (a.name != "_id_", &a.name).cmp(&(b.name != "_id_", &b.name)));
        Ok(indexes)
    }
}

impl Deployment {
    /// Asks what it is and who we are to it.
    pub(crate) async fn standing(&self) -> Result<Standing, MongoError> {
        let hello = self.command("admin", doc! { "hello": 1 }).await?;
        let info = self.command("admin", doc! { "buildInfo": 1 }).await?;
        let status = doc! { "connectionStatus": 1, "showPrivileges": true };
        let status = self.command("admin", status).await?;
        let auth = status.get_document("authInfo").cloned().unwrap_or_default();
        let users = auth.get_array("authenticatedUsers").map(Vec::as_slice).unwrap_or_default();
        let user = users.iter().filter_map(Bson::as_document).find_map(|user| {
            Some(format!("{}@{}", user.get_str("user").ok()?, user.get_str("db").ok()?))
        });
        let privileges = auth.get_array("authenticatedUserPrivileges");
        let privileges = privileges.map(Vec::as_slice).unwrap_or_default();
        let actions = privileges.iter().filter_map(Bson::as_document);
        let actions = actions.filter_map(|one| one.get_array("actions").ok()).flatten();
        let mut actions = actions.filter_map(Bson::as_str);
        let writes = actions.any(|action| {
            matches!(action, "insert" | "update" | "remove" | "dropCollection" | "anyAction")
        });
        // Not every deployment says what its roles allow.
        let roles = auth.get_array("authenticatedUserRoles").map(Vec::as_slice).unwrap_or_default();
        let mut roles = roles.iter().filter_map(Bson::as_document);
        let writes = writes
            || roles.any(|role| {
                WRITING.iter().any(|name| role.get_str("role").is_ok_and(|role| role == *name))
            });
        let kind = match (hello.get_str("setName"), hello.get_str("msg")) {
            (_, Ok("isdbgrid")) => "a sharded cluster".to_owned(),
            (Ok(set), _) => format!("the replica set {set}"),
            _ => "a standalone server".to_owned(),
        };
        let version = info.get_str("version").unwrap_or("of an unknown version");
        let members = hello.get_array("hosts").map(Vec::as_slice).unwrap_or_default();
        let members = members.iter().filter_map(Bson::as_str).filter_map(|host| {
            let (host, port) = host.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        });
        Ok(Standing {
            server: format!("{kind}, MongoDB {version}"),
            user,
            writes,
            members: members.collect(),
        })
    }
}

/// A value as relaxed Extended JSON.
pub(crate) fn shown(value: &Bson) -> String {
    let document = doc! { "": value.clone() };
    let mut text = String::new();
    let written = document
        .to_vec()
        .ok()
        .and_then(|bytes| Writer::new(Form::Relaxed).document(&bytes, &mut text).ok());
    let value = text.strip_prefix("{\"\":").and_then(|text| text.strip_suffix('}'));
    written.and(value).unwrap_or("null").to_owned()
}

/// Statistics come as integers of either width, or as doubles.
pub(crate) fn number(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(n) => u64::try_from(*n).ok(),
        Bson::Int64(n) => u64::try_from(*n).ok(),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "statistics, and never negative"
        )]
        Bson::Double(n) if *n >= 0.0 => Some(*n as u64),
        _ => None,
    }
}

impl From<&Document> for Index {
    fn from(listed: &Document) -> Self {
        let name = listed.get_str("name").unwrap_or_default().to_owned();
        let keys = listed.get_document("key").cloned().unwrap_or_default();
        let mut traits = Vec::new();
        for flag in ["unique", "sparse", "hidden"] {
            if listed.get_bool(flag).unwrap_or_default() {
                traits.push(flag.to_owned());
            }
        }
        if let Some(seconds) = listed.get("expireAfterSeconds").and_then(number) {
            traits.push(format!("TTL {seconds} s"));
        }
        if let Ok(filter) = listed.get_document("partialFilterExpression") {
            traits.push(format!("partial {}", shown(&Bson::Document(filter.clone()))));
        }
        if listed.contains_key("collation") {
            let locale = listed.get_document("collation").and_then(|one| one.get_str("locale"));
            traits.push(format!("collation {}", locale.unwrap_or("other")));
        }
        Self { name, keys, traits, used: None, prefix_of: None }
    }
}

fn mark_prefixes(indexes: &mut [Index]) {
    let all: Vec<(String, Vec<(String, Bson)>)> = indexes
        .iter()
        .map(|index| (index.name.clone(), index.keys.clone().into_iter().collect()))
        .collect();
    for index in indexes.iter_mut().filter(|index| index.traits.is_empty() && index.name != "_id_")
    {
        let keys: Vec<(String, Bson)> = index.keys.clone().into_iter().collect();
        let longer = all.iter().find(|(name, other)| {
            *name != index.name && other.len() > keys.len() && other.starts_with(&keys)
        });
        index.prefix_of = longer.map(|(name, _)| name.clone());
    }
}

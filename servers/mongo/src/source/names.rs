//! Names of databases and collections, checked. Only [`Mongo::namespace`] makes a [`Namespace`], and
//! whatever reads or writes takes one, so what the policy hides can't be reached by a way around it.

use std::fmt;

use super::Mongo;
use super::error::MongoError;

/// Databases of MongoDB's own: users and their password hashes, the oplog with every change, the
/// settings of a cluster.
const OWN: [&str; 3] = ["admin", "local", "config"];

/// A collection or view that the policy admits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Namespace {
    database: String,
    collection: String,
}

impl Namespace {
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn collection(&self) -> &str {
        &self.collection
    }

    /// Its name, part by part.
    pub(crate) fn parts(&self) -> [&str; 2] {
        [&self.database, &self.collection]
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.collection)
    }
}

impl Mongo {
    /// The database of that name, or the one that the settings name.
    pub(crate) async fn database(&self, name: Option<&str>) -> Result<String, MongoError> {
        let name = match (name, &self.database) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => name.clone(),
            (None, None) => self.unnamed().await?,
        };
        check_database(&name).map_err(MongoError::Name)?;
        Ok(name)
    }

    /// The collection of that name in a database, if the policy admits it. Whether it exists isn't
    /// asked.
    pub(crate) async fn namespace(
        &self,
        database: Option<&str>,
        collection: &str,
    ) -> Result<Namespace, MongoError> {
        let database = self.database(database).await?;
        self.admit(&database, collection)
    }

    /// The same where both names are known.
    pub(crate) fn admit(&self, database: &str, collection: &str) -> Result<Namespace, MongoError> {
        check_database(database).map_err(MongoError::Name)?;
        check_collection(collection).map_err(MongoError::Name)?;
        let name = Namespace { database: database.to_owned(), collection: collection.to_owned() };
        match self.scope.admits(&name.parts()) {
            // A database that the settings don't name is like one that the policy hides.
            Ok(()) if self.deployment(database).is_err() => {
                Err(MongoError::Missing(name.to_string(), None))
            }
            Ok(()) => Ok(name),
            Err(rule) => Err(MongoError::Missing(name.to_string(), Some(rule))),
        }
    }
}

/// Whether a database is MongoDB's own. Its names don't differ by case alone.
pub(crate) fn is_own(database: &str) -> bool {
    OWN.iter().any(|own| own.eq_ignore_ascii_case(database))
}

/// Whether a collection is MongoDB's own.
pub(crate) fn is_system(collection: &str) -> bool {
    collection.starts_with("system.")
}

fn check_database(name: &str) -> Result<(), String> {
    if is_own(name) {
        return Err("the databases admin, local and config are MongoDB's own".to_owned());
    }
    let forbidden = |c: char| c.is_control() || "/\\. \"$*<>:|?".contains(c);
    if name.is_empty() || name.len() > 63 || name.contains(forbidden) {
        return Err("this can't be the name of a database".to_owned());
    }
    Ok(())
}

fn check_collection(name: &str) -> Result<(), String> {
    if is_system(name) {
        return Err("collections whose names begin with system. are MongoDB's own".to_owned());
    }
    if name.is_empty() || name.len() > 255 || name.contains(['$', '\0']) || name.starts_with('.') {
        return Err("this can't be the name of a collection".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mongodbs_own_and_impossible_ones_are_refused() {
        for name in ["admin", "Admin", "local", "CONFIG", "", "a.b", "a b", "a$b", "a\0", "a/b"] {
            assert!(check_database(name).is_err(), "{name:?}");
        }
        for name in ["system.users", "system.views", "", "a$b", "$cmd", "a\0b", ".a"] {
            assert!(check_collection(name).is_err(), "{name:?}");
        }
        for name in ["orders", "my.orders", "systems", "größe", "a-b_c"] {
            assert!(check_collection(name).is_ok(), "{name:?}");
        }
        assert!(check_database("shop").is_ok());
    }
}

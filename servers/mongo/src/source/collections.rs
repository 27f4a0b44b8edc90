//! What there is in a database: collections, views and what they are made of. Whether a name is a
//! view decides what a query of it reads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt as _;

use super::Mongo;
use super::connect::limit;
use super::error::MongoError;
use super::names::{Namespace, is_system};

/// How long it is believed that a name is a collection, a view or nothing.
const BELIEVED: Duration = Duration::from_secs(10);

/// Names of which that is remembered.
const MOST: usize = 1_000;

/// MongoDB says that the user may not do this.
const UNAUTHORIZED: i32 = 13;

/// A collection, a view or a time series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collection {
    pub(crate) name: String,
    /// `collection`, `view` or `timeseries`.
    pub(crate) kind: String,
    pub(crate) options: Document,
}

impl Collection {
    /// What a view is made of: a collection's name and a pipeline.
    pub(crate) fn view(&self) -> Option<(&str, Vec<Document>)> {
        let on = self.options.get_str("viewOn").ok()?;
        let stages = self.options.get_array("pipeline").map(Vec::as_slice).unwrap_or_default();
        Some((on, stages.iter().filter_map(Bson::as_document).cloned().collect()))
    }
}

#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<Namespace, (Instant, Option<Collection>)>>);

impl Mongo {
    /// The collections and views of a database that the policy admits, by name.
    pub(crate) async fn collections(&self, database: &str) -> Result<Vec<Collection>, MongoError> {
        if self.deployment(database).is_err() {
            return Ok(Vec::new());
        }
        let mut all = match self.list(database, doc! {}).await {
            Err(error) if error.code() == Some(UNAUTHORIZED) => self.names_of(database).await?,
            all => all?,
        };
        all.retain(|one| !is_system(&one.name) && self.admit(database, &one.name).is_ok());
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// The collection itself, if it exists.
    pub(crate) async fn collection(
        &self,
        name: &Namespace,
    ) -> Result<Option<Collection>, MongoError> {
        let found = self.list(name.database(), doc! { "name": name.collection() }).await?;
        Ok(found.into_iter().find(|one| one.name == name.collection()))
    }

    /// Refuses a name that nothing has.
    pub(crate) async fn must_exist(&self, name: &Namespace) -> Result<(), MongoError> {
        match self.collection(name).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(MongoError::Missing(name.to_string(), None)),
            // It can't be told by a user who may read this collection and not list it.
            Err(error) if error.code() == Some(UNAUTHORIZED) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The same, as it was a moment ago.
    pub(super) async fn believed(
        &self,
        name: &Namespace,
    ) -> Result<Option<Collection>, MongoError> {
        {
            let known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((since, found)) = known.get(name)
                && since.elapsed() < BELIEVED
            {
                return Ok(found.clone());
            }
        }
        let found = self.collection(name).await?;
        // Its owner may let a view stand on something else at any time.
        if found.as_ref().is_some_and(|found| found.view().is_some()) {
            return Ok(found);
        }
        let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(name.clone(), (Instant::now(), found.clone()));
        Ok(found)
    }

    async fn list(&self, database: &str, filter: Document) -> Result<Vec<Collection>, MongoError> {
        let limit = limit(None)?;
        let (deployment, database) = self.at(database).await?;
        let work = async {
            let cursor = database.list_collections().filter(filter).await?.with_type::<Document>();
            cursor.try_collect::<Vec<Document>>().await
        };
        let all = deployment.ask(limit, work).await?;
        Ok(all.into_iter().map(Collection::from).collect())
    }

    /// For users who may list no more than what they may read.
    async fn names_of(&self, database: &str) -> Result<Vec<Collection>, MongoError> {
        let limit = limit(None)?;
        let (deployment, database) = self.at(database).await?;
        let work = async {
            let names = database.list_collection_names().authorized_collections(true);
            names.await
        };
        let names = deployment.ask(limit, work).await?;
        let named = |name| Collection { name, kind: "collection".into(), ..Collection::default() };
        Ok(names.into_iter().map(named).collect())
    }
}

impl From<Document> for Collection {
    fn from(mut found: Document) -> Self {
        let mut text = |name: &str| match found.remove(name) {
            Some(Bson::String(text)) => text,
            _ => String::new(),
        };
        let (name, kind) = (text("name"), text("type"));
        let options = found.get_document("options").cloned().unwrap_or_default();
        Self { name, kind, options }
    }
}

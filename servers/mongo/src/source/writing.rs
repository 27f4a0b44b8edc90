//! Changes: what is stored, altered and removed, after the guard judged it. Each operation spends a
//! grant, and says when it isn't known whether it was done.

use bson::{Bson, Document, doc, oid::ObjectId};
use lockkeeper_core::{Add, Change, Destroy, Grant, placeholder};
use mongodb::IndexModel;
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::options::{IndexOptions, UpdateModifications};

use super::Mongo;
use super::connect::{Deployment, limit};
use super::error::MongoError;
use super::names::Namespace;
use super::reading::Checked;
use crate::guard;

/// An update, not judged yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alteration {
    pub(crate) filter: Document,
    pub(crate) change: What,
    pub(crate) array_filters: Vec<Document>,
    pub(crate) many: bool,
    pub(crate) upsert: bool,
}

/// What an update does.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Operators(Document),
    Pipeline(Vec<Document>),
}

impl Default for What {
    fn default() -> Self {
        Self::Operators(Document::new())
    }
}

/// What became of documents that were to be stored.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The ids of those that are.
    pub(crate) ids: Vec<Bson>,
    /// Why it went no further, if it didn't.
    pub(crate) failed: Option<MongoError>,
}

/// What became of an update.
#[derive(Debug, Default)]
pub(crate) struct Altered {
    pub(crate) matched: u64,
    pub(crate) modified: u64,
    pub(crate) upserted: Option<Bson>,
}

/// An index that is to be made.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewIndex {
    pub(crate) keys: Document,
    pub(crate) name: Option<String>,
    pub(crate) unique: bool,
    pub(crate) sparse: bool,
    pub(crate) partial: Option<Document>,
    pub(crate) expire_after_s: Option<u32>,
}

impl Mongo {
    /// Has documents judged that are to be stored.
    pub(crate) async fn check_documents(
        &self,
        name: &Namespace,
        documents: Vec<Document>,
    ) -> Result<Checked<Vec<Document>>, MongoError> {
        documents.iter().try_for_each(no_placeholder)?;
        let shape = self.judge(name, |subject| guard::insert(subject, &documents)).await?;
        Ok(Checked { value: documents, shape })
    }

    /// Has an update judged.
    pub(crate) async fn check_alteration(
        &self,
        name: &Namespace,
        alteration: Alteration,
    ) -> Result<Checked<Alteration>, MongoError> {
        let Alteration { filter, change, array_filters, .. } = &alteration;
        let update = match change {
            What::Operators(operators) => {
                no_placeholder(operators)?;
                guard::Update::Operators(operators)
            }
            What::Pipeline(stages) => {
                stages.iter().try_for_each(no_placeholder)?;
                guard::Update::Pipeline(stages)
            }
        };
        let question =
            |subject: guard::Subject<'_>| guard::update(subject, filter, update, array_filters);
        let shape = self.judge(name, question).await?;
        Ok(Checked { value: alteration, shape })
    }

    /// Has the filter of a deletion judged.
    pub(crate) async fn check_deletion(
        &self,
        name: &Namespace,
        filter: Document,
    ) -> Result<Checked<Document>, MongoError> {
        let shape = self.judge(name, |subject| guard::delete(subject, &filter)).await?;
        Ok(Checked { value: filter, shape })
    }

    /// Has an index judged that is to be made.
    pub(crate) async fn check_index(
        &self,
        name: &Namespace,
        index: NewIndex,
    ) -> Result<Checked<NewIndex>, MongoError> {
        let NewIndex { keys, partial, .. } = &index;
        let question = |subject: guard::Subject<'_>| guard::index(subject, keys, partial.as_ref());
        let shape = self.judge(name, question).await?;
        Ok(Checked { value: index, shape })
    }

    /// How many documents a filter names, at most one if not all of them count.
    pub(crate) async fn matches(
        &self,
        name: &Namespace,
        filter: &Document,
        many: bool,
    ) -> Result<u64, MongoError> {
        let limit = limit(None)?;
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let mut count = collection.count_documents(filter.clone()).max_time(limit.server);
        if !many {
            count = count.limit(1);
        }
        deployment.ask(limit, async { count.await }).await
    }

    /// Which of these documents' ids are taken.
    pub(crate) async fn taken(
        &self,
        name: &Namespace,
        documents: &Checked<Vec<Document>>,
    ) -> Result<u64, MongoError> {
        let ids: Vec<Bson> =
            documents.value.iter().filter_map(|document| document.get("_id").cloned()).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        self.matches(name, &doc! { "_id": { "$in": ids } }, true).await
    }

    /// Stores documents in their order, up to the first that can't be stored.
    pub(crate) async fn insert(
        &self,
        grant: Grant<Add>,
        name: &Namespace,
        documents: Checked<Vec<Document>>,
    ) -> Result<Stored, MongoError> {
        let _ = &grant;
        let documents = documents.value;
        let documents: Vec<Document> = documents.into_iter().map(with_id).collect();
        let mut ids: Vec<Bson> =
            documents.iter().filter_map(|document| document.get("_id").cloned()).collect();
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let work = async { collection.insert_many(&documents).await };
        let Err(error) = deployment.change(work).await? else {
            return Ok(Stored { ids, failed: None });
        };
        let done = match &*error.kind {
            // They are stored in their order: what stands before the first error is there.
            ErrorKind::InsertMany(many) => match many.write_errors.as_deref() {
                Some([first, ..]) => first.index,
                _ => return Err(MongoError::InDoubt),
            },
            _ => 0,
        };
        ids.truncate(done);
        let failed = said_of_change(deployment, error);
        if ids.is_empty() { Err(failed) } else { Ok(Stored { ids, failed: Some(failed) }) }
    }

    /// Alters what a filter names.
    pub(crate) async fn update(
        &self,
        grant: Grant<Change>,
        name: &Namespace,
        alteration: Checked<Alteration>,
    ) -> Result<Altered, MongoError> {
        let _ = &grant;
        let alteration = alteration.value;
        let change = match alteration.change {
            What::Operators(operators) => UpdateModifications::Document(operators),
            What::Pipeline(stages) => UpdateModifications::Pipeline(stages),
        };
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let mut update = if alteration.many {
            collection.update_many(alteration.filter, change)
        } else {
            collection.update_one(alteration.filter, change)
        };
        update = update.upsert(alteration.upsert);
        if !alteration.array_filters.is_empty() {
            update = update.array_filters(alteration.array_filters);
        }
        let done = deployment.change(async { update.await }).await?;
        let done = done.map_err(|error| said_of_change(deployment, error))?;
        let upserted = done.upserted_id;
        Ok(Altered { matched: done.matched_count, modified: done.modified_count, upserted })
    }

    /// Removes what a filter names.
    pub(crate) async fn delete(
        &self,
        grant: Grant<Destroy>,
        name: &Namespace,
        filter: Checked<Document>,
        many: bool,
    ) -> Result<u64, MongoError> {
        let _ = &grant;
        let filter = filter.value;
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let delete =
            if many { collection.delete_many(filter) } else { collection.delete_one(filter) };
        let done = deployment.change(async { delete.await }).await?;
        Ok(done.map_err(|error| said_of_change(deployment, error))?.deleted_count)
    }

    /// Makes an index; its name.
    pub(crate) async fn create_index(
        &self,
        grant: Grant<Change>,
        name: &Namespace,
        index: Checked<NewIndex>,
    ) -> Result<String, MongoError> {
        let _ = &grant;
        let index = index.value;
        let mut options = IndexOptions::default();
        options.name = index.name;
        options.unique = index.unique.then_some(true);
        options.sparse = index.sparse.then_some(true);
        options.partial_filter_expression = index.partial;
        options.expire_after =
            index.expire_after_s.map(|seconds| std::time::Duration::from_secs(seconds.into()));
        let model = IndexModel::builder().keys(index.keys).options(options).build();
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let work = async { collection.create_index(model).await };
        let done = deployment.change(work).await?;
        Ok(done.map_err(|error| said_of_change(deployment, error))?.index_name)
    }

    /// Drops one index.
    pub(crate) async fn drop_index(
        &self,
        grant: Grant<Destroy>,
        name: &Namespace,
        index: &str,
    ) -> Result<(), MongoError> {
        let _ = &grant;
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let work = async { collection.drop_index(index).await };
        let done = deployment.change(work).await?;
        done.map_err(|error| said_of_change(deployment, error))
    }
}

/// What went wrong with a change.
fn said_of_change(deployment: &Deployment, error: mongodb::error::Error) -> MongoError {
    match &*error.kind {
        // It is done here, and may be lost if this server is.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => MongoError::InDoubt,
        _ => deployment.said(error),
    }
}

/// Whether a filter leaves nothing out: it asks for no field, or of `_id` only what every one has.
pub(crate) fn names_all(filter: &Document) -> bool {
    filter.iter().all(|(name, value)| match name.as_str() {
        "$and" => parts(value).all(names_all),
        "$or" => parts(value).count() == 0 || parts(value).any(names_all),
        "$nor" => parts(value).all(asks_nothing),
        "_id" => value.as_document().is_some_and(every_id),
        _ => asks_nothing(&doc! { name: value.clone() }),
    })
}

/// Whether a filter takes all documents or none: it looks at nothing that they differ in.
fn asks_nothing(filter: &Document) -> bool {
    filter.iter().all(|(name, value)| match name.as_str() {
        "$and" | "$or" | "$nor" => parts(value).all(asks_nothing),
        "$comment" | "$alwaysTrue" | "$alwaysFalse" | "$sampleRate" => true,
        "$expr" => !names_field(value),
        "$jsonSchema" => value.as_document().is_none_or(|schema| {
            let only = ["bsonType", "type", "title", "description", "additionalProperties"];
            schema.keys().all(|name| only.contains(&name.as_str()))
        }),
        "_id" => value.as_document().is_some_and(every_id),
        _ => false,
    })
}

fn parts(filters: &Bson) -> impl Iterator<Item = &Document> {
    filters.as_array().into_iter().flatten().filter_map(Bson::as_document)
}

/// Whether what is asked of `_id` is asked of each in vain: that there is one, or is none such.
fn every_id(asked: &Document) -> bool {
    !asked.is_empty()
        && asked.iter().all(|(name, value)| match name.as_str() {
            "$exists" | "$ne" | "$nin" | "$not" | "$type" => true,
            "$gt" | "$gte" => matches!(value, Bson::MinKey),
            "$lt" | "$lte" => matches!(value, Bson::MaxKey),
            _ => false,
        })
}

/// Whether an expression looks at a field.
fn names_field(expression: &Bson) -> bool {
    match expression {
        Bson::String(text) => text.strip_prefix('$').is_some_and(|name| {
            let root = ["$ROOT.", "$CURRENT."].iter().any(|root| name.starts_with(root));
            root || !name.starts_with('$')
        }),
        Bson::Array(items) => items.iter().any(names_field),
        Bson::Document(document) => {
            !document.contains_key("$literal") && document.values().any(names_field)
        }
        _ => false,
    }
}

fn with_id(document: Document) -> Document {
    if document.contains_key("_id") {
        return document;
    }
    let mut with_id = doc! { "_id": ObjectId::new() };
    with_id.extend(document);
    with_id
}

/// What was hidden when it was read isn't stored as it was shown.
fn no_placeholder(document: &Document) -> Result<(), MongoError> {
    fn find(value: &Bson) -> Option<&str> {
        match value {
            Bson::String(text) => placeholder(text),
            Bson::Array(items) => items.iter().find_map(find),
            Bson::Document(document) => document.values().find_map(find),
            _ => None,
        }
    }
    match document.values().find_map(find) {
        Some(found) => Err(MongoError::Placeholder(format!(
            "a value holds `{found}`, which stands for another"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_leave_nothing_out_are_known() {
        for all in [
            doc! {},
            doc! { "$comment": "x" },
            doc! { "$and": [{}] },
            doc! { "$or": [{ "a": 1 }, {}] },
            doc! { "$expr": true },
            doc! { "$expr": { "$eq": [1, 1] } },
            doc! { "$expr": { "$literal": "$a" } },
            doc! { "$expr": { "$ne": ["$$ROOT", Bson::Null] } },
            doc! { "$sampleRate": 1.0 },
            doc! { "$jsonSchema": {} },
            doc! { "$jsonSchema": { "bsonType": "object" } },
            doc! { "$nor": [{ "$alwaysFalse": 1 }] },
            doc! { "$nor": [{ "$expr": false }] },
            doc! { "$nor": [{ "_id": { "$exists": false } }] },
            doc! { "_id": { "$gte": Bson::MinKey } },
            doc! { "_id": { "$gt": Bson::MinKey, "$lt": Bson::MaxKey } },
            doc! { "_id": { "$type": ["int", "objectId"] } },
            doc! { "_id": { "$exists": true } },
            doc! { "_id": { "$ne": Bson::Null } },
        ] {
            assert!(names_all(&all), "{all}");
        }
        for some in [
            doc! { "a": 1 },
            doc! { "_id": 5 },
            doc! { "_id": { "$gt": 5 } },
            doc! { "_id": {} },
            doc! { "$and": [{}, { "a": 1 }] },
            doc! { "$or": [{ "a": 1 }, { "b": 1 }] },
            doc! { "$nor": [{ "a": 1 }] },
            doc! { "$expr": { "$gt": ["$a", 1] } },
            doc! { "$expr": { "$gt": ["$$ROOT.a", 1] } },
            doc! { "$jsonSchema": { "required": ["a"] } },
            doc! { "_id": { "$in": [5] } },
        ] {
            assert!(!names_all(&some), "{some}");
        }
    }
}

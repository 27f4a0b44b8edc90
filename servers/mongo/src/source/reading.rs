//! Reading documents: queries and pipelines as cursors over raw bytes, which nobody decodes on their
//! way to an answer.

use std::time::Duration;

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use futures_util::FutureExt as _;
use mongodb::Cursor;

use super::Mongo;
use super::connect::limit;
use super::error::MongoError;
use super::names::Namespace;
use crate::guard::{self, Shape};

/// Documents that one reply of a server holds at most.
const BATCH: u32 = 1_000;

/// A query of one collection, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pub(crate) filter: Document,
    pub(crate) projection: Option<Document>,
    pub(crate) sort: Option<Document>,
    pub(crate) skip: u64,
    /// Documents to be read in all, if that is known.
    pub(crate) most: Option<u64>,
    /// What the server may work on it in all, if that is more than one call has.
    pub(crate) patience: Option<Duration>,
}

/// The documents of a query or a pipeline, as far as they are not read.
pub(crate) struct Documents {
    /// The database that they come from.
    database: String,
    cursor: Cursor<RawDocumentBuf>,
    /// The current document was looked at and not taken.
    put_back: bool,
    /// The last one was there already.
    at_one: bool,
    /// Where their fields come from.
    pub(crate) shape: Shape,
}

impl Documents {
    /// Goes to the next document. False if there is none.
    async fn advance(&mut self, mongo: &Mongo) -> Result<bool, MongoError> {
        if std::mem::take(&mut self.put_back) {
            return Ok(true);
        }
        self.at_one = false;
        // Most documents are here already. One that isn't is waited for, and what was begun for it
        // goes on.
        let here = self.cursor.advance().now_or_never();
        self.at_one = match here {
            Some(Ok(there)) => there,
            Some(Err(error)) => return Err(mongo.deployment(&self.database)?.said(error)),
            None => {
                let deployment = mongo.deployment(&self.database)?;
                deployment.ask(limit(None)?, self.cursor.advance()).await?
            }
        };
        Ok(self.at_one)
    }

    /// The next document, until there is none.
    pub(crate) async fn next(&mut self, mongo: &Mongo) -> Result<Option<&RawDocument>, MongoError> {
        Ok(if self.advance(mongo).await? { Some(self.cursor.current()) } else { None })
    }

    /// Gives back the document that was taken last: it is the next one again.
    pub(crate) fn put_back(&mut self) {
        self.put_back = self.at_one;
    }
}

/// Something of an agent's that the guard has judged, and the shape of what comes of it. Nothing else
/// is sent.
#[derive(Debug, Clone)]
pub(crate) struct Checked<T> {
    pub(super) value: T,
    pub(crate) shape: Shape,
}

impl<T> Checked<T> {
    pub(crate) fn value(&self) -> &T {
        &self.value
    }
}

impl Mongo {
    /// Has a query judged.
    pub(crate) async fn check_query(
        &self,
        name: &Namespace,
        query: Query,
    ) -> Result<Checked<Query>, MongoError> {
        let none = Document::new();
        let projection = query.projection.as_ref().unwrap_or(&none);
        let sort = query.sort.as_ref().unwrap_or(&none);
        let question =
            |subject: guard::Subject<'_>| guard::find(subject, &query.filter, projection, sort);
        let shape = self.judge(name, question).await?;
        Ok(Checked { value: query, shape })
    }

    /// Has a filter judged.
    pub(crate) async fn check_filter(
        &self,
        name: &Namespace,
        filter: Document,
    ) -> Result<Checked<Document>, MongoError> {
        let shape = self.judge(name, |subject| guard::filter(subject, &filter)).await?;
        Ok(Checked { value: filter, shape })
    }

    /// Has a pipeline that reads judged.
    pub(crate) async fn check_pipeline(
        &self,
        name: &Namespace,
        pipeline: Vec<Document>,
    ) -> Result<Checked<Vec<Document>>, MongoError> {
        let shape = self.judge(name, |subject| guard::aggregate(subject, &pipeline)).await?;
        Ok(Checked { value: pipeline, shape })
    }

    /// Has a filter judged, and the field whose values are to be counted: the shape is that of one.
    pub(crate) async fn check_distinct(
        &self,
        name: &Namespace,
        field: &str,
        filter: Document,
    ) -> Result<Checked<Document>, MongoError> {
        let question = |subject: guard::Subject<'_>| guard::distinct(subject, field, &filter);
        let shape = self.judge(name, question).await?;
        Ok(Checked { value: filter, shape })
    }

    /// A pipeline of ours behind a filter that was judged: ours show documents as they are.
    pub(crate) async fn behind_filter(
        &self,
        name: &Namespace,
        filter: Checked<Document>,
        stages: Vec<Document>,
    ) -> Result<Checked<Vec<Document>>, MongoError> {
        let mut pipeline = Vec::new();
        if !filter.value.is_empty() {
            pipeline.push(doc! { "$match": filter.value });
        }
        pipeline.extend(stages);
        self.check_pipeline(name, pipeline).await
    }

    /// Begins to read what a query finds.
    pub(crate) async fn find(
        &self,
        name: &Namespace,
        query: Checked<Query>,
        page: u64,
    ) -> Result<Documents, MongoError> {
        let Checked { value: query, shape } = query;
        let limit = limit(None)?;
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<RawDocumentBuf>(name.collection());
        let mut find =
            collection.find(query.filter).max_time(query.patience.unwrap_or(limit.server));
        find = find.batch_size(batch(page));
        if let Some(projection) = query.projection {
            find = find.projection(projection);
        }
        if let Some(sort) = query.sort {
            find = find.sort(sort);
        }
        if query.skip > 0 {
            find = find.skip(query.skip);
        }
        if let Some(most) = query.most {
            // Nought and less would mean no limit.
            find = find.limit(i64::try_from(most).unwrap_or(i64::MAX).max(1));
        }
        if self.allow_disk_use {
            find = find.allow_disk_use(true);
        }
        let cursor = deployment.ask(limit, async { find.await }).await?;
        let database = name.database().to_owned();
        Ok(Documents { database, cursor, put_back: false, at_one: false, shape })
    }

    /// Begins to read what a pipeline gives.
    pub(crate) async fn aggregate(
        &self,
        name: &Namespace,
        pipeline: Checked<Vec<Document>>,
        page: u64,
    ) -> Result<Documents, MongoError> {
        self.aggregate_within(name, pipeline, page, None).await
    }

    /// The same where the server may work on it for longer than one call.
    pub(crate) async fn aggregate_within(
        &self,
        name: &Namespace,
        pipeline: Checked<Vec<Document>>,
        page: u64,
        patience: Option<Duration>,
    ) -> Result<Documents, MongoError> {
        let Checked { value: pipeline, shape } = pipeline;
        let limit = limit(None)?;
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<RawDocumentBuf>(name.collection());
        let aggregate = collection.aggregate(pipeline).with_type::<RawDocumentBuf>();
        let aggregate = aggregate
            .max_time(patience.unwrap_or(limit.server))
            .batch_size(batch(page))
            .allow_disk_use(self.allow_disk_use);
        let cursor = deployment.ask(limit, async { aggregate.await }).await?;
        let database = name.database().to_owned();
        Ok(Documents { database, cursor, put_back: false, at_one: false, shape })
    }

    /// Counts what a filter finds.
    pub(crate) async fn count(
        &self,
        name: &Namespace,
        filter: Checked<Document>,
    ) -> Result<u64, MongoError> {
        let filter = filter.value;
        let limit = limit(None)?;
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let count = collection.count_documents(filter).max_time(limit.server);
        deployment.ask(limit, async { count.await }).await
    }

    /// How many documents a collection holds by its own account: fast, and not always exact.
    pub(crate) async fn estimate(&self, name: &Namespace) -> Result<u64, MongoError> {
        let limit = limit(None)?;
        let (deployment, database) = self.at(name.database()).await?;
        let collection = database.collection::<Document>(name.collection());
        let count = collection.estimated_document_count().max_time(limit.server);
        deployment.ask(limit, async { count.await }).await
    }

    /// Runs a command of ours that only reads.
    pub(crate) async fn command(
        &self,
        database: &str,
        command: Document,
    ) -> Result<Document, MongoError> {
        let (deployment, database) = self.at(database).await?;
        deployment.run(&database, command).await
    }

    /// The documents of a pipeline of ours, which gives few.
    pub(crate) async fn gather(
        &self,
        name: &Namespace,
        pipeline: Vec<Document>,
    ) -> Result<Vec<Document>, MongoError> {
        let pipeline = Checked { value: pipeline, shape: Shape::default() };
        let mut documents = self.aggregate(name, pipeline, u64::from(BATCH)).await?;
        let mut all = Vec::new();
        while let Some(document) = documents.next(self).await? {
            all.extend(Document::try_from(document).ok());
        }
        Ok(all)
    }
}

/// The command that a query is, for its plan.
pub(crate) fn find_command(name: &Namespace, query: &Query) -> Document {
    let mut command = doc! { "find": name.collection(), "filter": query.filter.clone() };
    let parts = [("projection", &query.projection), ("sort", &query.sort)];
    for (part, value) in parts {
        if let Some(value) = value {
            command.insert(part, value.clone());
        }
    }
    if query.skip > 0 {
        command.insert("skip", i64::try_from(query.skip).unwrap_or(i64::MAX));
    }
    command
}

/// The same for a pipeline.
pub(crate) fn aggregate_command(name: &Namespace, pipeline: &[Document]) -> Document {
    let pipeline: Vec<Bson> = pipeline.iter().cloned().map(Bson::Document).collect();
    doc! { "aggregate": name.collection(), "pipeline": pipeline, "cursor": {} }
}

/// One more than a page takes tells whether there is more, and saves asking for it.
fn batch(page: u64) -> u32 {
    u32::try_from(page.saturating_add(1)).unwrap_or(BATCH).clamp(2, BATCH)
}

//! The tools: one file each, in the order in which they are listed.

mod aggregate;
mod count;
mod delete;
mod describe_collection;
mod explain;
mod export;
mod find;
mod infer_schema;
mod insert;
mod list_collections;
mod list_databases;
mod manage_index;
mod update;
mod watch;

use lockkeeper_core::{Registered, methods, tool};

use crate::source::Mongo;

pub(crate) use describe_collection::text as described;
pub(crate) use infer_schema::text as schema;

/// All tools of this server.
pub(crate) static TOOLS: &[Registered<Mongo>] = &[
    tool::<Mongo, list_databases::ListDatabases>("list_databases"),
    tool::<Mongo, list_collections::ListCollections>("list_collections"),
    tool::<Mongo, describe_collection::DescribeCollection>("describe_collection"),
    tool::<Mongo, infer_schema::InferSchema>("infer_schema"),
    tool::<Mongo, find::Find>("find"),
    tool::<Mongo, aggregate::Aggregate>("aggregate"),
    tool::<Mongo, count::Count>("count"),
    tool::<Mongo, explain::Explain>("explain"),
    tool::<Mongo, watch::Watch>("watch"),
    tool::<Mongo, export::Export>("export"),
    tool::<Mongo, insert::Insert>("insert"),
    tool::<Mongo, update::Update>("update"),
    tool::<Mongo, delete::Delete>("delete"),
    methods::<Mongo>("manage_index", manage_index::DESCRIPTION, manage_index::METHODS),
];

/// A collection as the book names it.
fn resource(database: Option<&str>, collection: &str) -> String {
    format!("{}.{collection}", database.unwrap_or_default())
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 10_000 {
        return format!("{bytes} B");
    }
    let mut amount = bytes / 1_000;
    let mut unit = UNITS.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    while amount >= 10_000
        && let Some(next) = unit.next()
    {
        amount /= 1_000;
        name = next;
    }
    format!("{amount} {name}")
}

//! Decides what may be sent to the deployment. Whatever an agent wrote (filters, projections, sorts,
//! pipelines, updates) is walked to its last level before anything is sent, as the tree that will be
//! sent, and closed by default: stages, operators and accumulators that are not on a list refuse,
//! and so does a stage with more than one key.
//!
//! Three things come out of a walk. Each **reference** to a collection, wherever it is nested, which
//! the policy must admit; views are walked like what the agent wrote, from the collection that they
//! stand on. The **shape** of the result: which of its fields come from which fields of which
//! collection, so that denials and masks hold for what was renamed, joined or regrouped. And bounds
//! on what can't be broken off at the server or would fill its memory.
//!
//! A field that is denied or masked can only be read as itself: whoever may compare, sort, group or
//! compute with a value that is hidden can find it out all the same, so each such use is refused, and
//! so is every use of a whole in which it could be.
//!
//! Pure: it asks no server. What it must know of names is looked up by whoever asks it
//! ([`Judged::unresolved`]), and it is asked again.

mod bounds;
mod change;
mod expression;
mod filter;
mod joins;
mod operators;
mod policy;
mod projection;
mod refusal;
mod regex;
mod shape;
mod stage;
mod walk;

use bson::{Bson, Document};

pub use change::Update;
pub use policy::{Kind, Known, Policy, Reference, View};
pub use refusal::Refusal;
pub use shape::Shape;
use walk::Walk;

/// What was found in something that may be sent.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What it reads, its own collection first.
    pub references: Vec<Reference>,
    /// Names of which it must be known first what they are. While there are any, nothing was
    /// decided: look them up, add them to [`Known`] and ask again.
    pub unresolved: Vec<Reference>,
    /// Where the result's fields come from.
    pub shape: Shape,
}

/// What every question is about: the policy, what is known of names, and the collection.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The rules in force.
    pub policy: &'a Policy,
    /// What is known of names.
    pub known: &'a Known,
    /// The collection or view that is read or changed.
    pub of: &'a Reference,
}

/// Judges a pipeline.
pub fn aggregate(subject: Subject<'_>, pipeline: &[Document]) -> Result<Judged, Refusal> {
    let mut walk = Walk::new(subject);
    let shape = walk.resolve(subject.of)?;
    let shape = walk.pipeline(pipeline, shape, &expression::Variables::default())?;
    walk.end(shape)
}

/// Judges a query.
pub fn find(
    subject: Subject<'_>,
    filter: &Document,
    projection: &Document,
    sort: &Document,
) -> Result<Judged, Refusal> {
    let mut walk = Walk::new(subject);
    let shape = walk.resolve(subject.of)?;
    walk.filter(filter, &shape, &[])?;
    walk.sort(sort, &shape)?;
    let shape = walk.found(projection, &shape)?;
    walk.end(shape)
}

/// Judges a filter, as for a count.
pub fn filter(subject: Subject<'_>, filter: &Document) -> Result<Judged, Refusal> {
    find(subject, filter, &Document::new(), &Document::new())
}

/// Judges a question for the distinct values of a field. The shape is that of one value.
pub fn distinct(subject: Subject<'_>, field: &str, filter: &Document) -> Result<Judged, Refusal> {
    let mut walk = Walk::new(subject);
    let shape = walk.resolve(subject.of)?;
    walk.filter(filter, &shape, &[])?;
    let path = walk::path(field)?;
    shape.use_whole(&path, "distinct")?;
    let shape = shape.of(&path);
    walk.end(shape)
}

/// Judges a pipeline over a collection's changes. The shape is that of an event.
pub fn watch(subject: Subject<'_>, pipeline: &[Document]) -> Result<Judged, Refusal> {
    const STAGES: &[&str] =
        &["$match", "$project", "$addFields", "$set", "$unset", "$replaceRoot", "$replaceWith"];
    let mut walk = Walk::new(subject);
    let shape = walk.resolve(subject.of)?;
    // Tokens and events name documents by their `_id`.
    shape.use_whole(&["_id".to_owned()], "a watch")?;
    let shape = shape.of_changes();
    for stage in pipeline {
        let name = stage.keys().next().map_or("", String::as_str);
        if stage.len() != 1 || !STAGES.contains(&name) {
            return Err(Refusal::stage(name)
                .hint("a watch takes $match, $project, $set, $unset and $replaceRoot"));
        }
    }
    let shape = walk.pipeline(pipeline, shape, &expression::Variables::default())?;
    walk.end(shape)
}

/// Judges an update; `array_filters` name the elements that it speaks of.
pub fn update(
    subject: Subject<'_>,
    filter: &Document,
    update: Update<'_>,
    array_filters: &[Document],
) -> Result<Judged, Refusal> {
    let mut walk = Walk::new(subject);
    let shape = walk.resolve_stored(subject.of)?;
    walk.filter(filter, &shape, &[])?;
    walk.update(update, array_filters, &shape)?;
    walk.end(shape)
}

/// Judges a deletion.
pub fn delete(subject: Subject<'_>, filter: &Document) -> Result<Judged, Refusal> {
    let mut walk = Walk::new(subject);
    let shape = walk.resolve_stored(subject.of)?;
    walk.filter(filter, &shape, &[])?;
    walk.end(shape)
}

/// Judges documents that are to be stored.
pub fn insert(subject: Subject<'_>, documents: &[Document]) -> Result<Judged, Refusal> {
    let mut walk = Walk::new(subject);
    let shape = walk.resolve_stored(subject.of)?;
    for document in documents {
        walk.stored(document, &shape)?;
    }
    walk.end(shape)
}

/// Judges an index: its keys, and the filter of a partial one.
pub fn index(
    subject: Subject<'_>,
    keys: &Document,
    partial: Option<&Document>,
) -> Result<Judged, Refusal> {
    let mut walk = Walk::new(subject);
    let shape = walk.resolve_stored(subject.of)?;
    for (field, kind) in keys {
        if field.contains("$**") && shape.is_ruled() {
            return Err(Refusal::hides("an index over all fields"));
        }
        if !matches!(kind, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::String(_)) {
            return Err(Refusal::new(format!(
                "the index on `{field}` has a kind that there isn't"
            ))
            .hint("1, -1, \"text\", \"2dsphere\" or \"hashed\""));
        }
        shape.use_whole(&walk::path(field)?, "an index")?;
    }
    if let Some(partial) = partial {
        walk.filter(partial, &shape, &[])?;
    }
    walk.end(shape)
}

#[cfg(test)]
mod tests;

//! Plans: how MongoDB would find what a query asks for, read from the whole tree of a plan whatever
//! engine wrote it. Nothing is executed for them.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::Mongo;
use super::describe::shown;
use super::error::MongoError;
use super::names::Namespace;
use super::reading::{Query, aggregate_command, find_command};

/// What becomes of a query that no index serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ScanGuard {
    /// It runs, and nobody looks at its plan.
    Off,
    /// It runs, and its answer says so.
    #[default]
    Warn,
    /// It is refused.
    Deny,
}

/// Collections of fewer documents are scanned without a word.
const SMALL: u64 = 1_000;

/// How long a plan is believed to be the one for its shape.
const BELIEVED: Duration = Duration::from_mins(1);

/// Shapes of which a plan is remembered.
const MOST: usize = 500;

/// Stages that read all of a collection.
const SCANS: [&str; 2] = ["COLLSCAN", "scan"];

/// What a plan says, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The stages from the first to read to the last, or what there is of a tree.
    pub(crate) stages: Vec<String>,
    /// The indexes that it uses.
    pub(crate) indexes: Vec<String>,
    /// Whether it reads all of a collection.
    pub(crate) scans: bool,
    /// Whether it sorts in memory.
    pub(crate) sorts: bool,
    /// Whether indexes alone answer.
    pub(crate) covered: bool,
    /// How many plans were weighed and dropped.
    pub(crate) rejected: usize,
}

impl Plan {
    /// Reads what `explain` answered.
    pub(crate) fn of(explained: &Document) -> Self {
        let mut plan = Self::default();
        plan.document(explained);
        plan.covered = !plan.indexes.is_empty() && !plan.scans;
        plan.covered &= !plan.stages.iter().any(|stage| stage == "FETCH" || stage == "fetch");
        plan
    }

    fn document(&mut self, document: &Document) {
        if let Ok(rejected) = document.get_array("rejectedPlans") {
            self.rejected += rejected.len();
        }
        for (name, value) in document {
            // What was asked, where it runs, and plans that weren't chosen.
            let beside = matches!(
                name.as_str(),
                "rejectedPlans"
                    | "command"
                    | "serverInfo"
                    | "serverParameters"
                    | "parsedQuery"
                    | "slotBasedPlan"
                    | "$clusterTime"
                    | "filter"
                    | "indexBounds"
            );
            if !beside {
                self.value(value);
            }
        }
        if let Ok(stage) = document.get_str("stage") {
            self.scans |= SCANS.contains(&stage);
            self.sorts |= stage == "SORT" || stage == "sort";
            self.stages.push(stage.to_owned());
            if let Ok(index) = document.get_str("indexName")
                && !self.indexes.iter().any(|known| known == index)
            {
                self.indexes.push(index.to_owned());
            }
        }
        // A stage of a pipeline that isn't part of a query's plan.
        let pipeline = document.keys().find(|name| name.starts_with('$') && *name != "$cursor");
        if let Some(stage) =
            pipeline.filter(|name| document.get(name.as_str()).is_some_and(is_stage))
            && !stage.starts_with("$clusterTime")
        {
            self.sorts |= stage == "$sort";
            self.stages.push(stage.clone());
        }
    }

    fn value(&mut self, value: &Bson) {
        match value {
            Bson::Document(inner) => self.document(inner),
            Bson::Array(items) => items.iter().for_each(|item| self.value(item)),
            _ => {}
        }
    }
}

fn is_stage(value: &Bson) -> bool {
    !matches!(value, Bson::Null)
}

/// What is remembered of plans, by the shape of queries.
#[derive(Default)]
pub(crate) struct Shapes {
    hasher: RandomState,
    known: Mutex<HashMap<u64, (Instant, Option<u64>)>>,
}

impl Mongo {
    /// The plan of a command of ours.
    pub(crate) async fn explain(
        &self,
        database: &str,
        command: Document,
    ) -> Result<Document, MongoError> {
        let explain = doc! { "explain": command, "verbosity": "queryPlanner" };
        self.command(database, explain).await
    }

    /// Looks at the plan of what is about to run. A text says what is wrong with it; where scans are
    /// denied, what would scan is refused, and so is what has no plan that could be read.
    pub(crate) async fn guard_scan(
        &self,
        name: &Namespace,
        reads: Reads<'_>,
    ) -> Result<Option<String>, MongoError> {
        if self.scan_guard == ScanGuard::Off || reads.is_bounded() {
            return Ok(None);
        }
        let shape = self.shapes.of(name, reads);
        let scanned = if let Some(known) = self.shapes.known(shape) {
            known
        } else {
            let explained = self.explain(name.database(), reads.command(name));
            let scanned = match Box::pin(explained).await {
                Ok(explained) if Plan::of(&explained).scans => {
                    Some(self.estimate(name).await.unwrap_or(u64::MAX))
                }
                Ok(_) => None,
                Err(error) if self.scan_guard == ScanGuard::Deny => return Err(error),
                Err(_) => return Ok(None),
            };
            self.shapes.learn(shape, scanned);
            scanned
        };
        let Some(documents) = scanned else { return Ok(None) };
        let size = match documents {
            u64::MAX => String::new(),
            documents => format!(" of {}", lockkeeper_core::count(documents, "document")),
        };
        let problem = format!("no index serves this: all{size} in {name} are read");
        if self.scan_guard == ScanGuard::Deny {
            let (filter, sort) = reads.parts();
            let help = advice(&filter, sort.as_ref()).map(|index| format!("; {index} would help"));
            return Err(MongoError::Scan {
                problem: problem.replace("are read", "would be read"),
                advice: format!(
                    "filter by an indexed field first; describe_collection lists the indexes{}",
                    help.unwrap_or_default()
                ),
            });
        }
        Ok(Some(problem).filter(|_| documents >= SMALL))
    }
}

/// What is about to read a collection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reads<'a> {
    Query(&'a Query),
    Pipeline(&'a [Document]),
}

impl Reads<'_> {
    /// Whether it reads no more than it returns, without anybody looking at its plan.
    fn is_bounded(self) -> bool {
        match self {
            Self::Query(Query { filter, sort, .. }) => {
                let unsorted = sort.as_ref().is_none_or(Document::is_empty);
                is_by_id(filter) || (filter.is_empty() && unsorted)
            }
            Self::Pipeline(_) if is_by_id(&self.parts().0) => true,
            Self::Pipeline(stages) => {
                let first = stages.first().and_then(|stage| stage.keys().next());
                first.is_none_or(|name| name == "$limit" || name == "$sample")
            }
        }
    }

    /// The filter and the sort that an index could serve.
    pub(crate) fn parts(self) -> (Document, Option<Document>) {
        match self {
            Self::Query(query) => (query.filter.clone(), query.sort.clone()),
            Self::Pipeline(stages) => {
                let first = stages.first().and_then(|stage| stage.get_document("$match").ok());
                let sort = stages.get(usize::from(first.is_some()));
                let sort = sort.and_then(|stage| stage.get_document("$sort").ok());
                (first.cloned().unwrap_or_default(), sort.cloned())
            }
        }
    }

    /// The command that it is.
    pub(crate) fn command(self, name: &Namespace) -> Document {
        match self {
            Self::Query(query) => find_command(name, query),
            Self::Pipeline(stages) => aggregate_command(name, stages),
        }
    }
}

impl Shapes {
    /// Plans follow from the fields and operators of a query, hardly ever from its values.
    fn of(&self, name: &Namespace, reads: Reads<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name.to_string().as_bytes());
        match reads {
            Reads::Query(query) => {
                shape(&Bson::Document(query.filter.clone()), &mut hasher);
                hasher.write(
                    query.sort.as_ref().map(Document::to_string).unwrap_or_default().as_bytes(),
                );
            }
            Reads::Pipeline(stages) => {
                for stage in stages {
                    shape(&Bson::Document(stage.clone()), &mut hasher);
                }
                hasher.write_u8(3);
            }
        }
        hasher.finish()
    }

    /// How many documents are scanned for such a query, if that is known and any are.
    #[expect(clippy::option_option, reason = "unknown, or known not to scan")]
    fn known(&self, shape: u64) -> Option<Option<u64>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, scanned) = known.get(&shape)?;
        (since.elapsed() < BELIEVED).then_some(*scanned)
    }

    fn learn(&self, shape: u64, scanned: Option<u64>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(shape, (Instant::now(), scanned));
    }
}

fn shape(value: &Bson, hasher: &mut impl std::hash::Hasher) {
    match value {
        Bson::Document(document) => {
            for (name, value) in document {
                hasher.write(name.as_bytes());
                hasher.write_u8(0);
                shape(value, hasher);
            }
            hasher.write_u8(1);
        }
        Bson::Array(items) => {
            for item in items {
                shape(item, hasher);
            }
            hasher.write_u8(2);
        }
        // An index on text may serve some patterns and not others.
        Bson::RegularExpression(regex) => hasher.write(regex.pattern.as_str().as_bytes()),
        value => hasher.write_u8(value.element_type() as u8),
    }
}

/// Whether a filter names documents by their ids.
fn is_by_id(filter: &Document) -> bool {
    match filter.get("_id") {
        Some(Bson::Document(operators)) => {
            operators.keys().all(|name| !name.starts_with('$') || name == "$eq" || name == "$in")
        }
        Some(Bson::RegularExpression(_)) | None => false,
        Some(_) => true,
    }
}

/// The keys of an index that serves a query: what is equal first, then what sorts, then ranges
/// (<https://www.mongodb.com/docs/manual/tutorial/equality-sort-range-guideline/>).
pub(crate) fn ideal(filter: &Document, sort: Option<&Document>) -> Document {
    let (mut equal, mut range) = (Vec::new(), Vec::new());
    uses(filter, &mut equal, &mut range);
    let mut keys = Document::new();
    for name in equal {
        keys.insert(name, 1);
    }
    for (name, direction) in sort.into_iter().flatten() {
        if !keys.contains_key(name) && !matches!(direction, Bson::Document(_)) {
            keys.insert(name, direction.clone());
        }
    }
    for name in range {
        if !keys.contains_key(&name) {
            keys.insert(name, 1);
        }
    }
    keys
}

fn uses(filter: &Document, equal: &mut Vec<String>, range: &mut Vec<String>) {
    for (name, value) in filter {
        if name == "$and" {
            for part in value.as_array().into_iter().flatten().filter_map(Bson::as_document) {
                uses(part, equal, range);
            }
            continue;
        }
        if name.starts_with('$') {
            continue;
        }
        let operators = match value {
            Bson::Document(operators)
                if operators.keys().next().is_some_and(|name| name.starts_with('$')) =>
            {
                operators
            }
            Bson::RegularExpression(_) => {
                range.push(name.clone());
                continue;
            }
            _ => {
                equal.push(name.clone());
                continue;
            }
        };
        match operators.keys().next().map(String::as_str) {
            Some("$eq" | "$in") => equal.push(name.clone()),
            _ => range.push(name.clone()),
        }
    }
}

/// An index that would serve a query, as text.
pub(crate) fn advice(filter: &Document, sort: Option<&Document>) -> Option<String> {
    let keys = ideal(filter, sort);
    (!keys.is_empty()).then(|| format!("an index on {}", written(&keys)))
}

/// Keys of an index as text.
pub(crate) fn written(keys: &Document) -> String {
    let key = |(name, direction): (&String, &Bson)| {
        format!("{}: {}", serde_json::Value::from(name.as_str()), shown(direction))
    };
    format!("{{{}}}", keys.iter().map(key).collect::<Vec<_>>().join(", "))
}

/// Which of these indexes has such keys first, whatever else it has.
pub(crate) fn serving<'a>(
    keys: &Document,
    equal: usize,
    indexes: impl IntoIterator<Item = (&'a str, &'a Document)>,
) -> Option<&'a str> {
    let wanted: Vec<&String> = keys.keys().collect();
    let serves = |index: &Document| {
        let has: Vec<&String> = index.keys().collect();
        let Some(first) = has.get(..equal) else { return false };
        // What is equal may stand in any order.
        let first: BTreeSet<&&String> = first.iter().collect();
        let equals: BTreeSet<&&String> = wanted.iter().take(equal).collect();
        first == equals && has.get(equal..wanted.len()) == wanted.get(equal..)
    };
    indexes.into_iter().find(|(_, keys)| serves(keys)).map(|(name, _)| name)
}

/// How many of the keys are there because a filter wants them equal.
pub(crate) fn equal_keys(filter: &Document) -> usize {
    let (mut equal, mut range) = (Vec::new(), Vec::new());
    uses(filter, &mut equal, &mut range);
    equal.into_iter().collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_found_wherever_they_are() {
        for explained in [
            doc! { "queryPlanner": { "winningPlan": { "stage": "COLLSCAN" } } },
            doc! { "queryPlanner": { "winningPlan": { "stage": "SUBPLAN", "inputStage": {
            "stage": "OR", "inputStages": [
                { "stage": "IXSCAN", "indexName": "a_1" }, { "stage": "COLLSCAN" },
            ] } } } },
            doc! { "queryPlanner": { "winningPlan": { "stage": "SHARD_MERGE", "shards": [
                { "winningPlan": { "stage": "IXSCAN", "indexName": "a_1" } },
                { "winningPlan": { "stage": "FETCH", "inputStage": { "stage": "COLLSCAN" } } },
            ] } } },
            doc! { "queryPlanner": { "winningPlan": {
            "queryPlan": { "stage": "COLLSCAN" }, "slotBasedPlan": { "stages": "…" } } } },
            doc! { "stages": [{ "$cursor": { "queryPlanner": { "winningPlan": {
            "stage": "COLLSCAN" } } } }, { "$group": { "_id": "$a" } }] },
            doc! { "shards": { "s1": { "stages": [{ "$cursor": { "queryPlanner": {
            "winningPlan": { "stage": "COLLSCAN" } } } }] } } },
        ] {
            assert!(Plan::of(&explained).scans, "{explained}");
        }
        let fine = doc! { "queryPlanner": {
            "winningPlan": { "stage": "FETCH", "inputStage": { "stage": "IXSCAN", "indexName": "a_1" } },
            "rejectedPlans": [{ "stage": "COLLSCAN" }],
        }, "command": { "filter": { "stage": "COLLSCAN" } } };
        let plan = Plan::of(&fine);
        assert!(!plan.scans && !plan.covered);
        assert_eq!((plan.indexes, plan.rejected), (vec!["a_1".to_owned()], 1));
        assert_eq!(plan.stages, ["IXSCAN", "FETCH"]);
    }

    #[test]
    fn equality_then_sort_then_range() {
        let filter = doc! { "at": { "$gt": 5 }, "status": "new", "kind": { "$in": [1, 2] } };
        let keys = ideal(&filter, Some(&doc! { "total": -1 }));
        assert_eq!(written(&keys), r#"{"status": 1, "kind": 1, "total": -1, "at": 1}"#);
        let index = doc! { "kind": 1, "status": 1, "total": -1, "at": 1, "more": 1 };
        let other = doc! { "kind": 1, "at": 1, "status": 1, "total": -1 };
        let equal = equal_keys(&filter);
        assert_eq!(serving(&keys, equal, [("other", &other), ("index", &index)]), Some("index"));
        assert_eq!(serving(&keys, equal, [("other", &other)]), None);
    }

    #[test]
    fn what_is_bounded_needs_no_plan() {
        let query =
            |filter, sort| Reads::Query(&Query { filter, sort, ..Query::default() }).is_bounded();
        assert!(query(doc! {}, None));
        assert!(query(doc! { "_id": 5, "x": 1 }, Some(doc! { "x": 1 })));
        assert!(query(doc! { "_id": { "$in": [1, 2] } }, None));
        assert!(!query(doc! {}, Some(doc! { "x": 1 })));
        assert!(!query(doc! { "_id": { "$ne": 5 } }, None));
        assert!(!query(doc! { "x": 5 }, None));
        let pipeline = |stages: &[Document]| Reads::Pipeline(stages).is_bounded();
        assert!(pipeline(&[]) && pipeline(&[doc! { "$limit": 5 }]));
        assert!(pipeline(&[doc! { "$match": { "_id": 5 } }]));
        assert!(!pipeline(&[doc! { "$group": { "_id": "$x" } }]));
        assert!(!pipeline(&[doc! { "$match": {} }, doc! { "$count": "n" }]));
    }
}

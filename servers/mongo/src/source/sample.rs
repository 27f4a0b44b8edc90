//! What documents of a collection look like, guessed from some of them: which fields there are, of
//! which types, how often, and which values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::{Document, RawArray, RawBsonRef, RawDocument, doc};

use super::Mongo;
use super::error::MongoError;
use super::names::Namespace;
use crate::ejson::{Seen, Sight};

/// Different fields that are told apart. Where names of fields are data, there are more.
const MOST_FIELDS: usize = 1_000;

/// Different values of a field that are listed.
pub(crate) const MOST_VALUES: usize = 20;

/// Bytes of a value that is listed; fields with longer ones are texts, not choices.
const LONGEST: usize = 40;

/// How deep fields are told apart.
const DEEPEST: usize = 20;

/// What a sample shows.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) documents: u64,
    pub(crate) fields: BTreeMap<Vec<String>, Field>,
    /// Whether there were more fields than are told apart.
    pub(crate) more: bool,
    /// How often a field was found that the policy hides.
    pub(crate) hidden: u64,
}

/// What a sample shows of one field.
#[derive(Debug, Default)]
pub(crate) struct Field {
    /// In how many documents it was found.
    pub(crate) present: u64,
    last: u64,
    /// How often each type was found.
    pub(crate) types: BTreeMap<&'static str, u64>,
    /// Numbers and dates, the least and the greatest.
    pub(crate) range: Option<(Comparable, Comparable)>,
    /// The values, if they are few; none if they are many.
    values: Option<BTreeMap<String, u64>>,
    /// Elements of arrays.
    pub(crate) longest: usize,
    pub(crate) masked: bool,
}

/// A value that is compared with others of the same field.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Comparable {
    Number(f64),
    Date(i64),
}

/// Fields of collections, as completions offer them.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<Namespace, Offered>>);

type Offered = (Instant, Arc<BTreeSet<String>>);

/// How long they are offered as they were found.
const OFFERED: Duration = Duration::from_mins(1);

/// Documents that they are found in.
const LOOKED_AT: u64 = 200;

impl Mongo {
    /// The paths of fields as filters name them, found in a few documents.
    pub(crate) async fn field_names(
        &self,
        name: &Namespace,
    ) -> Result<Arc<BTreeSet<String>>, MongoError> {
        let locked = || self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, names)) = locked().get(name)
            && since.elapsed() < OFFERED
        {
            return Ok(Arc::clone(names));
        }
        let sample = self.sample(name, Document::new(), LOOKED_AT).await?;
        let names = sample.fields.keys().map(|path| path.join(".").replace("[]", ""));
        let names = Arc::new(names.collect::<BTreeSet<String>>());
        let mut known = locked();
        known.retain(|_, (since, _)| since.elapsed() < OFFERED);
        known.insert(name.clone(), (Instant::now(), Arc::clone(&names)));
        Ok(names)
    }

    /// Looks at a random sample of what a filter finds.
    pub(crate) async fn sample(
        &self,
        name: &Namespace,
        filter: Document,
        size: u64,
    ) -> Result<Sample, MongoError> {
        let filter = self.check_filter(name, filter).await?;
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let sampled = vec![doc! { "$sample": { "size": size } }];
        let pipeline = self.behind_filter(name, filter, sampled).await?;
        let mut documents = self.aggregate(name, pipeline, 200).await?;
        let shape = documents.shape.clone();
        let rules = self.restricts().then_some(&shape as &dyn Sight);
        let mut sample = Sample::default();
        while let Some(document) = documents.next(self).await? {
            sample.take(document, rules);
        }
        Ok(sample)
    }
}

impl Sample {
    fn take(&mut self, document: &RawDocument, rules: Option<&dyn Sight>) {
        self.documents += 1;
        self.document(document, &mut Vec::new(), rules);
    }

    fn document(
        &mut self,
        document: &RawDocument,
        path: &mut Vec<String>,
        rules: Option<&dyn Sight>,
    ) {
        for (name, value) in document.iter().filter_map(Result::ok) {
            path.push(name.as_str().to_owned());
            self.value(value, path, rules);
            path.pop();
        }
    }

    fn value(&mut self, value: RawBsonRef<'_>, path: &mut Vec<String>, rules: Option<&dyn Sight>) {
        // Array elements are no part of the names that rules know.
        let named = || -> Vec<String> {
            path.iter().map(|part| part.trim_end_matches("[]").to_owned()).collect()
        };
        let mut masked = false;
        if let Some(rules) = rules {
            let named = named();
            let path: Vec<&str> = named.iter().map(String::as_str).collect();
            match rules.seen(&path) {
                Seen::Denied => {
                    self.hidden += 1;
                    return;
                }
                Seen::Masked(_) => masked = true,
                Seen::Clear | Seen::Partly => {}
            }
        }
        if !self.fields.contains_key(path.as_slice()) && self.fields.len() >= MOST_FIELDS {
            self.more = true;
            return;
        }
        let number = self.documents;
        let field = self.fields.entry(path.clone()).or_default();
        if field.last != number {
            field.last = number;
            field.present += 1;
        }
        field.masked |= masked;
        *field.types.entry(kind(&value)).or_default() += 1;
        if masked {
            return;
        }
        field.see(&value);
        if path.len() >= DEEPEST {
            return;
        }
        match value {
            RawBsonRef::Document(inner) => self.document(inner, path, rules),
            RawBsonRef::Array(items) => self.array(items, path, rules),
            _ => {}
        }
    }

    fn array(&mut self, items: &RawArray, path: &mut Vec<String>, rules: Option<&dyn Sight>) {
        if let Some(last) = path.last_mut() {
            last.push_str("[]");
        }
        for item in items.into_iter().filter_map(Result::ok) {
            self.value(item, path, rules);
        }
        if let Some(last) = path.last_mut() {
            last.truncate(last.len().saturating_sub(2));
        }
    }
}

impl Field {
    /// Takes a value in.
    fn see(&mut self, value: &RawBsonRef<'_>) {
        let comparable = match value {
            RawBsonRef::Double(n) if n.is_finite() => Some(Comparable::Number(*n)),
            RawBsonRef::Int32(n) => Some(Comparable::Number(f64::from(*n))),
            #[expect(clippy::cast_precision_loss, reason = "a guess of a range")]
            RawBsonRef::Int64(n) => Some(Comparable::Number(*n as f64)),
            RawBsonRef::DateTime(at) => Some(Comparable::Date(at.timestamp_millis())),
            _ => None,
        };
        if let Some(new) = comparable {
            self.range = Some(match self.range {
                None => (new, new),
                Some((least, most)) => {
                    (if new < least { new } else { least }, if new > most { new } else { most })
                }
            });
        }
        if let RawBsonRef::Array(items) = value {
            self.longest = self.longest.max(items.into_iter().count());
        }
        let text = match value {
            RawBsonRef::String(text) => Some((*text).to_owned()),
            RawBsonRef::Boolean(value) => Some(value.to_string()),
            RawBsonRef::Null => None,
            _ => {
                self.values = Some(BTreeMap::new()).filter(|_| self.values.is_none());
                self.many();
                return;
            }
        };
        let Some(text) = text else { return };
        if self.values.as_ref().is_some_and(BTreeMap::is_empty) {
            // Known to be many.
            return;
        }
        let values = self.values.get_or_insert_default();
        if text.len() > LONGEST || (values.len() >= MOST_VALUES && !values.contains_key(&text)) {
            self.many();
            return;
        }
        *values.entry(text).or_default() += 1;
    }

    fn many(&mut self) {
        self.values = Some(BTreeMap::new());
    }

    /// The values, the most frequent first, if they are few and some occur more than once.
    pub(crate) fn values(&self) -> Vec<(&str, u64)> {
        let Some(values) = &self.values else { return Vec::new() };
        let seen: u64 = values.values().sum();
        if seen < 2 * values.len() as u64 && seen > 3 {
            return Vec::new();
        }
        let mut all: Vec<(&str, u64)> = values.iter().map(|(v, n)| (v.as_str(), *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all
    }
}

/// Types as MongoDB's `$type` names them.
pub(crate) fn kind(value: &RawBsonRef<'_>) -> &'static str {
    match value {
        RawBsonRef::Double(_) => "double",
        RawBsonRef::String(_) => "string",
        RawBsonRef::Array(_) => "array",
        RawBsonRef::Document(_) => "object",
        RawBsonRef::Boolean(_) => "bool",
        RawBsonRef::Null => "null",
        RawBsonRef::RegularExpression(_) => "regex",
        RawBsonRef::JavaScriptCode(_) => "javascript",
        RawBsonRef::JavaScriptCodeWithScope(_) => "javascriptWithScope",
        RawBsonRef::Int32(_) => "int",
        RawBsonRef::Int64(_) => "long",
        RawBsonRef::Timestamp(_) => "timestamp",
        RawBsonRef::Binary(_) => "binData",
        RawBsonRef::ObjectId(_) => "objectId",
        RawBsonRef::DateTime(_) => "date",
        RawBsonRef::Symbol(_) => "symbol",
        RawBsonRef::Decimal128(_) => "decimal",
        RawBsonRef::Undefined => "undefined",
        RawBsonRef::MaxKey => "maxKey",
        RawBsonRef::MinKey => "minKey",
        RawBsonRef::DbPointer(_) => "dbPointer",
    }
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    #[test]
    fn fields_types_and_values() {
        let mut sample = Sample::default();
        let documents: [RawDocumentBuf; 4] = [
            rawdoc! { "status": "new", "n": 1, "items": [{ "price": 2.5 }, { "price": 1 }] },
            rawdoc! { "status": "new", "n": 7_i64, "items": [] },
            rawdoc! { "status": "paid", "n": bson::RawBson::Null },
            rawdoc! { "status": "paid", "name": "x".repeat(100) },
        ];
        for document in &documents {
            sample.take(document, None);
        }
        let field = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
            &sample.fields[&path]
        };
        let status = field(&["status"]);
        assert_eq!((status.present, status.values()), (4, vec![("new", 2), ("paid", 2)]));
        let n = field(&["n"]);
        let types: Vec<_> = n.types.iter().map(|(name, n)| (*name, *n)).collect();
        assert_eq!(types, [("int", 1), ("long", 1), ("null", 1)]);
        assert_eq!(n.range, Some((Comparable::Number(1.0), Comparable::Number(7.0))));
        assert!(n.values().is_empty() && field(&["name"]).values().is_empty());
        assert_eq!((field(&["items"]).present, field(&["items"]).longest), (2, 2));
        let price = field(&["items[]", "price"]);
        assert_eq!((price.present, price.types.values().sum::<u64>()), (1, 2));
    }
}

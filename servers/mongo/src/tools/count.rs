//! `count`: how many documents there are, or how many of each value.

use bson::{Document, doc};
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ejson::{Form, Given, Veil, Writer};
use crate::page::cell;
use crate::source::Mongo;
use crate::source::error::MongoError;
use crate::source::plan::Reads;
use crate::source::reading::Query;

/// Values that are listed.
const VALUES: i64 = 100;

pub(crate) struct Count;

/// Count documents, or with `distinct` the values of a field, most frequent first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    #[serde(default)]
    filter: Given,
    /// All documents, at once and roughly
    #[serde(default)]
    estimate: bool,
    /// A field, such as address.city
    distinct: Option<String>,
}

#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Counted {
    count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<ValueCount>,
    #[serde(skip)]
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct ValueCount {
    value: String,
    count: u64,
}

impl Output for Counted {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.text.clone()
    }
}

impl Tool<Mongo> for Count {
    type Effect = Read;
    type Args = Args;
    type Output = Counted;

    const PLAIN: &'static [&'static str] = &["database", "collection", "estimate", "distinct"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read)
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Counted, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        if args.estimate {
            if !args.filter.0.is_empty() || args.distinct.is_some() {
                return Err(ToolError::invalid_arguments("`estimate` counts all documents")
                    .hint("leave filter and distinct out, or estimate"));
            }
            // A view may stand on what the policy hides.
            mongo.check_filter(&name, Document::new()).await?;
            let documents = mongo.estimate(&name).await?;
            if documents == 0 {
                mongo.must_exist(&name).await?;
            }
            let text = format!("[about {} in {name}]\n", count(documents, "document"));
            return Ok(Counted { count: documents, text, ..Counted::default() });
        }
        if let Some(field) = args.distinct {
            return distinct(&cx, &name, args.filter.0, &field).await;
        }
        let query = Query { filter: args.filter.0.clone(), ..Query::default() };
        let filter = mongo.check_filter(&name, args.filter.0).await?;
        let note = mongo.guard_scan(&name, Reads::Query(&query)).await?;
        let documents = mongo.count(&name, filter).await?;
        if documents == 0 {
            mongo.must_exist(&name).await?;
        }
        let note = note.map(|note| format!("; {note}")).unwrap_or_default();
        let text = format!("[{} in {name}{note}]\n", count(documents, "document"));
        Ok(Counted { count: documents, text, ..Counted::default() })
    }
}

async fn distinct(
    cx: &Cx<'_, Mongo, Read>,
    name: &crate::source::names::Namespace,
    filter: Document,
    field: &str,
) -> Result<Counted, ToolError> {
    let mongo = cx.source();
    let filter = mongo.check_distinct(name, field, filter).await?;
    let shape = filter.shape.clone();
    let path = format!("${field}");
    let stages = vec![
        doc! { "$unwind": { "path": &path, "preserveNullAndEmptyArrays": true } },
        doc! { "$group": { "_id": &path, "n": { "$sum": 1 } } },
        doc! { "$sort": { "n": -1, "_id": 1 } },
        doc! { "$facet": { "values": [{ "$limit": VALUES }], "total": [{ "$count": "n" }] } },
    ];
    let mut pipeline = vec![doc! { "$match": filter.value().clone() }];
    pipeline.extend(stages);
    let found = mongo.gather(name, pipeline).await?;
    let found = found.first().cloned().unwrap_or_default();
    let list = |field: &str| {
        let list = found.get_array(field).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(bson::Bson::as_document).cloned().collect::<Vec<Document>>()
    };
    let number = |document: &Document| {
        document.get("n").and_then(crate::source::describe::number).unwrap_or_default()
    };
    let total = list("total").first().map(number).unwrap_or_default();
    if total == 0 {
        mongo.must_exist(name).await?;
    }
    let veil = mongo.restricts().then(|| Veil::new(Box::new(shape), mongo.masks.clone()));
    let mut writer = Writer::new(Form::Relaxed).behind(veil);
    let mut room = Room::new(cx.max_output());
    let mut counted = Counted { count: total, ..Counted::default() };
    for one in list("values") {
        let value =
            Document::from_iter(one.get("_id").map(|value| ("v".to_owned(), value.clone())));
        let mut json = String::new();
        let bytes = value.to_vec().map_err(|_| MongoError::OutOfTime)?;
        writer.document(&bytes, &mut json).map_err(MongoError::Malformed)?;
        let json = json.strip_prefix("{\"v\":").and_then(|json| json.strip_suffix('}'));
        let json = json.unwrap_or("null");
        let times = number(&one);
        if !room.push(&format!("{times}\t{}\n", cell(json))) {
            break;
        }
        if cx.wants_data() {
            let value = serde_json::from_str::<Value>(json).unwrap_or_default();
            counted.values.push(ValueCount { value: value.to_string(), count: times });
        }
    }
    let shown = room.items() as u64;
    let mut opening = format!("[{} of {field} in {name}", count(total, "value"));
    if shown < total {
        opening.push_str(&format!("; truncated: the {} most frequent", grouped(shown)));
    }
    counted.text = format!("{opening}]\n{}", room.into_text());
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::{POLICY, Shop};

    #[test]
    fn counts_documents_and_values() {
        let Some(shop) = Shop::start() else { return };
        shop.check(
            r#"count {"collection": "orders"}"#,
            &expect![[r#"
            [200 documents in shop.orders]
        "#]],
        );
        shop.check(
            r#"count {"collection": "orders", "estimate": true}"#,
            &expect![[r#"
            [about 200 documents in shop.orders]
        "#]],
        );
        shop.check(
            r#"count {"collection": "orders", "filter": {"status": "new"}}"#,
            &expect![[r#"
                [66 documents in shop.orders]
            "#]],
        );
        shop.check(r#"count {"collection": "events", "filter": {"kind": 3}}"#, &expect![[r#"
            [150 documents in shop.events; no index serves this: all of 1,500 documents in shop.events are read]
        "#]]);
        shop.check(
            r#"count {"collection": "orders", "distinct": "status"}"#,
            &expect![[r#"
            [3 values of status in shop.orders]
            67	paid
            67	shipped
            66	new
        "#]],
        );
        shop.check(
            r#"count {"collection": "users", "distinct": "address.city", "filter": {"_id": {"$ne": 1}}}"#,
            &expect![[r#"
                [2 values of address.city in shop.users]
                3	Bergen
                2	Oslo
            "#]],
        );
        shop.check(
            r#"count {"collection": "users", "distinct": "tags"}"#,
            &expect![[r#"
            [3 values of tags in shop.users]
            4	a
            2	b
            1	null
        "#]],
        );
        shop.check(
            r#"count {"collection": "nothing"}"#,
            &expect![[r#"
            error: not_found: there is no collection `shop.nothing`
            next: list_collections shows what there is; names are case-sensitive"#]],
        );
        shop.check(
            r#"count {"collection": "users", "filter": {"a": 1}, "estimate": true}"#,
            &expect![[r#"
                error: invalid_arguments: `estimate` counts all documents
                next: leave filter and distinct out, or estimate"#]],
        );
    }

    #[test]
    fn tells_nothing_of_what_is_hidden() {
        let Some(shop) = Shop::start() else { return };
        for call in [
            r#"count {"collection": "users", "distinct": "email"}"#,
            r#"count {"collection": "users", "distinct": "password_hash"}"#,
            r#"count {"collection": "users", "filter": {"password_hash": "hash-1"}}"#,
            r#"count {"collection": "employees"}"#,
            r#"count {"collection": "employees", "estimate": true}"#,
            r#"count {"collection": "staff", "estimate": true}"#,
        ] {
            let answer = shop.call(POLICY, &[], call);
            assert!(answer.starts_with("error: not_"), "{call}: {answer}");
        }
    }
}

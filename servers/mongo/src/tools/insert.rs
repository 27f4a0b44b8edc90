//! `insert`: new documents.

use lockkeeper_core::{Add, Cx, Effect, Need, Output, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ejson::{self, Given};
use crate::source::Mongo;

/// Most documents of one call.
const MOST: usize = 1_000;

/// Most ids that are told.
const MOST_IDS: usize = 100;

pub(crate) struct Insert;

/// Insert documents, in order up to the first that fails.
///
/// Types are Extended JSON: {"$oid": "…"}, {"$date": "…"}, {"$numberLong": "…"}.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    /// At most 1000
    documents: Vec<Given>,
    /// Only count
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    inserted: u64,
    /// As Extended JSON, of those inserted without `_id`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_insert: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Output for Record {}

impl Tool<Mongo> for Insert {
    type Effect = Add;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "collection", "dry_run"];

    fn plan(args: &Args) -> Need {
        Need::new(if args.dry_run { Effect::Read } else { Effect::Add })
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Add>, args: Args) -> Result<Record, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let given = args.documents.len();
        if given == 0 || given > MOST {
            let problem = format!("{} at once", count(given as u64, "document"));
            return Err(ToolError::invalid_arguments(problem).hint(format!("from 1 to {MOST}")));
        }
        let own: Vec<bool> =
            args.documents.iter().map(|document| document.0.contains_key("_id")).collect();
        let documents: Vec<_> = args.documents.into_iter().map(|document| document.0).collect();
        let documents = mongo.check_documents(&name, documents).await?;
        if args.dry_run {
            let taken = mongo.taken(&name, &documents).await?;
            let note = (taken > 0).then(|| format!("{} taken", count(taken, "_id")));
            let would_insert = Some((given as u64).saturating_sub(taken));
            return Ok(Record { inserted: 0, ids: Vec::new(), would_insert, note });
        }
        let stored = mongo.insert(cx.grant_of::<Add>()?, &name, documents).await?;
        let inserted = stored.ids.len() as u64;
        let made = stored.ids.iter().zip(&own).filter(|(_, own)| !**own).map(|(id, _)| id);
        let ids: Vec<String> = made.clone().take(MOST_IDS).map(ejson::text).collect();
        let mut notes = Vec::new();
        if made.count() > ids.len() {
            notes.push(format!("the first {MOST_IDS} ids"));
        }
        if let Some(error) = stored.failed {
            let error = ToolError::from(error);
            let left = given as u64 - inserted;
            notes.push(format!(
                "stopped at document {}: {}: {}; {} not inserted",
                inserted + 1,
                error.code(),
                error.message(),
                count(left, "document")
            ));
        }
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(Record { inserted, ids, would_insert: None, note })
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{POLICY, Shop, types};

    #[test]
    fn documents_are_stored_as_they_were_written() {
        let Some(shop) = Shop::empty() else { return };
        let mut client = shop.client("", &["--write"]);
        // As text: an object of the client's would be sorted by key.
        let documents = r#"[{"_id": 1, "z": 1, "a": {"$numberLong": "5"}}, {"b": 2}]"#;
        let given = json!({"collection": "new", "documents": documents});
        let answer = seen(&client.call("insert", given));
        assert!(answer.starts_with(r#"{"inserted":2,"ids":["{\"$oid\":"#), "{answer}");
        let stored = shop.documents("new");
        assert_eq!(stored[0], doc! { "_id": 1, "z": 1, "a": 5_i64 });
        assert_eq!(stored[0].keys().collect::<Vec<_>>(), ["_id", "z", "a"]);
        assert_eq!(stored[1].keys().collect::<Vec<_>>(), ["_id", "b"]);
    }

    #[test]
    fn what_was_found_goes_back_byte_for_byte() {
        let Some(shop) = Shop::start() else { return };
        let mut client = shop.client("", &["--write"]);
        let found =
            seen(&client.call("find", json!({"collection": "types", "format": "canonical"})));
        let document = found.lines().nth(1).unwrap();
        let document = document.replacen(r#""_id":{"$numberInt":"1"}"#, r#""_id":2"#, 1);
        let documents = format!("[{document}]");
        let answer =
            seen(&client.call("insert", json!({"collection": "types", "documents": documents})));
        assert_eq!(answer, r#"{"inserted":1}"#);
        let stored = shop.documents("types");
        let mut copy = types();
        copy.insert("_id", 2);
        assert_eq!(stored[1].to_vec().unwrap(), copy.to_vec().unwrap());
    }

    #[test]
    fn what_fails_is_told_and_nothing_is_hidden() {
        let Some(shop) = Shop::start() else { return };
        let mut client = shop.client("", &["--write"]);
        let given = json!([{"_id": 501}, {"_id": 5}, {"_id": 502}]);
        let dry = json!({"collection": "orders", "documents": given, "dry_run": true});
        let answer = seen(&client.call("insert", dry));
        assert_eq!(answer, r#"{"inserted":0,"would_insert":2,"note":"1 _id taken"}"#);
        assert_eq!(shop.documents("orders").len(), 200);
        let answer =
            seen(&client.call("insert", json!({"collection": "orders", "documents": given})));
        assert!(answer.contains(r#""inserted":1"#), "{answer}");
        assert!(answer.contains("stopped at document 2: duplicate_key"), "{answer}");
        assert!(answer.contains("2 documents not inserted"), "{answer}");
        assert_eq!(shop.documents("orders").len(), 201);
        let answer = seen(
            &client.call("insert", json!({"collection": "checked", "documents": [{"age": 1}]})),
        );
        assert!(answer.starts_with("error: invalid_document"), "{answer}");
        for wrong in [json!([]), json!([{"$set": {"a": 1}}]), json!([{"a": "[redacted:masked]x"}])]
        {
            let answer =
                seen(&client.call("insert", json!({"collection": "new", "documents": wrong})));
            assert!(answer.starts_with("error: "), "{answer}");
        }
        let many = vec![json!({}); 1_001];
        let answer = seen(&client.call("insert", json!({"collection": "new", "documents": many})));
        assert!(answer.starts_with("error: invalid_arguments: 1,001 documents"), "{answer}");
        assert!(shop.documents("new").is_empty());
    }

    #[test]
    fn writing_is_off_until_it_is_switched_on_and_keeps_to_the_rules() {
        let Some(shop) = Shop::start() else { return };
        let given = json!({"collection": "users", "documents": [{"name": "x"}]});
        let answer = seen(&shop.client("", &[]).call("insert", given));
        assert!(answer.contains("unknown"), "{answer}");
        let mut client = shop.client(POLICY, &["--write"]);
        for (collection, document) in [
            ("employees", json!({"a": 1})),
            ("orders", json!({"margin": 1})),
            ("users", json!({"deep": [{"password_hash": "x"}]})),
            ("open_orders", json!({"a": 1})),
            ("system.js", json!({"_id": "f"})),
        ] {
            let given = json!({"collection": collection, "documents": [document]});
            let answer = seen(&client.call("insert", given));
            assert!(answer.starts_with("error: not_"), "{answer}");
        }
        assert_eq!(shop.documents("users").len(), 5);
        assert_eq!(shop.documents("orders").len(), 200);
    }
}

//! `update`: documents that match a filter, altered by operators or a pipeline.

use lockkeeper_core::{Change, Cx, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ejson::{self, Given};
use crate::source::Mongo;
use crate::source::writing::{Alteration, What, names_all};

pub(crate) struct Update;

/// Change documents that match a filter; one of them unless `many`.
///
/// Give `update` or `pipeline`. What they don't name stays as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    /// Without it all documents are meant, which has to be confirmed
    #[serde(default)]
    filter: Given,
    /// Operators: {"$set": {…}, "$inc": {…}}
    update: Option<Given>,
    /// Stages: $set, $unset, $replaceWith
    pipeline: Option<Vec<Given>>,
    /// For $[name] in `update`
    #[serde(default)]
    array_filters: Vec<Given>,
    #[serde(default)]
    many: bool,
    /// Insert one if none matches
    #[serde(default)]
    upsert: bool,
    /// Only count
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    matched: u64,
    modified: u64,
    /// As Extended JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    upserted_id: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

impl Output for Record {}

impl Tool<Mongo> for Update {
    type Effect = Change;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "collection", "many", "upsert", "dry_run"];

    fn plan(args: &Args) -> Need {
        let resource = super::resource(args.database.as_deref(), &args.collection);
        let need = match (args.dry_run, names_all(&args.filter.0)) {
            (true, _) => Need::new(Effect::Read),
            (false, false) => Need::new(Effect::Change),
            (false, true) => {
                let which = if args.many { "all documents" } else { "any one document" };
                Need::new(Effect::Destroy)
                    .loses(format!("what {which} of `{resource}` held before: there is no filter"))
            }
        };
        need.resource(resource)
    }

    async fn run(cx: Cx<'_, Mongo, Change>, args: Args) -> Result<Record, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let documents = |given: Vec<Given>| given.into_iter().map(|document| document.0).collect();
        let change = match (args.update, args.pipeline) {
            (Some(update), None) => What::Operators(update.0),
            (None, Some(pipeline)) => What::Pipeline(documents(pipeline)),
            _ => {
                return Err(ToolError::invalid_arguments("give either `update` or `pipeline`")
                    .hint("{\"update\": {\"$set\": {…}}} is what most updates are"));
            }
        };
        let alteration = Alteration {
            filter: args.filter.0,
            change,
            array_filters: documents(args.array_filters),
            many: args.many,
            upsert: args.upsert,
        };
        let alteration = mongo.check_alteration(&name, alteration).await?;
        if args.dry_run {
            let matched = mongo.matches(&name, &alteration.value().filter, args.many).await?;
            return Ok(Record { matched, modified: 0, upserted_id: None, dry_run: true });
        }
        let done = mongo.update(cx.grant_of::<Change>()?, &name, alteration).await?;
        Ok(Record {
            matched: done.matched,
            modified: done.modified,
            upserted_id: done.upserted.as_ref().map(ejson::text),
            dry_run: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use lockkeeper_testkit::in_process::{InProcess, seen};
    use lockkeeper_testkit::stdio::Era;
    use serde_json::{Value, json};

    use crate::MongoDb;
    use crate::testing::stub::{self, Answer};
    use crate::testing::{POLICY, Shop};

    #[test]
    fn a_filter_is_changed_and_counted() {
        let Some(shop) = Shop::start() else { return };
        let mut client = shop.client("", &["--write"]);
        let mut call = |given: Value| seen(&client.call("update", given));
        let change = json!({"$set": {"status": "late"}, "$inc": {"total": 1}});
        let dry = json!({"collection": "orders", "filter": {"status": "new"}, "update": change, "many": true, "dry_run": true});
        assert_eq!(call(dry), r#"{"matched":66,"modified":0,"dry_run":true}"#);
        let one = json!({"collection": "orders", "filter": {"_id": 3}, "update": change});
        assert_eq!(call(one), r#"{"matched":1,"modified":1}"#);
        let many = json!({"collection": "orders", "filter": {"status": "new"}, "update": change, "many": true});
        assert_eq!(call(many), r#"{"matched":65,"modified":65}"#);
        let none = json!({"collection": "orders", "filter": {"_id": 999}, "update": change});
        assert_eq!(call(none), r#"{"matched":0,"modified":0}"#);
        let upsert = json!({"collection": "orders", "filter": {"_id": 999}, "update": change, "upsert": true});
        assert_eq!(call(upsert), r#"{"matched":0,"modified":0,"upserted_id":"999"}"#);
        let pipeline = json!({"collection": "orders", "filter": {"_id": 4}, "pipeline": [{"$set": {"double": {"$multiply": ["$total", 2]}}}]});
        assert_eq!(call(pipeline), r#"{"matched":1,"modified":1}"#);
        let order = shop.documents("orders").remove(3);
        assert_eq!(order.get("double"), Some(&bson::bson!(12.0)));
        let elements = json!({"collection": "orders", "filter": {"_id": 5}, "update": {"$set": {"items.$[i].count": 9}}, "array_filters": [{"i.count": {"$gt": 1}}]});
        assert_eq!(call(elements), r#"{"matched":1,"modified":1}"#);
    }

    #[test]
    fn without_a_filter_it_destroys() {
        let Some(shop) = Shop::start() else { return };
        let before = shop.documents("orders");
        for filter in [json!({}), json!({"$and": [{}]}), json!({"_id": {"$exists": true}})] {
            let given = json!({"collection": "orders", "filter": filter, "update": {"$set": {"a": 1}}, "many": true});
            for more in [&["--write"][..], &["--write", "--destroy", "never"]] {
                let answer = seen(&shop.client("", more).call("update", given.clone()));
                assert!(answer.starts_with("error: "), "{answer}");
                assert!(answer.contains("--destroy"), "{answer}");
            }
        }
        assert_eq!(shop.documents("orders"), before);
        let mut client = shop.client("", &["--write", "--destroy", "allow"]);
        let given = json!({"collection": "orders", "update": {"$set": {"a": 1}}, "many": true});
        let answer = seen(&client.call("update", given));
        assert_eq!(answer, r#"{"matched":200,"modified":200}"#);
    }

    #[test]
    fn what_is_no_update_changes_nothing() {
        let Some(shop) = Shop::start() else { return };
        let before = (shop.documents("orders"), shop.documents("users"));
        let mut client = shop.client(POLICY, &["--write", "--destroy", "allow"]);
        for given in [
            json!({"collection": "orders", "filter": {"_id": 1}, "update": {"status": "x"}}),
            json!({"collection": "orders", "filter": {"_id": 1}}),
            json!({"collection": "orders", "filter": {"_id": 1}, "update": {"$set": {"a": 1}}, "pipeline": []}),
            json!({"collection": "orders", "filter": {"_id": 1}, "pipeline": [{"$out": "stolen"}]}),
            json!({"collection": "orders", "filter": {"$where": "1"}, "update": {"$set": {"a": 1}}}),
            json!({"collection": "orders", "filter": {"_id": 1}, "update": {"$set": {"margin": 1}}}),
            json!({"collection": "orders", "filter": {"margin": {"$gt": 5}}, "update": {"$set": {"a": 1}}}),
            json!({"collection": "users", "filter": {"email": "user1@example.org"}, "update": {"$set": {"a": 1}}}),
            json!({"collection": "users", "filter": {"_id": 1}, "update": {"$rename": {"password_hash": "a"}}}),
            json!({"collection": "users", "filter": {"_id": 1}, "pipeline": [{"$set": {"a": "$password_hash"}}]}),
            json!({"collection": "employees", "filter": {"_id": 1}, "update": {"$set": {"salary": 1}}}),
            json!({"collection": "open_orders", "filter": {"_id": 1}, "update": {"$set": {"a": 1}}}),
            json!({"collection": "orders", "filter": {"_id": 1}, "update": {"$set": {"a": "[redacted:masked]"}}}),
        ] {
            let answer = seen(&client.call("update", given.clone()));
            assert!(answer.starts_with("error: "), "{given}: {answer}");
        }
        assert_eq!((shop.documents("orders"), shop.documents("users")), before);
        let names: Vec<String> =
            shop.run(|database| async move { database.list_collection_names().await });
        assert!(!names.contains(&"stolen".to_owned()));
    }

    #[test]
    fn a_change_whose_answer_is_lost_is_in_doubt() {
        let call = |answer: fn() -> Answer| {
            let uri = stub::start(move |command| {
                if command.contains_key("update") {
                    return answer();
                }
                stub::cursor(0, "firstBatch", Vec::new())
            });
            let arguments = [uri.as_str(), "--write"];
            let mut client = InProcess::start::<MongoDb>(&arguments, Era::Modern);
            let given =
                json!({"collection": "things", "filter": {"_id": 1}, "update": {"$set": {"a": 1}}});
            seen(&client.call("update", given))
        };
        let lost = call(|| Answer::Drop);
        assert!(lost.starts_with("error: outcome_unknown"), "{lost}");
        let stopping = call(|| stub::error(11_600, "InterruptedAtShutdown"));
        assert!(stopping.starts_with("error: outcome_unknown"), "{stopping}");
        let elected = call(|| stub::error(10_107, "NotWritablePrimary"));
        assert!(elected.starts_with("error: connection_lost"), "{elected}");
        let refused = call(|| stub::error(13, "Unauthorized"));
        assert!(refused.starts_with("error: permission_denied"), "{refused}");
    }

    #[test]
    fn a_value_that_is_taken_is_not_shown_where_it_is_hidden() {
        let Some(shop) = Shop::start() else { return };
        shop.run(|database| async move {
            let unique = mongodb::options::IndexOptions::builder().unique(true).build();
            let keys = doc! { "name": 1, "email": 1 };
            let index = mongodb::IndexModel::builder().keys(keys).options(unique).build();
            database.collection::<bson::Document>("users").create_index(index).await
        });
        let mut client = shop.client(POLICY, &["--write"]);
        let given = json!({"collection": "users", "documents": [{"name": "x", "email": "user1@example.org"}]});
        let answer = seen(&client.call("insert", given));
        assert!(answer.starts_with("error: duplicate_key"), "{answer}");
        assert!(!answer.contains("user1@"), "{answer}");
    }
}

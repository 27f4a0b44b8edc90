//! `aggregate`: what a pipeline makes of documents, a page at a time.

use std::num::NonZeroU64;

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ejson::Given;
use crate::page::{DOCUMENTS, Format, Page, Paging};
use crate::source::Mongo;
use crate::source::error::MongoError;
use crate::source::plan::Reads;

pub(crate) struct Aggregate;

/// Run a pipeline that reads. Filter first, and $limit what is many.
///
/// A cut result says `next`: call again within a minute with it as `cursor` and all else the same.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    /// One stage an object
    pipeline: Vec<Given>,
    /// Documents of a page, default 20
    limit: Option<NonZeroU64>,
    cursor: Option<String>,
    #[serde(default)]
    format: Format,
}

impl Tool<Mongo> for Aggregate {
    type Effect = Read;
    type Args = Args;
    type Output = Page;

    const PLAIN: &'static [&'static str] = &["database", "collection", "limit", "format"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read)
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Page, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let most = args.limit.map_or(DOCUMENTS, NonZeroU64::get);
        let stages = args.pipeline.into_iter().map(|stage| stage.0).collect();
        let mut note = None;
        let (documents, read) = match cx.resume(args.cursor.as_deref())?.as_deref() {
            Some(&[id, read]) => (mongo.cursors.take(id).ok_or(MongoError::CursorGone)?, read),
            Some(_) => return Err(MongoError::CursorGone.into()),
            None => {
                let pipeline = mongo.check_pipeline(&name, stages).await?;
                note = mongo.guard_scan(&name, Reads::Pipeline(pipeline.value())).await?;
                (mongo.aggregate(&name, pipeline, most).await?, 0)
            }
        };
        let paging = Paging {
            origin: name.to_string(),
            format: args.format,
            most,
            read,
            note: note.as_deref(),
        };
        let page = paging.fill(&cx, documents).await?;
        if page.is_empty() && read == 0 {
            Box::pin(mongo.must_exist(&name)).await?;
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::{InProcess, seen};
    use lockkeeper_testkit::stdio::Era;
    use serde_json::json;
    use tempfile::TempDir;

    use crate::MongoDb;
    use crate::testing::stub::{self, Answer};
    use crate::testing::{POLICY, Shop};

    #[test]
    fn errors_quote_no_documents_where_fields_are_hidden() {
        let ask = |config: &str| {
            let uri = stub::start(|command| match command.keys().next().map(String::as_str) {
                Some("aggregate") => Answer::Reply(doc! {
                    "ok": 0.0, "code": 40_228, "codeName": "Location40228",
                    "errmsg": "'newRoot' must evaluate to an object, but resulting value was: \
                        \"x\". Input document: {password_hash: \"h-1\"}",
                }),
                _ => stub::cursor(
                    0,
                    "firstBatch",
                    vec![doc! { "name": "users", "type": "collection" }],
                ),
            });
            let directory = TempDir::new().unwrap();
            let path = directory.path().join("config.toml");
            std::fs::write(&path, config).unwrap();
            let arguments = [uri.as_str(), "--config", path.to_str().unwrap()];
            let mut client = InProcess::start::<MongoDb>(&arguments, Era::Modern);
            let pipeline = json!([{"$replaceRoot": {"newRoot": "$name"}}]);
            seen(&client.call("aggregate", json!({"collection": "users", "pipeline": pipeline})))
        };
        let open = ask("");
        assert!(open.contains("Input document: {password_hash"), "{open}");
        let hiding = ask("[policy.resources]\ndeny = [\"**.password_hash\"]\n");
        assert!(hiding.contains("Input document: …"), "{hiding}");
        assert!(!hiding.contains("h-1"), "{hiding}");
    }

    #[test]
    fn runs_pipelines_that_read() {
        let Some(shop) = Shop::start() else { return };
        shop.check(
            r#"aggregate {"collection": "orders", "pipeline": [{"$match": {"status": "new"}}, {"$group": {"_id": "$user", "n": {"$sum": 1}, "sum": {"$sum": "$total"}}}, {"$sort": {"_id": 1}}], "limit": 2}"#,
            &expect![[r#"
                [2 documents of shop.orders; truncated, next: cursor <cursor>]
                {"_id":{"$oid":"000000000000000000000001"},"n":13,"sum":2047.5}
                {"_id":{"$oid":"000000000000000000000002"},"n":13,"sum":1872.0}
            "#]],
        );
        shop.check(
            r#"aggregate {"collection": "orders", "pipeline": [{"$match": {"_id": 5}}, {"$lookup": {"from": "users", "localField": "user", "foreignField": "_id", "as": "who"}}, {"$project": {"total": 1, "who.name": 1}}]}"#,
            &expect![[r#"
                [1 document of shop.orders]
                {"_id":5,"total":7.5,"who":[{"name":"User 1"}]}
            "#]],
        );
        shop.check(
            r#"aggregate {"collection": "orders", "pipeline": [{"$sort": {"status": 1, "_id": -1}}, {"$limit": 1}], "format": "table"}"#,
            &expect![[r#"
                [1 document of shop.orders]
                _id	user	status	total	margin	at	items
                200	000000000000000000000001	shipped	300.0	200	2024-06-01T22:13:20Z	[{"sku":"s4","count":3}]
            "#]],
        );
        shop.check(
            r#"aggregate {"collection": "events", "pipeline": [{"$match": {"kind": 3}}, {"$count": "n"}]}"#,
            &expect![[r#"
                [1 document of shop.events; no index serves this: all of 1,500 documents in shop.events are read]
                {"n":150}
            "#]],
        );
    }

    #[test]
    fn writes_nothing_and_reads_nothing_of_mongodbs_own() {
        let Some(shop) = Shop::start() else { return };
        for pipeline in [
            r#"[{"$out": "stolen"}]"#,
            r#"[{"$facet": {"a": [{"$out": "stolen"}]}}]"#,
            r#"[{"$merge": {"into": "stolen"}}]"#,
            r#"[{"$unionWith": {"coll": "users", "pipeline": [{"$merge": "stolen"}]}}]"#,
            r#"[{"$match": {}, "$out": "stolen"}]"#,
            r#"[{"$lookup": {"from": "users", "as": "x", "pipeline": [{"$out": "stolen"}]}}]"#,
            r#"[{"$lookup": {"from": {"db": "local", "coll": "oplog.rs"}, "as": "x", "pipeline": []}}]"#,
            r#"[{"$lookup": {"from": "system.views", "as": "x", "pipeline": []}}]"#,
            r#"[{"$unionWith": "system.profile"}]"#,
            r#"[{"$currentOp": {}}]"#,
            r#"[{"$changeStream": {}}]"#,
            r#"[{"$project": {"x": {"$function": {"body": "1", "args": [], "lang": "js"}}}}]"#,
            r#"[{"$group": {"_id": 1, "x": {"$accumulator": {}}}}]"#,
            r#"[{"$match": {"$where": "1"}}]"#,
            r#"[{"$nonsense": 1}]"#,
        ] {
            let call = format!(r#"aggregate {{"collection": "orders", "pipeline": {pipeline}}}"#);
            let answer = shop.call("", &["--write"], &call);
            assert!(answer.starts_with("error: not_"), "{pipeline}: {answer}");
        }
        let names = shop.run(|database| async move { database.list_collection_names().await });
        assert!(!names.contains(&"stolen".to_owned()), "{names:?}");
    }

    #[test]
    fn the_policy_holds_wherever_a_pipeline_reaches() {
        let Some(shop) = Shop::start() else { return };
        for pipeline in [
            r#"[{"$unionWith": "employees"}]"#,
            r#"[{"$facet": {"a": [{"$lookup": {"from": "employees", "pipeline": [], "as": "x"}}]}}]"#,
            r#"[{"$graphLookup": {"from": "employees", "startWith": "$x", "connectFromField": "a", "connectToField": "b", "as": "x"}}]"#,
            r#"[{"$unionWith": "staff"}]"#,
            r#"[{"$group": {"_id": "$margin"}}]"#,
            r#"[{"$project": {"x": "$margin"}}]"#,
            r#"[{"$sort": {"margin": 1}}]"#,
            r#"[{"$lookup": {"from": "users", "localField": "x", "foreignField": "password_hash", "as": "x"}}]"#,
            r#"[{"$project": {"x": {"$objectToArray": "$$ROOT"}}}]"#,
        ] {
            let call = format!(r#"aggregate {{"collection": "orders", "pipeline": {pipeline}}}"#);
            let answer = shop.call(POLICY, &[], &call);
            assert!(answer.starts_with("error: not_"), "{pipeline}: {answer}");
        }
        shop.check_under(
            POLICY,
            r#"aggregate {"collection": "orders", "pipeline": [{"$match": {"_id": 5}}, {"$lookup": {"from": "users", "localField": "user", "foreignField": "_id", "as": "who"}}]}"#,
            &expect![[r#"
                [1 document of shop.orders; 2 fields hidden by the policy; altered: 1 redacted]
                {"_id":5,"user":{"$oid":"000000000000000000000001"},"status":"shipped","total":7.5,"at":{"$date":"2023-11-19T22:13:20Z"},"items":[{"sku":"s5","count":3}],"who":[{"_id":{"$oid":"000000000000000000000001"},"name":"User 1","email":"[redacted:masked].org","address":{"city":"Bergen","zip":"1"},"tags":["a"]}]}
            "#]],
        );
    }
}

//! `find`: documents that match a filter, a page at a time.

use std::num::NonZeroU64;

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ejson::Given;
use crate::page::{DOCUMENTS, Format, Page, Paging};
use crate::source::Mongo;
use crate::source::error::MongoError;
use crate::source::plan::Reads;
use crate::source::reading::Query;

pub(crate) struct Find;

/// Find documents of a collection. Ids are {"$oid": "…"}, dates {"$date": "2026-01-31T00:00:00Z"}.
///
/// A cut result says `next`: call again within a minute with it as `cursor` and all else the same.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    #[serde(default)]
    filter: Given,
    projection: Option<Given>,
    sort: Option<Given>,
    skip: Option<u64>,
    /// Documents of a page, default 20
    limit: Option<NonZeroU64>,
    cursor: Option<String>,
    /// `canonical` keeps each type, `table` is shortest
    #[serde(default)]
    format: Format,
}

impl Tool<Mongo> for Find {
    type Effect = Read;
    type Args = Args;
    type Output = Page;

    const PLAIN: &'static [&'static str] =
        &["database", "collection", "projection", "sort", "skip", "limit", "format"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read)
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Page, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let most = args.limit.map_or(DOCUMENTS, NonZeroU64::get);
        let mut note = None;
        let (documents, read) = match cx.resume(args.cursor.as_deref())?.as_deref() {
            Some(&[id, read]) => (mongo.cursors.take(id).ok_or(MongoError::CursorGone)?, read),
            Some(_) => return Err(MongoError::CursorGone.into()),
            None => {
                let query = Query {
                    filter: args.filter.0,
                    projection: args.projection.map(|projection| projection.0),
                    sort: args.sort.map(|sort| sort.0),
                    skip: args.skip.unwrap_or_default(),
                    ..Query::default()
                };
                let query = mongo.check_query(&name, query).await?;
                note = mongo.guard_scan(&name, Reads::Query(query.value())).await?;
                (mongo.find(&name, query, most).await?, 0)
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
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{POLICY, Shop};

    #[test]
    fn finds_documents_by_the_page() {
        let Some(shop) = Shop::start() else { return };
        shop.check(
            r#"find {"collection": "users", "filter": {"_id": {"$oid": "000000000000000000000001"}}}"#,
            &expect![[r#"
                [1 document of shop.users]
                {"_id":{"$oid":"000000000000000000000001"},"name":"User 1","email":"user1@example.org","password_hash":"hash-1","address":{"city":"Bergen","zip":"1"},"tags":["a"]}
            "#]],
        );
        shop.check(
            r#"find {"collection": "orders", "filter": {"status": "new", "at": {"$gt": {"$date": "2024-01-01"}}}, "sort": {"at": -1}, "projection": {"total": 1}, "limit": 2}"#,
            &expect![[r#"
                [2 documents of shop.orders; truncated, next: cursor <cursor>]
                {"_id":198,"total":297.0}
                {"_id":195,"total":292.5}
            "#]],
        );
        shop.check(
            r#"find {"collection": "orders", "skip": 198, "sort": {"_id": 1}, "format": "table"}"#,
            &expect![[r#"
                [2 documents of shop.orders]
                _id	user	status	total	margin	at	items
                199	000000000000000000000005	paid	298.5	199	2024-05-31T22:13:20Z	[{"sku":"s3","count":2}]
                200	000000000000000000000001	shipped	300.0	200	2024-06-01T22:13:20Z	[{"sku":"s4","count":3}]
            "#]],
        );
        shop.check(r#"find {"collection": "types"}"#, &expect![[r#"
            [1 document of shop.types]
            {"_id":1,"double":1.5,"string":"ü\n\"x\"","object":{"z":1,"a":2},"array":[1,"two",null],"binary":{"$binary":{"base64":"BwcHBwcHBwcHBwcHBwcHBw==","subType":"04"}},"id":{"$oid":"000000000000000000000009"},"bool":true,"date":{"$date":"2023-11-14T22:13:20.123Z"},"old":{"$date":{"$numberLong":"-1"}},"null":null,"regex":{"$regularExpression":{"pattern":"^a.*","options":"i"}},"code":{"$code":"return 1"},"int":7,"timestamp":{"$timestamp":{"t":5,"i":6}},"long":7,"big":{"$numberLong":"9007199254740993"},"decimal":{"$numberDecimal":"1.10"},"min":{"$minKey":1},"max":{"$maxKey":1}}
        "#]]);
        shop.check(r#"find {"collection": "types", "format": "canonical"}"#, &expect![[r#"
            [1 document of shop.types]
            {"_id":{"$numberInt":"1"},"double":{"$numberDouble":"1.5"},"string":"ü\n\"x\"","object":{"z":{"$numberInt":"1"},"a":{"$numberInt":"2"}},"array":[{"$numberInt":"1"},"two",null],"binary":{"$binary":{"base64":"BwcHBwcHBwcHBwcHBwcHBw==","subType":"04"}},"id":{"$oid":"000000000000000000000009"},"bool":true,"date":{"$date":{"$numberLong":"1700000000123"}},"old":{"$date":{"$numberLong":"-1"}},"null":null,"regex":{"$regularExpression":{"pattern":"^a.*","options":"i"}},"code":{"$code":"return 1"},"int":{"$numberInt":"7"},"timestamp":{"$timestamp":{"t":5,"i":6}},"long":{"$numberLong":"7"},"big":{"$numberLong":"9007199254740993"},"decimal":{"$numberDecimal":"1.10"},"min":{"$minKey":1},"max":{"$maxKey":1}}
        "#]]);
    }

    #[test]
    fn says_what_is_not_there_and_what_is_wrong() {
        let Some(shop) = Shop::start() else { return };
        shop.check(
            r#"find {"collection": "nothing"}"#,
            &expect![[r#"
            error: not_found: there is no collection `shop.nothing`
            next: list_collections shows what there is; names are case-sensitive"#]],
        );
        shop.check(
            r#"find {"collection": "users", "filter": {"name": "Nobody"}}"#,
            &expect![[r#"
                [0 documents of shop.users]
            "#]],
        );
        shop.check(
            r#"find {"collection": "users", "filter": {"$where": "1"}}"#,
            &expect![[r#"
            error: not_allowed: `$where` runs JavaScript on the server, which is never sent
            next: use the operators of $expr and of pipelines"#]],
        );
        shop.check(
            r#"find {"collection": "users", "filter": {"_id": {"$oid": "5"}}}"#,
            &expect![[r#"
                error: invalid_arguments: `filter`: `_id.$oid`: takes 24 hexadecimal digits
                next: `filter` is of type object"#]],
        );
        shop.check(
            r#"find {"collection": "system.users"}"#,
            &expect![[r#"
            error: not_allowed: collections whose names begin with system. are MongoDB's own
            next: list_databases and list_collections show what there is"#]],
        );
        shop.check(
            r#"find {"collection": "users", "database": "admin"}"#,
            &expect![[r#"
            error: not_allowed: the databases admin, local and config are MongoDB's own
            next: list_databases and list_collections show what there is"#]],
        );
        shop.check(
            r#"find {"collection": "users", "limit": 0}"#,
            &expect![[r#"
            error: invalid_arguments: `limit`: invalid value: integer `0`, expected a nonzero u64
            next: `limit` is of type integer, at least 1"#]],
        );
    }

    #[test]
    fn what_no_index_serves_is_said_or_refused() {
        let Some(shop) = Shop::start() else { return };
        let call = r#"find {"collection": "events", "filter": {"kind": 3}, "limit": 1}"#;
        shop.check(call, &expect![[r#"
            [1 document of shop.events; truncated, next: cursor <cursor>; no index serves this: all of 1,500 documents in shop.events are read]
            {"_id":3,"kind":3,"text":"event 3"}
        "#]]);
        let denied = shop.call("", &["--scan-guard", "deny"], call);
        expect![[r#"
            error: collection_scan: no index serves this: all of 1,500 documents in shop.events would be read
            next: filter by an indexed field first; describe_collection lists the indexes; an index on {"kind": 1} would help"#]].assert_eq(&denied);
        let off = shop.call("", &["--scan-guard", "off"], call);
        assert!(!off.contains("index"), "{off}");
        let fine = r#"find {"collection": "orders", "filter": {"status": "new"}, "limit": 1}"#;
        assert!(shop.call("", &["--scan-guard", "deny"], fine).starts_with("[1 document of"));
    }

    #[test]
    fn what_the_policy_hides_is_not_shown() {
        let Some(shop) = Shop::start() else { return };
        shop.check_under(POLICY, r#"find {"collection": "users", "limit": 1}"#, &expect![[r#"
            [1 document of shop.users; truncated, next: cursor <cursor>; 1 field hidden by the policy; altered: 1 redacted]
            {"_id":{"$oid":"000000000000000000000001"},"name":"User 1","email":"[redacted:masked].org","address":{"city":"Bergen","zip":"1"},"tags":["a"]}
        "#]]);
        let hidden = shop.call(POLICY, &[], r#"find {"collection": "employees"}"#);
        let unknown = shop.call(POLICY, &[], r#"find {"collection": "nothings_"}"#);
        assert_eq!(hidden, unknown.replace("nothings_", "employees"));
        for call in [
            r#"find {"collection": "users", "filter": {"email": {"$regex": "^user1"}}}"#,
            r#"find {"collection": "users", "filter": {"password_hash": "hash-1"}}"#,
            r#"find {"collection": "users", "sort": {"password_hash": 1}}"#,
            r#"find {"collection": "users", "filter": {"$expr": {"$eq": ["$password_hash", "x"]}}}"#,
            r#"find {"collection": "users", "projection": {"x": "$password_hash"}}"#,
            r#"find {"collection": "orders", "filter": {"margin": {"$gt": 5}}}"#,
            r#"find {"collection": "staff"}"#,
        ] {
            let answer = shop.call(POLICY, &[], call);
            assert!(answer.starts_with("error: not_"), "{call}: {answer}");
        }
        let view = shop.call(POLICY, &[], r#"find {"collection": "open_orders", "limit": 1}"#);
        assert!(view.starts_with("[1 document of") && !view.contains("margin\""), "{view}");
    }

    #[test]
    fn pages_hold_every_document_once() {
        let Some(shop) = Shop::start() else { return };
        let mut client = shop.client("", &[]);
        for limit in [7, 1_000] {
            let mut arguments = json!({"collection": "events", "limit": limit});
            let mut ids = Vec::new();
            loop {
                let text = seen(&client.call("find", arguments.clone()));
                let (header, lines) = text.split_once('\n').unwrap();
                for line in lines.lines() {
                    let document: serde_json::Value = serde_json::from_str(line).unwrap();
                    ids.push(document["_id"].as_i64().unwrap());
                }
                let Some((_, next)) = header.split_once("next: cursor ") else { break };
                let cursor = next.trim_end_matches(']');
                assert!(cursor.len() <= 48, "{cursor}");
                arguments["cursor"] = cursor.into();
            }
            ids.sort_unstable();
            assert_eq!(ids, (0..1_500).collect::<Vec<i64>>());
        }
        let first = seen(&client.call("find", json!({"collection": "events", "limit": 1})));
        let (_, cursor) = first.lines().next().unwrap().split_once("cursor ").unwrap();
        let cursor = cursor.trim_end_matches(']');
        // Of another filter, and read twice.
        let other = json!({"collection": "events", "filter": {"_id": 1}, "cursor": cursor});
        assert!(seen(&client.call("find", other)).starts_with("error: "));
        let again = json!({"collection": "events", "limit": 1, "cursor": cursor});
        assert!(seen(&client.call("find", again.clone())).contains("\"_id\":1"));
        assert!(seen(&client.call("find", again)).starts_with("error: cursor_expired"));
    }

    #[test]
    fn a_document_that_is_too_long_says_what_is_missing() {
        let Some(shop) = Shop::empty() else { return };
        shop.run(|database| async move {
            let document = bson::doc! { "_id": 1, "text": "x".repeat(50_000), "end": true };
            database.collection("long").insert_one(document).await
        });
        shop.check(
            r#"find {"collection": "long"}"#,
            &expect![[r#"
            [1 document of shop.long; too long, so without `text`: project what you need]
            {"_id":1,"end":true}
        "#]],
        );
    }
}

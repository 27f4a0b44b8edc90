//! Lists of attacks, and of what people ask for, against the whole server in several modes, judged by
//! their effect as it is seen from outside: what is stored, and what the answers show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use futures_util::TryStreamExt as _;
use lockkeeper_testkit::in_process::InProcess;
use lockkeeper_testkit::mongo::Deployment;
use mongodb::Database;
use serde_json::{Value, json};

use super::Shop;

const REFUSED: &str = include_str!("attacked/refused.txt");
const BEYOND: &str = include_str!("attacked/beyond.txt");
const BOUNDED: &str = include_str!("attacked/bounded.txt");
const LEGITIMATE: &str = include_str!("attacked/legitimate.txt");

/// A policy that admits two collections.
const TWO: &str = "[policy.resources]\nallow = [\"shop.orders\", \"shop.users\"]\n";

/// Stands in all that is hidden, and nowhere else.
const MARK: &str = "s3cr3t-mark";

/// Everything that tools of any kind need.
const WRITES: &[&str] = &["--write", "--manage-indexes"];

/// A shop with a vault, views on it, and another database beside it.
struct World {
    shop: Shop,
    other: Shop,
}

impl World {
    fn start() -> Option<Self> {
        Some(Self::over(Shop::start()?, Shop::empty()?))
    }

    /// On a deployment of its own: not every one stops what it was told to stop.
    fn alone() -> Option<(Self, Deployment)> {
        let deployment = Deployment::start(&[])?;
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", deployment.port());
        let shop = |name| Shop::at(uri.clone(), name);
        let (shop, other) = (shop("shop"), shop("other"));
        shop.run(super::fill);
        Some((Self::over(shop, other), deployment))
    }

    fn over(shop: Shop, other: Shop) -> Self {
        shop.run(|database| async move {
            let vault = database.collection("vault");
            vault.insert_one(doc! { "_id": 1, "key": MARK, "user": super::id(1) }).await?;
            let join = doc! { "from": "vault", "pipeline": [], "as": "x" };
            let union = doc! { "a": [{ "$unionWith": "vault" }] };
            for (view, on, pipeline) in [
                ("on_vault", "vault", vec![]),
                ("on_view", "on_vault", vec![doc! { "$match": {} }]),
                ("joined", "orders", vec![doc! { "$limit": 1 }, doc! { "$lookup": join }]),
                ("faceted", "orders", vec![doc! { "$limit": 1 }, doc! { "$facet": union }]),
            ] {
                database.create_collection(view).view_on(on).pipeline(pipeline).await?;
            }
            Ok(())
        });
        other.run(|database| async move {
            database.collection("orders").insert_one(doc! { "_id": 1, "key": MARK }).await
        });
        Self { shop, other }
    }

    /// What is stored: documents and indexes of every collection, and what views are.
    fn stored(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for shop in [&self.shop, &self.other] {
            all.extend(shop.run(|database| async move { stored(&database).await }));
        }
        all
    }

    fn call(&self, client: &mut InProcess, line: &str) -> String {
        let (tool, given) = line.split_once(' ').unwrap_or_else(|| panic!("no line: {line}"));
        let given = given.replace("\"db\":\"shop\"", &format!("\"db\":{:?}", self.shop.database));
        let given = given.replace("\"other\"", &format!("{:?}", self.other.database));
        super::call_text(client, tool, &given)
    }
}

async fn stored(database: &Database) -> mongodb::error::Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    let mut specs = database.list_collections().await?;
    while let Some(one) = specs.try_next().await? {
        let name = format!("{}.{}", database.name(), one.name);
        if let Some(on) = &one.options.view_on {
            all.insert(name, format!("view on {on}: {:?}", one.options.pipeline));
            continue;
        }
        let collection = database.collection::<Document>(&one.name);
        let found = collection.find(doc! {}).sort(doc! { "_id": 1 }).await?;
        let documents: Vec<Document> = found.try_collect().await?;
        let mut indexes = collection.list_index_names().await?;
        indexes.sort();
        all.insert(name, format!("{indexes:?} {documents:?}"));
    }
    Ok(all)
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[test]
fn the_lists_are_long() {
    assert!(lines(REFUSED).count() + lines(BEYOND).count() >= 140);
    assert!(lines(LEGITIMATE).count() >= 80);
}

#[test]
fn attacks_are_refused_and_change_nothing() {
    let Some(world) = World::start() else { return };
    let before = world.stored();
    for (policy, more) in [("", &[][..]), ("", WRITES), (TWO, &[]), (TWO, WRITES)] {
        let mut client = world.shop.client(policy, more);
        let mut taken = Vec::new();
        for line in lines(REFUSED) {
            let answer = world.call(&mut client, line);
            assert!(answer.len() < 2_100, "{line}: {} bytes", answer.len());
            assert!(!answer.contains(MARK), "{line}: {answer}");
            if !answer.starts_with("error: ") {
                taken.push(format!("{line}\n  {answer:.200}"));
            }
        }
        assert!(taken.is_empty(), "{more:?} {policy}: taken:\n{}", taken.join("\n"));
        let changed = changed(&before, &world.stored());
        assert!(changed.is_empty(), "{more:?} {policy}: {changed:?}");
    }
}

#[test]
fn nothing_beyond_an_allow_list_is_reached() {
    let Some(world) = World::start() else { return };
    let before = world.stored();
    for more in [&[][..], WRITES] {
        let mut client = world.shop.client(TWO, more);
        let mut taken = Vec::new();
        for line in lines(BEYOND) {
            let answer = world.call(&mut client, line);
            assert!(!answer.contains(MARK), "{line}: {answer}");
            assert!(!answer.contains("on_vault\""), "{line}: {answer}");
            if !answer.starts_with("error: ") {
                taken.push(format!("{line}\n  {answer:.200}"));
            }
        }
        assert!(taken.is_empty(), "{more:?}: taken:\n{}", taken.join("\n"));
        let changed = changed(&before, &world.stored());
        assert!(changed.is_empty(), "{more:?}: {changed:?}");
    }
}

#[test]
fn what_is_asked_for_is_not_refused() {
    let Some(world) = World::start() else { return };
    let before = world.stored();
    let mut client = world.shop.client(TWO, WRITES);
    let (mut refused, mut unknown) = (Vec::new(), 0);
    for line in lines(LEGITIMATE) {
        let answer = world.call(&mut client, line);
        assert!(!answer.contains(MARK), "{line}: {answer}");
        // What the deployment itself doesn't have.
        let theirs = ["invalid_query", "database_error", "not_available"];
        if theirs.iter().any(|code| answer.starts_with(&format!("error: {code}"))) {
            unknown += 1;
        } else if answer.starts_with("error: ") {
            refused.push(format!("{line}\n  {answer}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(unknown <= 8, "{unknown} are beyond this deployment");
    let own = format!("{}.orders", world.shop.database);
    assert_eq!(changed(&before, &world.stored()), [own]);
}

#[test]
fn what_could_run_for_ever_is_bounded() {
    let Some((world, mut deployment)) = World::alone() else { return };
    let mut client = world.shop.client("", &["--call-budget", "3s"]);
    for line in lines(BOUNDED) {
        let since = Instant::now();
        let answer = world.call(&mut client, line);
        assert!(answer.len() < 26_000, "{line}: {} bytes", answer.len());
        assert!(since.elapsed() < Duration::from_secs(8), "{line}: {:?}", since.elapsed());
    }
    // The server is well, whatever its deployment still does.
    assert!(world.call(&mut client, "find {}").starts_with("error: invalid_arguments"));
    deployment.stop();
}

#[test]
fn large_and_deep_arguments_are_bounded() {
    let Some(world) = World::start() else { return };
    let mut client = world.shop.client(TWO, &[]);
    let nested = |n: usize, open: &str, close: &str, inner: &str| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let find = |filter: &str| format!(r#"find {{"collection":"orders","filter":{filter}}}"#);
    let aggregate =
        |stage: &str| format!(r#"aggregate {{"collection":"orders","pipeline":[{stage}]}}"#);
    for line in [
        find(&nested(50, r#"{"$and":["#, "]}", r#"{"$where":"1"}"#)),
        find(&nested(500, r#"{"$and":["#, "]}", "{}")),
        find(&nested(500, r#"{"a":"#, "}", "1")),
        aggregate(&nested(25, r#"{"$facet":{"a":["#, "]}}", r#"{"$unionWith":"vault"}"#)),
        aggregate(&nested(
            10,
            r#"{"$unionWith":{"coll":"users","pipeline":["#,
            "]}}",
            r#"{"$out":"x"}"#,
        )),
        aggregate(&nested(40, r#"{"$lookup":{"from":"users","as":"x","pipeline":["#, "]}}", "")),
        aggregate(&format!("{}{{}}", r#"{"$match":{}},"#.repeat(300))),
        aggregate(&vec![r#"{"$match":{}}"#; 300].join(",")),
        aggregate(&vec![r#"{"$unionWith":"users"}"#; 50].join(",")),
        aggregate(&format!(r#"{{"$set":{{"x":{}}}}}"#, nested(150, r#"{"$abs":"#, "}", "1"))),
        find(&format!(r#"{{"_id":{{"$in":[{}1]}}}}"#, "1,".repeat(210_000))),
    ] {
        let answer = world.call(&mut client, &line);
        assert!(answer.starts_with("error: "), "{line:.80}: {answer:.200}");
        assert!(answer.len() < 2_100, "{line:.80}: {} bytes", answer.len());
    }
}

#[test]
fn a_view_that_changes_is_seen_at_once() {
    let Some(world) = World::start() else { return };
    let policy = "[policy.resources]\nallow = [\"shop.orders\", \"shop.open_orders\"]\n";
    let mut client = world.shop.client(policy, &[]);
    let line = r#"find {"collection":"open_orders","limit":1}"#;
    assert!(world.call(&mut client, line).starts_with("[1 document"));
    world.shop.run(|database| async move {
        database.collection::<Document>("open_orders").drop().await?;
        database.create_collection("open_orders").view_on("vault".to_owned()).await
    });
    let answer = world.call(&mut client, line);
    assert!(answer.starts_with("error: not_found") && !answer.contains(MARK), "{answer}");
}

#[test]
fn cursors_and_tokens_belong_to_their_call_and_process() {
    let Some(world) = World::start() else { return };
    let state = tempfile::tempdir().unwrap();
    let state = ["--state-dir", state.path().to_str().unwrap()];
    let mut owner = world.shop.client(TWO, &state);
    let first = world.call(&mut owner, r#"find {"collection":"orders","limit":3}"#);
    let (_, cursor) = first.split_once("next: cursor ").unwrap();
    let cursor = cursor.split([']', ';']).next().unwrap();
    let next = |tool: &str, more: &str| {
        format!(r#"{tool} {{"collection":"orders","limit":3,"cursor":{cursor:?}{more}}}"#)
    };
    // The same key, and another process; then another key; then another policy.
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = ["--state-dir", elsewhere.path().to_str().unwrap()];
    let narrower = "[policy.resources]\nallow = [\"shop.users\"]\n";
    for (policy, more) in [(TWO, &state), (TWO, &elsewhere), (narrower, &state)] {
        let mut thief = world.shop.client(policy, more);
        let answer = world.call(&mut thief, &next("find", ""));
        assert!(answer.starts_with("error: "), "{answer}");
    }
    for (tool, more) in [
        ("aggregate", r#","pipeline":[]"#),
        ("find", r#","filter":{"_id":1}"#),
        ("find", r#","format":"table""#),
    ] {
        let answer = world.call(&mut owner, &next(tool, more));
        assert!(answer.starts_with("error: "), "{tool} {more}: {answer}");
    }
    // Nobody took it away.
    let page = world.call(&mut owner, &next("find", ""));
    assert!(page.starts_with("[3 documents") && page.contains("\"_id\":4"), "{page}");
    // A token of the vault's changes tells nothing through another collection.
    let mut open = world.shop.client("", &[]);
    let watched = world.call(&mut open, r#"watch {"collection":"vault","max_wait":1}"#);
    let token = watched.split_once("resume_token ").unwrap().1;
    let token = token.split([']', ';', '\n', ' ']).next().unwrap();
    world.shop.run(|database| async move {
        database.collection("vault").insert_one(doc! { "_id": 50, "key": MARK }).await
    });
    for collection in ["orders", "vault"] {
        let line = format!(
            r#"watch {{"collection":{collection:?},"resume_token":{token:?},"max_wait":1}}"#
        );
        let answer = world.call(&mut owner, &line);
        assert!(!answer.contains(MARK) && !answer.contains("\"_id\":50"), "{answer}");
    }
}

#[test]
fn resources_and_completions_tell_no_hidden_names() {
    let Some(world) = World::start() else { return };
    let mut client = world.shop.client(TWO, &[]);
    let (shop, other) = (world.shop.database.clone(), world.other.database.clone());
    for uri in [
        format!("mongo://{shop}/vault"),
        format!("mongo://{shop}/vault/schema"),
        format!("mongo://{shop}/vault/schema/key"),
        format!("mongo://{shop}/vault%2Fschema"),
        format!("mongo://{shop}%2Fvault"),
        format!("mongo://{shop}%2Fvault/schema"),
        format!("mongo://{shop}/orders%2F..%2Fvault"),
        format!("mongo://{shop}/orders/../vault"),
        format!("mongo://{shop}/./vault"),
        format!("mongo://{shop}//vault"),
        format!("mongo://{shop}/%76ault"),
        format!("mongo://{shop}/vault%00"),
        format!("mongo://{shop}/vault?x=1"),
        format!("mongo://{shop}/on_vault/schema"),
        format!("mongo://{shop}/joined"),
        format!("mongo://{other}/orders"),
        "mongo://admin/system.users".to_owned(),
        "mongo://local/oplog.rs/schema".to_owned(),
        format!("mongo://{shop}/system.views/schema"),
        format!("MONGO://{shop}/vault"),
    ] {
        let answer = client.request("resources/read", json!({"uri": uri}));
        assert!(answer.get("error").is_some(), "{uri}: {answer}");
        assert!(!answer.to_string().contains(MARK), "{uri}: {answer}");
    }
    let listed = client.request("resources/list", json!({})).to_string();
    assert!(listed.contains("/orders\"") && !listed.contains("vault"), "{listed}");
    let mut complete = |variable: &str, typed: &str, others: Value| {
        let params = json!({
            "ref": {"type": "ref/resource", "uri": "mongo://{database}/{collection}/schema/{field}"},
            "argument": {"name": variable, "value": typed}, "context": {"arguments": others},
        });
        client.request("completion/complete", params).to_string()
    };
    for (variable, typed, others) in [
        ("collection", "", json!({"database": shop})),
        ("collection", "v", json!({"database": shop})),
        ("collection", "on_", json!({"database": shop})),
        ("collection", "sys", json!({"database": shop})),
        ("collection", "", json!({"database": other})),
        ("collection", "", json!({"database": "admin"})),
        ("database", "", json!({})),
        ("database", "a", json!({})),
        ("field", "", json!({"database": shop, "collection": "vault"})),
        ("field", "k", json!({"database": shop, "collection": "joined"})),
        ("field", "", json!({"database": other, "collection": "orders"})),
    ] {
        let told = complete(variable, typed, others.clone());
        for hidden in ["vault", "\"on_", "\"key", "\"admin", "system.", other.as_str(), MARK] {
            assert!(!told.contains(hidden), "{variable} {typed:?} {others}: {told}");
        }
    }
}

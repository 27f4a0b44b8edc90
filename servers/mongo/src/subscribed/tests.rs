//! Who hears what of a collection's changes, how soon, and what is left when nobody listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use lockkeeper_testkit::in_process::InProcess;
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::MongoDb;
use crate::testing::stub::{self, Answer};
use crate::testing::{POLICY, Shop};

const UPDATED: &str = "notifications/resources/updated";

impl Shop {
    fn uri_of(&self, collection: &str) -> String {
        format!("mongo://{}/{collection}", self.database)
    }

    fn insert(&self, collection: &'static str, ids: std::ops::Range<i32>) {
        self.run(|database| async move {
            let documents = ids.map(|id| doc! { "_id": id, "text": "x" });
            database.collection::<Document>(collection).insert_many(documents).await
        });
    }

    fn set(&self, collection: &'static str, change: Document) {
        self.run(|database| async move {
            let collection = database.collection::<Document>(collection);
            collection.update_one(doc! {}, doc! { "$set": change }).await
        });
    }
}

fn start(shop: &Shop, config: &str) -> InProcess {
    let arguments = shop.arguments(config);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    InProcess::start::<MongoDb>(&arguments, Era::Legacy)
}

fn subscribe(client: &mut InProcess, uri: &str) -> Value {
    client.request("resources/subscribe", json!({"uri": uri}))
}

fn must_subscribe(client: &mut InProcess, uri: &str) {
    let said = subscribe(client, uri);
    assert_eq!(said["result"], json!({}), "{said}");
}

fn told(client: &mut InProcess) -> (String, bool) {
    let notice = client.notification(UPDATED);
    let params = &notice["params"];
    let gap = params["_meta"]["lockkeeper/gap"].as_bool().unwrap_or_default();
    (params["uri"].as_str().unwrap().to_owned(), gap)
}

/// The notices that come in this time, in which the server runs.
fn heard_in(client: &mut InProcess, time: Duration) -> usize {
    let began = Instant::now();
    while began.elapsed() < time {
        client.request("resources/templates/list", json!({}));
        thread::sleep(Duration::from_millis(20));
    }
    let all = client.take_notifications();
    all.iter().filter(|one| one["method"] == UPDATED).count()
}

#[test]
fn an_insert_is_told_at_once() {
    let Some(shop) = Shop::empty() else { return };
    shop.insert("events", 0..1);
    let mut client = start(&shop, "");
    let uri = shop.uri_of("events");
    must_subscribe(&mut client, &uri);
    let mut took = Vec::new();
    for n in 1..=10 {
        thread::scope(|scope| {
            let inserted = scope.spawn(|| {
                shop.insert("events", n..n + 1);
                Instant::now()
            });
            assert_eq!(told(&mut client), (uri.clone(), false));
            let heard = Instant::now();
            took.push(heard.saturating_duration_since(inserted.join().unwrap()));
        });
        heard_in(&mut client, Duration::from_millis(150));
    }
    took.sort();
    assert!(took[5] < Duration::from_millis(200), "{took:?}");
}

#[test]
fn ten_thousand_changes_are_told_in_few_notices_and_the_last_is_among_them() {
    let Some(shop) = Shop::empty() else { return };
    shop.insert("events", 0..1);
    let mut client = start(&shop, "");
    let uri = shop.uri_of("events");
    must_subscribe(&mut client, &uri);
    (0..10).for_each(|n| shop.insert("events", n * 1_000 + 1..(n + 1) * 1_000 + 1));
    told(&mut client);
    let mut notices = 0;
    loop {
        let more = heard_in(&mut client, Duration::from_secs(2));
        notices += more;
        if more == 0 {
            break;
        }
    }
    assert!(notices < 500, "{notices}");
    shop.insert("events", 20_000..20_001);
    assert_eq!(told(&mut client), (uri, false));
}

#[test]
fn a_change_in_what_is_hidden_is_not_told() {
    let Some(shop) = Shop::start() else { return };
    let mut client = start(&shop, POLICY);
    let uri = shop.uri_of("users");
    must_subscribe(&mut client, &uri);
    shop.set("users", doc! { "email": "other@example.org", "password_hash": "other" });
    shop.set("users", doc! { "deep.password_hash": "other" });
    shop.run(|database| async move {
        let users = database.collection::<Document>("users");
        users.update_one(doc! {}, doc! { "$unset": { "deep.password_hash": 1 } }).await
    });
    // What is seen comes after what isn't.
    shop.set("users", doc! { "name": "Other" });
    assert_eq!(told(&mut client), (uri.clone(), false));
    assert_eq!(heard_in(&mut client, Duration::from_millis(300)), 0);
    shop.set("users", doc! { "password_hash": "third" });
    assert_eq!(heard_in(&mut client, Duration::from_millis(1_500)), 0);
    // What may not be read reads like what isn't there.
    let [hidden, missing] = ["employees", "nothings_"].map(|name| {
        let said = subscribe(&mut client, &shop.uri_of(name));
        said["error"]["message"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    });
    assert_eq!(hidden, missing.replace("nothings_", "employees"));
    let said = subscribe(&mut client, "mongo://admin/system.users");
    assert!(said["error"].is_object(), "{said}");
}

#[test]
fn a_connection_that_is_cut_loses_nothing() {
    let Some(shop) = Shop::empty() else { return };
    shop.insert("events", 0..1);
    let proxy = shop.proxy();
    let uri = format!("mongodb://{}/?directConnection=true", proxy.address());
    let mut client =
        InProcess::start::<MongoDb>(&[&uri, "--database", &shop.database], Era::Legacy);
    let uri = shop.uri_of("events");
    must_subscribe(&mut client, &uri);
    for n in 1..4 {
        proxy.down();
        heard_in(&mut client, Duration::from_millis(300));
        shop.insert("events", n..n + 1);
        proxy.up();
        assert_eq!(told(&mut client), (uri.clone(), false));
    }
}

/// A deployment that forgets where a stream was, and one that counts what it is asked.
#[test]
fn a_history_that_is_lost_is_a_gap_and_nothing_runs_while_nobody_listens() {
    let (asked, broken) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (asks, breaks) = (Arc::clone(&asked), Arc::clone(&broken));
    let server = stub::start(move |command| {
        if command.contains_key("listCollections") {
            let things = doc! { "name": "things", "type": "collection", "options": {} };
            return stub::cursor(0, "firstBatch", vec![things]);
        }
        let empty = |batch: &str| {
            let token = doc! { "_data": "1" };
            Answer::Reply(doc! { "ok": 1.0, "cursor": { "id": 7_i64, "ns": "shop.things",
            batch: [], "postBatchResumeToken": token } })
        };
        asks.fetch_add(1, Ordering::Relaxed);
        if command.contains_key("getMore") {
            thread::sleep(Duration::from_millis(100));
            if breaks.load(Ordering::Relaxed) == 1 {
                return stub::error(286, "ChangeStreamHistoryLost");
            }
            return empty("nextBatch");
        }
        let stage = command.get_array("pipeline").ok().and_then(|all| all.first()?.as_document());
        let stream = stage.and_then(|stage| stage.get_document("$changeStream").ok());
        let resumes = stream.is_some_and(|stream| stream.contains_key("resumeAfter"));
        if resumes && breaks.swap(2, Ordering::Relaxed) == 1 {
            return stub::error(286, "ChangeStreamHistoryLost");
        }
        empty("firstBatch")
    });
    let mut client = InProcess::start::<MongoDb>(&[&server], Era::Legacy);
    let uri = "mongo://shop/things".to_owned();
    must_subscribe(&mut client, &uri);
    heard_in(&mut client, Duration::from_millis(300));
    broken.store(1, Ordering::Relaxed);
    assert_eq!(told(&mut client), (uri.clone(), true));
    client.request("resources/unsubscribe", json!({"uri": uri}));
    heard_in(&mut client, Duration::from_secs(1));
    let before = asked.load(Ordering::Relaxed);
    assert!(before > 4);
    heard_in(&mut client, Duration::from_secs(1));
    assert_eq!(asked.load(Ordering::Relaxed), before);
}

#[test]
fn the_tools_keep_their_connections() {
    let Some(shop) = Shop::empty() else { return };
    let mut client = start(&shop, "");
    let names: Vec<String> = (0..33).map(|n| format!("c{n}")).collect();
    for name in &names {
        shop.run(|database| async move { database.create_collection(name).await });
    }
    let (last, first) = names.split_last().unwrap();
    for name in first {
        must_subscribe(&mut client, &shop.uri_of(name));
    }
    let said = subscribe(&mut client, &shop.uri_of(last));
    assert!(said["error"]["message"].as_str().unwrap().contains("32 collections"), "{said}");
    let said = client.call("count", json!({"collection": "c0"}));
    assert_eq!(said["isError"], json!(false), "{said}");
    client.request("resources/unsubscribe", json!({"uri": shop.uri_of("c0")}));
    must_subscribe(&mut client, &shop.uri_of(last));
}

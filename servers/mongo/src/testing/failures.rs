//! What agents are told when the deployment, or the way to it, fails: each of it a result with a
//! code, and never the end of the server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bson::doc;
use lockkeeper_testkit::expect;
use lockkeeper_testkit::in_process::{InProcess, seen};
use lockkeeper_testkit::mongo::Deployment;
use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use super::stub::{self, Answer};
use crate::MongoDb;

fn find(uri: &str) -> String {
    let mut client = InProcess::start::<MongoDb>(&[uri], Era::Modern);
    seen(&client.call("find", json!({"collection": "things", "filter": {"_id": 1}})))
}

/// The code that an agent sees for an error of the deployment.
fn code(number: i32, name: &'static str) -> String {
    let text = find(&stub::start(move |_| stub::error(number, name)));
    text.trim_start_matches("error: ").split(':').next().unwrap_or_default().to_owned()
}

#[test]
fn errors_of_a_deployment_have_codes_of_ours() {
    for (number, name, expected) in [
        (10_107, "NotWritablePrimary", "connection_lost"),
        (43, "CursorNotFound", "cursor_expired"),
        (50, "MaxTimeMSExpired", "timeout"),
        (286, "ChangeStreamHistoryLost", "history_lost"),
        (13, "Unauthorized", "permission_denied"),
        (2, "BadValue", "invalid_query"),
        (292, "QueryExceededMemoryLimitNoDiskUseAllowed", "too_large"),
    ] {
        assert_eq!(code(number, name), expected, "{number}");
    }
}

#[test]
fn a_read_survives_an_election_and_a_dropped_connection() {
    for first in [|| stub::error(10_107, "NotWritablePrimary"), || Answer::Drop] {
        let asked = AtomicU32::new(0);
        let uri = stub::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => first(),
            _ => stub::cursor(0, "firstBatch", vec![doc! { "_id": 1 }]),
        });
        expect![[r#"
            [1 document of shop.things]
            {"_id":1}
        "#]]
        .assert_eq(&find(&uri));
    }
    let dropped = find(&stub::start(|_| Answer::Drop));
    assert!(dropped.starts_with("error: connection_lost"), "{dropped}");
}

#[test]
fn a_cursor_that_the_server_lost_says_how_to_go_on() {
    let uri = stub::start(|command| {
        if command.contains_key("getMore") {
            return stub::error(43, "CursorNotFound");
        }
        stub::cursor(7, "firstBatch", vec![doc! { "_id": 1 }, doc! { "_id": 2 }])
    });
    let mut client = InProcess::start::<MongoDb>(&[&uri], Era::Modern);
    let first = seen(&client.call("find", json!({"collection": "things", "limit": 1})));
    let (_, cursor) = first.lines().next().unwrap().split_once("cursor ").unwrap();
    let cursor = cursor.trim_end_matches(']');
    let next = json!({"collection": "things", "limit": 5, "cursor": cursor});
    let next = seen(&client.call("find", next));
    assert!(next.starts_with("error: cursor_expired"), "{next}");
    assert!(next.contains("$gt"), "{next}");
}

#[test]
fn a_silent_server_costs_no_more_than_the_call_has() {
    let uri = stub::start(|_| Answer::Silence);
    let mut client = InProcess::start::<MongoDb>(&[&uri, "--call-budget", "1s"], Era::Modern);
    let start = Instant::now();
    let text = seen(&client.call("find", json!({"collection": "things"})));
    assert!(text.starts_with("error: timeout"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn every_read_tells_the_server_how_long_it_may_take() {
    let uri = stub::start(|command| {
        let millis = command.get("maxTimeMS").and_then(|value| match value {
            bson::Bson::Int32(n) => Some(i64::from(*n)),
            bson::Bson::Int64(n) => Some(*n),
            _ => None,
        });
        match millis {
            Some(1..25_000) => stub::cursor(0, "firstBatch", vec![doc! { "_id": 1, "n": 1 }]),
            _ => stub::error(2, "BadValue"),
        }
    });
    let mut client = InProcess::start::<MongoDb>(&[&uri, "--scan-guard", "off"], Era::Modern);
    for (tool, arguments) in [
        ("find", json!({"collection": "things"})),
        ("aggregate", json!({"collection": "things", "pipeline": [{"$match": {"a": 1}}]})),
        ("count", json!({"collection": "things", "filter": {"a": 1}})),
        ("infer_schema", json!({"collection": "things"})),
    ] {
        let text = seen(&client.call(tool, arguments));
        assert!(!text.starts_with("error"), "{tool}: {text}");
    }
}

#[test]
fn a_bad_uri_and_a_dead_server_are_results() {
    let secret = "s3cr3t-p4ssw0rd";
    for uri in [
        format!("mongodb://user:{secret}@@@/"),
        format!("mongodb://user:{secret}@127.0.0.1:1/shop?serverSelectionTimeoutMS=300"),
        format!("mongodb://user:{secret}@127.0.0.1:1/shop?tls=true&tlsCAFile=/nowhere.pem"),
        format!("http://user:{secret}@127.0.0.1/"),
    ] {
        let mut client = InProcess::start::<MongoDb>(&[&uri, "--database", "shop"], Era::Modern);
        let listed = client.request("tools/list", json!({}));
        assert!(listed["result"]["tools"].as_array().unwrap().len() > 5);
        let text = seen(&client.call("find", json!({"collection": "things"})));
        assert!(text.starts_with("error: no_connection"), "{text}");
        assert!(text.contains("check") && !text.contains(secret), "{text}");
        assert!(!text.contains("127.0.0.1"), "{text}");
    }
}

#[test]
fn a_user_who_may_not_says_so() {
    let Some(deployment) = Deployment::start(&[]) else { return };
    let uri = format!("mongodb://127.0.0.1:{}/shop?directConnection=true", deployment.port());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        let user = doc! { "createUser": "reader", "pwd": "right", "roles": [] };
        client.database("shop").run_command(user).await.unwrap();
    });
    // Without --auth the server lets anybody in who doesn't try to log in, and refuses a wrong login.
    let wrong = uri.replace("mongodb://", "mongodb://reader:wr0ng-p4ss@");
    let text = find(&wrong);
    expect![[r#"
        error: no_connection: the deployment refused the login
        next: ask the user to run this server's `check`, which says what is wrong"#]]
    .assert_eq(&text);
    let right = uri.replace("mongodb://", "mongodb://reader:right@");
    expect![[r#"
        error: not_found: there is no collection `shop.things`
        next: list_collections shows what there is; names are case-sensitive"#]]
    .assert_eq(&find(&right));
}

//! What agents are told when the deployment, or the way to it, fails: each of it a result with a
//! code, and never the end of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bson::doc;
use lockkeeper_core::{Environment, Finding};
use lockkeeper_testkit::expect;
use lockkeeper_testkit::in_process::{InProcess, seen};
use lockkeeper_testkit::mongo::Deployment;
use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use super::stub::{self, Answer};
use crate::MongoDb;
use crate::source::plan::ScanGuard;
use crate::source::{Config, Mongo, Places};

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
fn a_watch_whose_history_is_gone_says_how_to_go_on() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let uri = stub::start(|_| stub::error(286, "ChangeStreamHistoryLost"));
    let mut client = InProcess::start::<MongoDb>(&[&uri], Era::Modern);
    let token = format!("r{}", URL_SAFE_NO_PAD.encode(doc! { "_data": "82" }.to_vec().unwrap()));
    let given = json!({"collection": "things", "resume_token": token, "max_wait": 1});
    let answer = seen(&client.call("watch", given));
    assert!(answer.starts_with("error: history_lost"), "{answer}");
    assert!(answer.contains("watch without resume_token"), "{answer}");
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
fn waiting_for_a_connection_is_no_failure_of_the_deployment() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let uri = stub::start(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Answer::Silence
    });
    let arguments = [uri.as_str(), "--connections", "1", "--call-budget", "1s"];
    let mut client = InProcess::start::<MongoDb>(&arguments, Era::Modern);
    let find = |id: u32| {
        let params = json!({"name": "find", "arguments": {"collection": "things"}});
        let params = Era::Modern.with_meta(&json!({}), params);
        json!({"jsonrpc": "2.0", "id": format!("f{id}"), "method": "tools/call", "params": params})
    };
    for id in 0..8 {
        client.send(&find(id));
    }
    let mut codes: Vec<String> = (0..8)
        .map(|_| seen(&client.receive()["result"]).split(':').nth(1).unwrap().trim().to_owned())
        .collect();
    codes.sort();
    // One had the connection, and only that one speaks about the deployment.
    assert_eq!(codes.iter().filter(|code| *code == "busy").count(), 7, "{codes:?}");
    assert_eq!(codes.last().unwrap(), "timeout");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
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

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// What `check` says of the deployment.
fn findings(uri: &str) -> Vec<Finding> {
    let config = Config {
        places: Places::One(Some(uri.to_owned())),
        database: None,
        connections: 8,
        scan_guard: ScanGuard::Off,
        allow_disk_use: false,
        export_dir: None,
    };
    let mongo = Mongo::open(config, &Environment::default()).unwrap();
    in_runtime(mongo.findings())
}

#[test]
fn logins_and_roles_are_told() {
    let storage = tempfile::tempdir().unwrap();
    let path = storage.path().to_str().unwrap();
    let Some(mut open) = Deployment::start(&["--storage-path", path]) else { return };
    let place = format!("127.0.0.1:{}/shop?directConnection=true", open.port());
    in_runtime(async {
        let client = mongodb::Client::with_uri_str(format!("mongodb://{place}")).await.unwrap();
        let users = [("reader", "read"), ("writer", "readWrite")];
        for (user, role) in users {
            let roles = vec![doc! { "role": role, "db": "shop" }];
            let user = doc! { "createUser": user, "pwd": "right", "roles": roles };
            client.database("shop").run_command(user).await.unwrap();
        }
        let things = client.database("shop").collection("things");
        things.insert_one(doc! { "_id": 1 }).await.unwrap();
        client.database("other").collection("things").insert_one(doc! { "_id": 1 }).await.unwrap();
    });
    let said = findings(&format!("mongodb://{place}"));
    assert!(said[0].state.ends_with("no TLS") && said[0].ok, "{said:?}");
    assert!(said[1].state.contains("anybody"), "{said:?}");
    open.end();
    let deployment = Deployment::start(&["--storage-path", path, "--auth"]).unwrap();
    let place = format!("127.0.0.1:{}/shop?directConnection=true", deployment.port());
    let reader = format!("mongodb://reader:right@{place}");
    expect![[r#"
        [1 document of shop.things]
        {"_id":1}
    "#]]
    .assert_eq(&find(&reader));
    expect![[r#"
        error: no_connection: the deployment refused the login
        next: ask the user to run this server's `check`, which says what is wrong"#]]
    .assert_eq(&find(&format!("mongodb://reader:wr0ng-p4ss@{place}")));
    expect![[r#"
        error: permission_denied: command find requires authentication (MongoDB 13 Unauthorized)
        next: the database user may not do this; tell the user, who can give it the role `read`"#]]
    .assert_eq(&find(&format!("mongodb://{place}")));
    let mut client = InProcess::start::<MongoDb>(&[&reader], Era::Modern);
    let other = json!({"database": "other", "collection": "things"});
    expect![[r#"
        error: permission_denied: not authorized on other to execute command (action: find) (MongoDB 13 Unauthorized)
        next: the database user may not do this; tell the user, who can give it the role `read`"#]].assert_eq(&seen(&client.call("find", other)));
    let said = findings(&reader);
    assert_eq!(said[1].state, "reader@shop, who can only read");
    let said = findings(&format!("mongodb://writer:right@{place}"));
    assert!(said[1].state.contains("`read` is enough"), "{said:?}");
}

#[test]
fn a_password_comes_from_its_own_source() {
    let storage = tempfile::tempdir().unwrap();
    let path = storage.path().to_str().unwrap();
    let Some(mut open) = Deployment::start(&["--storage-path", path]) else { return };
    in_runtime(async {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", open.port());
        let client = mongodb::Client::with_uri_str(uri).await.unwrap();
        let user = doc! { "createUser": "u", "pwd": "p4ss/w:rd@", "roles": ["readWrite"] };
        client.database("shop").run_command(user).await.unwrap();
        let things = client.database("shop").collection("things");
        things.insert_one(doc! { "_id": 1 }).await.unwrap();
    });
    open.end();
    let deployment = Deployment::start(&["--storage-path", path, "--auth"]).unwrap();
    let place = format!("127.0.0.1:{}/shop?directConnection=true", deployment.port());
    let secret = storage.path().join("secret");
    let write = |text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&secret, text).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let source = format!("file:{}", secret.display());
    write("wrong");
    let uri = format!("mongodb://u@{place}");
    let mut client = InProcess::start::<MongoDb>(&[&uri, "--credential", &source], Era::Modern);
    let things = json!({"collection": "things"});
    let refused = seen(&client.call("find", things.clone()));
    assert!(refused.starts_with("error: no_connection"), "{refused}");
    // A renewed password is seen without a new start.
    write("p4ss/w:rd@\n");
    let found = seen(&client.call("find", things.clone()));
    assert_eq!(found, "[1 document of shop.things]\n{\"_id\":1}\n");
    write(&format!("mongodb://u:p4ss%2Fw%3Ard%40@{place}"));
    let mut client = InProcess::start::<MongoDb>(&["--credential", &source], Era::Modern);
    assert_eq!(seen(&client.call("find", things)), found);
}

#[test]
fn tls_trusts_whom_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(place("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(place("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (place("cert.pem"), place("key.pem"));
    let arguments = ["--tls-cert-file", certificate.as_str(), "--tls-key-file", key.as_str()];
    let Some(deployment) = Deployment::start(&arguments) else { return };
    let uri =
        format!("mongodb://127.0.0.1:{}/shop?directConnection=true&tls=true", deployment.port());
    let trusted = find(&format!("{uri}&tlsCAFile={certificate}"));
    assert!(trusted.starts_with("error: not_found"), "{trusted}");
    let untrusted = find(&uri);
    assert!(untrusted.starts_with("error: no_connection"), "{untrusted}");
    let said = findings(&format!("{uri}&tlsAllowInvalidCertificates=true"));
    assert!(said[0].state.contains("nobody checks") && !said[0].ok, "{said:?}");
}

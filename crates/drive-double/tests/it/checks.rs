//! What isn't in Google's documents is refused and remembered.

use lockkeeper_drive_double::discovery::{Discovery, Problem};
use lockkeeper_drive_double::{Double, Fault, NewFile, READONLY, Seed};
use serde_json::json;

use crate::client::Session;

#[test]
fn requests_are_held_against_the_documents() {
    let check = |verb: &str, path: &str, query: &str| {
        Discovery::get().request(verb, path, query).map(|asked| asked.method.id.clone())
    };
    for (verb, path, query, id) in [
        ("GET", "/drive/v3/files", "pageSize=5&alt=json&prettyPrint=false", "drive.files.list"),
        ("GET", "/drive/v3/files/generateIds", "", "drive.files.generateIds"),
        ("DELETE", "/drive/v3/files/trash", "", "drive.files.emptyTrash"),
        ("DELETE", "/drive/v3/files/x", "", "drive.files.delete"),
        ("PATCH", "/upload/drive/v3/files/x", "uploadType=media", "drive.files.update"),
        ("PUT", "/upload/drive/v3/files", "upload_id=1", "drive.files.create"),
        ("GET", "/v4/spreadsheets/x/values/A1:B2", "", "sheets.spreadsheets.values.get"),
        ("GET", "/v4/spreadsheets/x/values:batchGet", "", "sheets.spreadsheets.values.batchGet"),
        ("POST", "/v4/spreadsheets/x/values/A1:append", "", "sheets.spreadsheets.values.append"),
        ("GET", "/v1/documents/x", "includeTabsContent=true", "docs.documents.get"),
    ] {
        assert_eq!(check(verb, path, query), Ok(id.to_owned()), "{verb} {path}");
    }
    for (verb, path) in [
        ("GET", "/drive/v2/files"),
        ("PUT", "/drive/v3/files/x"),
        ("POST", "/upload/drive/v3/files/x/permissions"),
        ("GET", "/upload/drive/v3/files"),
        ("GET", "/drive/v3/files/"),
    ] {
        assert!(matches!(check(verb, path, ""), Err(Problem::NoMethod(_))), "{verb} {path}");
    }
    for (query, name) in [
        ("pagesize=5", "pagesize"),
        ("pageSize=0", "pageSize"),
        ("pageSize=1001", "pageSize"),
        ("pageSize=many", "pageSize"),
        ("supportsAllDrives=1", "supportsAllDrives"),
        ("corpus=all", "corpus"),
        ("alt=xml", "alt"),
        ("q=a&q=b", "q"),
        ("fileId=x", "fileId"),
        ("q=%zz", "query"),
    ] {
        match check("GET", "/drive/v3/files", query) {
            Err(Problem::Parameter(found, _)) => assert_eq!(found, name, "{query}"),
            other => panic!("{query}: {other:?}"),
        }
    }
    let missing = check("GET", "/drive/v3/files/x/export", "");
    assert!(matches!(missing, Err(Problem::Parameter(name, _)) if name == "mimeType"));
    let day = |name: &str| {
        let mut all = Discovery::get().services().iter();
        all.find(|one| one.name == name).unwrap().revision.clone()
    };
    assert_eq!(
        (day("drive"), day("sheets"), day("docs")),
        ("20261106".into(), "20261019".into(), "20261006".into())
    );
}

#[test]
fn every_schema_of_an_answer_can_be_checked() {
    let documents = Discovery::get();
    for id in
        ["drive.files.get", "drive.changes.list", "docs.documents.get", "sheets.spreadsheets.get"]
    {
        let method = documents.method(id).unwrap();
        assert_eq!(documents.response_body(method, &json!({})), Vec::<String>::new());
        assert_eq!(documents.response_body(method, &json!({ "nonsense": 1 })).len(), 1, "{id}");
    }
    let file = documents.method("drive.files.get").unwrap();
    for wrong in [
        json!({ "size": 5 }),
        json!({ "size": "five" }),
        json!({ "modifiedTime": "yesterday" }),
        json!({ "owners": { "me": true } }),
        json!({ "capabilities": { "canFly": true } }),
        json!({ "properties": { "a": 1 } }),
    ] {
        assert_eq!(documents.response_body(file, &wrong).len(), 1, "{wrong}");
    }
    let update = documents.method("drive.files.update").unwrap();
    assert_eq!(
        documents.request_body(update, &json!({ "properties": { "a": null } })),
        Vec::<String>::new()
    );
    assert_eq!(documents.request_body(file, &json!({})).len(), 1);
}

#[test]
fn what_is_wrong_is_refused_and_remembered() {
    let session = Session::new(Seed::new().file(NewFile::text("a", "x").id("a")));
    assert_eq!(session.get("files?pageSizes=1").refused(), (400, "invalid".into()));
    assert_eq!(session.get("nothing").status, 404);
    assert_eq!(session.tell("PATCH", "files/a", &json!({ "nam": "x" })).refused().0, 400);
    assert_eq!(session.tell("PATCH", "files/a", &json!({ "name": 1 })).refused().0, 400);
    let found = session.double.take_violations();
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].contains("pageSizes") && found[2].contains("nam"), "{found:?}");
}

#[test]
#[should_panic(expected = "pageSizes")]
fn a_test_with_violations_fails() {
    let session = Session::new(Seed::new());
    session.get("files?pageSizes=1");
    drop(session);
}

#[test]
fn faults_and_the_log_are_for_the_method_that_they_name() {
    let session = Session::new(Seed::new().file(NewFile::text("a", "x").id("a")));
    session
        .double
        .fault(Fault::reason(403, "userRateLimitExceeded").on("drive.files.get").times(2));
    session.double.fault(Fault::status(429).retry_after(3).on("drive.files.list"));
    session.double.fault(Fault::lost(502).on("drive.files.update"));
    assert_eq!(session.get("files/a").refused(), (403, "userRateLimitExceeded".into()));
    let slow = session.get("files");
    assert_eq!((slow.status, slow.header("retry-after")), (429, "3"));
    session.get("files").ok();
    assert_eq!(session.tell("PATCH", "files/a", &json!({ "name": "b" })).status, 502);
    assert_eq!(session.get("files/a").refused().0, 403);
    assert_eq!(session.get("files/a").ok()["name"], "b");
    let log = session.double.log_of("drive.files.get");
    assert_eq!(log.iter().map(|seen| seen.status).collect::<Vec<_>>(), [403, 403, 200]);
    let patch = &session.double.log_of("drive.files.update")[0];
    assert_eq!((patch.verb.as_str(), patch.body.as_ref()), ("PATCH", &b"{\"name\":\"b\"}"[..]));
    assert!(patch.header("authorization").unwrap().starts_with("Bearer ya29."));
}

#[test]
fn the_same_requests_have_the_same_answers() {
    let seed = || Seed::new().file(NewFile::text("a", "x")).file(NewFile::folder("b"));
    let told = |session: Session| {
        session.tell("POST", "files", &json!({ "name": "c" })).ok();
        session.get("files?fields=*").ok()
    };
    let [one, other] =
        [(); 2].map(|()| Session::with(seed(), &[READONLY, lockkeeper_drive_double::FULL]));
    assert_eq!(told(one), told(other));
}

#[test]
fn tests_in_other_languages_control_it_by_http() {
    let session = Session::new(Seed::new());
    let post = |what: &str, body: &serde_json::Value| {
        session.send("POST", &format!("/__double/{what}"), &[], body.to_string())
    };
    let seed = json!({
        "drives": [{ "id": "0AX", "name": "X", "members": [["me@example.com", "writer"]] }],
        "files": [
            { "id": "f", "name": "f.txt", "mimeType": "text/plain", "body": { "text": "hello" } },
            { "name": "big", "mimeType": "a/b", "parents": ["0AX"], "body": { "rule": [1_000_000, 1] } },
        ],
    });
    post("seed", &seed).ok();
    assert_eq!(session.get("files/f?alt=media").body, "hello");
    let wrong = json!({ "files": [{ "name": "x", "mimeType": "a/b", "parents": ["none"] }] });
    assert_eq!(post("seed", &wrong).status, 400);
    post("fault", &json!({ "on": "drive.about", "act": { "refuse": { "status": 500 } } })).ok();
    assert_eq!(session.get("about?fields=*").status, 500);
    let token = post("token", &json!({ "scopes": [READONLY] })).ok();
    assert!(token["access_token"].is_string());
    let log = session.send("GET", "/__double/log", &[], "").ok();
    assert_eq!(log[1]["id"], "drive.about.get");
    assert_eq!(session.send("GET", "/__double/violations", &[], "").ok(), json!([]));
    post("advance", &json!({ "seconds": 4000 })).ok();
    assert_eq!(session.get("files").refused().0, 401);
    assert_eq!(post("nonsense", &json!({})).status, 400);
    let double = Double::start(Seed::new());
    assert_ne!(double.address().port(), session.double.address().port());
}

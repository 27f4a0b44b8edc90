//! Permissions, roles and what they allow, comments.

use lockkeeper_drive_double::{FULL, NewFile, PER_FILE, READONLY, Seed};
use serde_json::{Value, json};

use crate::client::{Session, q};

const BOB: &str = "bob@example.com";

fn seed() -> Seed {
    Seed::new()
        .user(BOB)
        .file(NewFile::folder("Mine").id("mine"))
        .file(NewFile::text("inside.txt", "x").id("inside").parent("mine"))
        .file(NewFile::text("alone.txt", "x").id("alone").parent("mine").shared_with(BOB, "reader"))
}

#[test]
fn what_is_shared_is_seen_with_what_is_in_it_and_without_what_is_above() {
    let mut session = Session::new(seed());
    let body = json!({ "type": "user", "role": "writer", "emailAddress": BOB });
    let made =
        session.tell("POST", "files/mine/permissions?sendNotificationEmail=false", &body).ok();
    assert_eq!((&made["role"], &made["type"]), (&json!("writer"), &json!("user")));
    let id = made["id"].as_str().unwrap().to_owned();
    let list = session.get("files/inside/permissions?fields=permissions(role,emailAddress)").ok();
    let wanted = json!([
        { "role": "owner", "emailAddress": "me@example.com" },
        { "role": "writer", "emailAddress": BOB },
    ]);
    assert_eq!(list["permissions"], wanted);
    let path = format!("files/inside/permissions/{id}");
    assert_eq!(
        session.tell("DELETE", &path, &Value::Null).refused().1,
        "cannotModifyInheritedPermission"
    );

    session.switch(BOB, &[FULL]);
    let seen = session.get("files/mine?fields=parents,ownedByMe,sharedWithMeTime").ok();
    assert_eq!((seen.get("parents"), &seen["ownedByMe"]), (None, &json!(false)));
    assert_eq!(session.get("files/inside?fields=parents").ok()["parents"], json!(["mine"]));
    session.tell("PATCH", "files/inside", &json!({ "name": "by bob" })).ok();
    let trash = session.tell("PATCH", "files/inside", &json!({ "trashed": true })).refused();
    assert_eq!(trash, (403, "insufficientFilePermissions".into()));
    let higher = json!({ "type": "user", "role": "owner", "emailAddress": BOB });
    let path = "files/inside/permissions?transferOwnership=true";
    assert_eq!(session.tell("POST", path, &higher).refused().0, 403);

    session.switch("me@example.com", &[FULL]);
    let path = format!("files/mine/permissions/{id}");
    assert_eq!(session.tell("PATCH", &path, &json!({ "role": "reader" })).ok()["role"], "reader");
    assert_eq!(session.tell("DELETE", &path, &Value::Null).status, 204);
    session.switch(BOB, &[FULL]);
    assert_eq!(session.get("files/inside").refused(), (404, "notFound".into()));
    assert_eq!(session.get("files/alone").status, 200);
    let gone = session.get("changes?pageToken=1&fields=changes(fileId,removed)").ok();
    assert!(
        gone["changes"]
            .as_array()
            .unwrap()
            .contains(&json!({ "fileId": "inside", "removed": true }))
            || gone["changes"]
                .as_array()
                .unwrap()
                .contains(&json!({ "fileId": "mine", "removed": true }))
    );
}

#[test]
fn readers_do_what_readers_may() {
    let mut session = Session::new(seed());
    session.switch(BOB, &[FULL]);
    let refused = |reply: crate::client::Reply| reply.refused();
    let no_right = (403, "insufficientFilePermissions".to_owned());
    assert_eq!(refused(session.tell("PATCH", "files/alone", &json!({ "name": "x" }))), no_right);
    assert_eq!(refused(session.tell("DELETE", "files/alone", &Value::Null)), no_right);
    assert_eq!(refused(session.get("files/alone/permissions")), no_right);
    assert_eq!(refused(session.get("files/alone/revisions")), no_right);
    let comment = json!({ "content": "hm" });
    assert_eq!(refused(session.tell("POST", "files/alone/comments?fields=*", &comment)), no_right);
    session.tell("PATCH", "files/alone", &json!({ "starred": true })).ok();
    assert_eq!(session.get("files/alone/comments?fields=*").ok()["comments"], json!([]));
    session.tell("POST", "files/alone/copy", &json!({})).ok();
    let may = session.get("files/alone?fields=capabilities").ok();
    let may = &may["capabilities"];
    assert_eq!(
        (&may["canEdit"], &may["canCopy"], &may["canShare"]),
        (&json!(false), &json!(true), &json!(false))
    );
    let none = json!({ "name": "x", "parents": ["mine"] });
    assert_eq!(session.tell("POST", "files", &none).refused().0, 404);
}

#[test]
fn wrong_permissions_are_refused() {
    let session = Session::new(seed());
    let create = |body: Value| session.tell("POST", "files/mine/permissions", &body).refused();
    assert_eq!(create(json!({ "role": "reader" })), (400, "required".into()));
    assert_eq!(create(json!({ "type": "user", "role": "reader" })), (400, "required".into()));
    assert_eq!(create(json!({ "type": "anyone", "role": "king" })), (400, "invalid".into()));
    assert_eq!(create(json!({ "type": "anyone", "role": "organizer" })).0, 403);
    let owner = json!({ "type": "user", "role": "owner", "emailAddress": BOB });
    assert_eq!(create(owner.clone()), (403, "forbidden".into()));
    let path = "files/mine/permissions?transferOwnership=true";
    session.tell("POST", path, &owner).ok();
    let file = session.get("files/mine?fields=ownedByMe,owners/emailAddress").ok();
    assert_eq!(file, json!({ "ownedByMe": false, "owners": [{ "emailAddress": BOB }] }));
}

#[test]
fn comments_are_answered_resolved_and_deleted() {
    let session = Session::new(seed());
    let body = json!({
        "content": "is <this> right?",
        "quotedFileContent": { "mimeType": "text/html", "value": "this" },
    });
    let made = session.tell("POST", "files/inside/comments?fields=*", &body).ok();
    assert_eq!(made["htmlContent"], "is &lt;this&gt; right?");
    assert_eq!(made["author"]["me"], true);
    let id = made["id"].as_str().unwrap();
    let path = format!("files/inside/comments/{id}");
    let reply = json!({ "content": "yes", "action": "resolve" });
    let reply = session.tell("POST", &format!("{path}/replies?fields=*"), &reply).ok();
    let now = session.get(&format!("{path}?fields=resolved,replies(content,action)")).ok();
    let wanted =
        json!({ "resolved": true, "replies": [{ "content": "yes", "action": "resolve" }] });
    assert_eq!(now, wanted);
    let reply = format!("{path}/replies/{}", reply["id"].as_str().unwrap());
    session.tell("PATCH", &format!("{reply}?fields=content"), &json!({ "content": "no" })).ok();
    assert_eq!(session.get(&format!("{reply}?fields=content")).ok()["content"], "no");
    session.tell("DELETE", &reply, &Value::Null).ok();
    assert_eq!(session.get(&format!("{path}/replies?fields=replies")).ok()["replies"], json!([]));
    session.tell("DELETE", &path, &Value::Null).ok();
    assert_eq!(session.get(&format!("{path}?fields=*")).refused(), (404, "notFound".into()));
    let deleted = session.get("files/inside/comments?fields=*&includeDeleted=true").ok();
    assert_eq!(
        (&deleted["comments"][0]["deleted"], deleted["comments"][0].get("content")),
        (&json!(true), None)
    );
    let empty = session.tell("POST", "files/inside/comments?fields=*", &json!({})).refused();
    assert_eq!(empty, (400, "required".into()));
}

#[test]
fn scopes_are_those_of_googles_document() {
    let mut session =
        Session::with(seed().file(NewFile::text("app", "x").id("app").by_app()), &[READONLY]);
    assert_eq!(session.get("files/inside?alt=media").body, "x");
    let write = session.tell("PATCH", "files/inside", &json!({ "name": "x" }));
    assert_eq!(write.refused(), (403, "insufficientPermissions".into()));
    let error = write.error();
    assert_eq!(error["status"], "PERMISSION_DENIED");
    assert_eq!(error["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    assert!(write.header("www-authenticate").contains("insufficient_scope"));

    // With `drive.file` there is nothing but what the application made or was given.
    session.switch("me@example.com", &[PER_FILE]);
    assert_eq!(session.get("files/inside").refused(), (404, "notFound".into()));
    assert_eq!(session.names(&q("trashed = false")), ["app"]);
    session.tell("PATCH", "files/app", &json!({ "name": "app 2" })).ok();
    session.tell("POST", "files", &json!({ "name": "new" })).ok();
    assert_eq!(session.names("orderBy=name"), ["app 2", "new"]);
    session.switch("me@example.com", &[READONLY, PER_FILE]);
    let other = session.tell("PATCH", "files/inside", &json!({ "name": "x" })).refused();
    assert_eq!(other, (403, "appNotAuthorizedToFile".into()));

    session.switch("me@example.com", &["https://www.googleapis.com/auth/drive.metadata.readonly"]);
    assert_eq!(session.get("files/inside?fields=size").ok()["size"], "1");
    assert_eq!(
        session.get("files/inside?alt=media").refused(),
        (403, "insufficientPermissions".into())
    );
    assert_eq!(session.get("files/inside/comments?fields=*").refused().0, 403);
}

//! Files: their fields, their places, the trash, copies.

use lockkeeper_drive_double::{NewFile, READONLY, Seed, mime};
use serde_json::{Value, json};

use crate::client::{Session, q};

fn seed() -> Seed {
    Seed::new()
        .file(NewFile::folder("Plans").id("plans"))
        .file(NewFile::folder("Old").id("old").parent("plans"))
        .file(NewFile::text("notes.txt", "hello").id("notes").parent("plans"))
        .file(NewFile::document("Doc", "# Title\n\nText").id("doc"))
        .file(NewFile::shortcut("link", "notes").id("link"))
}

#[test]
fn only_default_fields_come_unless_others_are_asked_for() {
    let session = Session::new(seed());
    assert_eq!(
        session.get("files/notes").ok(),
        json!({ "kind": "drive#file", "id": "notes", "name": "notes.txt", "mimeType": "text/plain" })
    );
    let list = session.get("files?pageSize=1").ok();
    let names: Vec<&String> = list["files"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "kind", "mimeType", "name"]);
    assert_eq!(list["kind"], "drive#fileList");
    let some = session.get("files/notes?fields=size,parents,capabilities/canEdit").ok();
    let wanted = json!({ "size": "5", "parents": ["plans"], "capabilities": { "canEdit": true } });
    assert_eq!(some, wanted);
    let wrong = session.get("files/notes?fields=id,nonsense");
    assert_eq!(wrong.refused(), (400, "invalidParameter".into()));
    assert_eq!(wrong.error()["message"], "Invalid field selection nonsense");
    assert_eq!(session.get("about").refused(), (400, "required".into()));
    assert_eq!(session.get("files/notes/comments").refused(), (400, "required".into()));
}

#[test]
fn all_fields_of_everything_are_of_googles_schema() {
    let session = Session::new(seed().drive("0AD", "Team", "organizer"));
    for id in ["plans", "notes", "doc", "link", "root"] {
        let all = session.get(&format!("files/{id}?fields=*")).ok();
        assert!(all["webViewLink"].is_string() && all["owners"][0]["me"] == true, "{all}");
    }
    let notes = session.get("files/notes?fields=*").ok();
    assert_eq!(notes["md5Checksum"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(notes["headRevisionId"].as_str().unwrap().len(), 51);
    assert!(session.get("files/doc?fields=*").ok()["md5Checksum"].is_null());
    let link = session.get("files/link?fields=shortcutDetails").ok();
    assert_eq!(
        link["shortcutDetails"],
        json!({ "targetId": "notes", "targetMimeType": "text/plain" })
    );
    let about = session.get("about?fields=*").ok();
    assert_eq!(about["user"]["emailAddress"], "me@example.com");
    let formats = about["exportFormats"][mime::DOCUMENT].as_array().unwrap();
    assert!(formats.contains(&json!("text/markdown")));
    session.get("drives/0AD?fields=*").ok();
}

#[test]
fn files_are_made_changed_moved_and_trashed() {
    let session = Session::new(seed());
    let made = session.tell(
        "POST",
        "files?fields=id,parents,name,starred,properties",
        &json!({ "name": "New", "mimeType": mime::FOLDER, "properties": { "a": "b", "c": "d" } }),
    );
    let made = made.ok();
    let id = made["id"].as_str().unwrap();
    let root = session.get("files/root").ok()["id"].clone();
    assert_eq!(made["parents"], json!([root]));
    let changed = session.tell(
        "PATCH",
        &format!("files/{id}?fields=name,starred,properties,description"),
        &json!({ "name": "Newer", "starred": true, "properties": { "a": null }, "description": "d" }),
    );
    let wanted = json!({
        "name": "Newer", "starred": true, "properties": { "c": "d" }, "description": "d",
    });
    assert_eq!(changed.ok(), wanted);

    let path = format!("files/notes?addParents={id}&removeParents=plans&fields=parents");
    assert_eq!(session.tell("PATCH", &path, &Value::Null).ok()["parents"], json!([id]));
    let second = session.tell("PATCH", "files/notes?addParents=plans", &Value::Null);
    assert_eq!(second.refused(), (403, "cannotAddParent".into()));
    let inside =
        session.tell("PATCH", "files/plans?addParents=old&removeParents=root", &Value::Null);
    assert_eq!(inside.refused().0, 403);
    let body = json!({ "parents": ["plans"] });
    let written = session.tell("PATCH", "files/notes", &body).refused();
    assert_eq!(written, (403, "fieldNotWritable".into()));
    let wrong = session.tell("PATCH", "files/notes", &json!({ "size": "7" })).refused();
    assert_eq!(wrong, (403, "fieldNotWritable".into()));

    session.tell("PATCH", &format!("files/{id}"), &json!({ "trashed": true })).ok();
    let inner = session.get("files/notes?fields=trashed,explicitlyTrashed").ok();
    assert_eq!(inner, json!({ "trashed": true, "explicitlyTrashed": false }));
    assert_eq!(session.names(&q("trashed = true")), ["Newer", "notes.txt"]);
    session.tell("PATCH", &format!("files/{id}"), &json!({ "trashed": false })).ok();
    assert_eq!(session.names(&q("trashed = true")), Vec::<String>::new());
    assert_eq!(session.tell("DELETE", &format!("files/{id}"), &Value::Null).status, 204);
    assert_eq!(session.get("files/notes").refused(), (404, "notFound".into()));
    assert_eq!(session.get("files/notes").error()["message"], "File not found: notes.");
}

#[test]
fn copies_are_of_files_and_not_of_folders() {
    let session = Session::new(seed());
    let copied = session.tell("POST", "files/notes/copy?fields=name,id,parents", &json!({})).ok();
    assert_eq!(
        (&copied["name"], &copied["parents"]),
        (&json!("Copy of notes.txt"), &json!(["plans"]))
    );
    let id = copied["id"].as_str().unwrap();
    assert_eq!(session.get(&format!("files/{id}?alt=media")).body, "hello");
    let body = json!({ "name": "Mine", "parents": ["old"] });
    let copied = session.tell("POST", "files/doc/copy?fields=name,parents", &body).ok();
    assert_eq!(copied, json!({ "name": "Mine", "parents": ["old"] }));
    let folder = session.tell("POST", "files/plans/copy", &json!({})).refused();
    assert_eq!(folder, (403, "cannotCopyFile".into()));
}

#[test]
fn shortcuts_and_given_ids_are_taken() {
    let session = Session::new(seed());
    let ids = session.get("files/generateIds?count=2").ok();
    let id = ids["ids"][0].as_str().unwrap();
    assert_eq!((id.len(), ids["ids"].as_array().unwrap().len()), (33, 2));
    let body = json!({
        "id": id, "name": "to plans", "mimeType": mime::SHORTCUT,
        "shortcutDetails": { "targetId": "plans" },
    });
    let made = session.tell("POST", "files?fields=id,shortcutDetails", &body).ok();
    assert_eq!(made["id"], id);
    assert_eq!(made["shortcutDetails"]["targetMimeType"], mime::FOLDER);
    assert_eq!(session.tell("POST", "files", &body).refused(), (409, "fileIdInUse".into()));
    assert_eq!(session.names(&q("shortcutDetails.targetId = 'plans'")), ["to plans"]);
    let folder = json!({ "name": "x", "parents": ["plans", "old"] });
    assert_eq!(session.tell("POST", "files", &folder).refused().0, 403);
    let lost = json!({ "name": "x", "parents": ["nowhere"] });
    assert_eq!(session.tell("POST", "files", &lost).refused(), (404, "notFound".into()));
    let file = json!({ "name": "x", "parents": ["notes"] });
    assert_eq!(session.tell("POST", "files", &file).refused().0, 403);
}

#[test]
fn revisions_are_kept_listed_and_read() {
    let session = Session::new(seed());
    let kind = [("content-type", "text/plain")];
    session
        .send("PATCH", "/upload/drive/v3/files/notes?uploadType=media", &kind, "hello again")
        .ok();
    let list = session.get("files/notes/revisions?fields=*").ok();
    let all = list["revisions"].as_array().unwrap();
    assert_eq!((all.len(), &all[0]["size"], &all[1]["size"]), (2, &json!("5"), &json!("11")));
    let head = session.get("files/notes?fields=headRevisionId,size,version").ok();
    assert_eq!((&head["headRevisionId"], &head["size"]), (&all[1]["id"], &json!("11")));
    let first = all[0]["id"].as_str().unwrap();
    assert_eq!(session.get(&format!("files/notes/revisions/{first}?alt=media")).body, "hello");
    let keep = json!({ "keepForever": true });
    let path = format!("files/notes/revisions/{first}?fields=keepForever");
    assert_eq!(session.tell("PATCH", &path, &keep).ok(), keep);
    let path = format!("files/notes/revisions/{first}");
    assert_eq!(session.tell("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(session.get(&path).refused(), (404, "notFound".into()));
    let last = format!("files/notes/revisions/{}", all[1]["id"].as_str().unwrap());
    assert_eq!(session.tell("DELETE", &last, &Value::Null).refused().0, 403);
}

#[test]
fn changes_are_told_once_each_with_what_is_gone() {
    let session = Session::with(seed(), &[READONLY]);
    let start = session.get("changes/startPageToken").ok();
    let start = start["startPageToken"].as_str().unwrap();
    let mut session = session;
    session.switch("me@example.com", &[lockkeeper_drive_double::FULL]);
    session.tell("PATCH", "files/notes", &json!({ "name": "a" })).ok();
    session.tell("PATCH", "files/notes", &json!({ "name": "b" })).ok();
    session.tell("DELETE", "files/doc", &Value::Null).ok();
    let first = session.get(&format!("changes?pageToken={start}&pageSize=1")).ok();
    assert_eq!(first["changes"][0]["file"]["name"], "b");
    let next = first["nextPageToken"].as_str().unwrap();
    let second = session.get(&format!("changes?pageToken={next}")).ok();
    let gone = &second["changes"][0];
    assert_eq!((&gone["fileId"], &gone["removed"]), (&json!("doc"), &json!(true)));
    let end = second["newStartPageToken"].as_str().unwrap();
    let nothing = session.get(&format!("changes?pageToken={end}")).ok();
    assert_eq!(nothing["changes"], json!([]));
    let without = session.get(&format!("changes?pageToken={next}&includeRemoved=false")).ok();
    assert_eq!(without["changes"], json!([]));
    assert_eq!(session.get("changes?pageToken=99999").refused(), (400, "invalid".into()));
}

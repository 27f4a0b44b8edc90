//! Shared drives, and what is asked for by those who know about them.

use lockkeeper_drive_double::{NewFile, Seed};
use serde_json::{Value, json};

use crate::client::{Session, q};

const ALL: &str = "supportsAllDrives=true&includeItemsFromAllDrives=true";

fn seed() -> Seed {
    Seed::new()
        .drive("0ATEAM", "Team", "writer")
        .drive("0AOTHER", "Other", "reader")
        .file(NewFile::text("mine.txt", "x").id("mine"))
        .file(NewFile::folder("Docs").id("docs").parent("0ATEAM"))
        .file(NewFile::text("team.txt", "x").id("team").parent("docs"))
        .file(NewFile::text("seen.txt", "x").id("seen").parent("0ATEAM").viewed())
        .file(NewFile::text("other.txt", "x").id("other").parent("0AOTHER"))
}

#[test]
fn whoever_doesnt_say_so_gets_no_such_file() {
    let session = Session::new(seed());
    assert_eq!(session.get("files/team").refused(), (404, "notFound".into()));
    let file = session.get("files/team?supportsAllDrives=true&fields=driveId,owners,parents").ok();
    assert_eq!(file, json!({ "driveId": "0ATEAM", "parents": ["docs"] }));
    assert_eq!(session.get("files/team?alt=media").refused().0, 404);
    assert_eq!(session.get("files/team?alt=media&supportsTeamDrives=true").body, "x");
    let patch = session.tell("PATCH", "files/team", &json!({ "name": "x" })).refused();
    assert_eq!(patch, (404, "notFound".into()));
    // These methods know no such parameter, and need none.
    session.get("files/team/comments?fields=*").ok();
    session.get("files/team/revisions").ok();
    let top = session.get("files/0ATEAM?supportsAllDrives=true&fields=name,capabilities").ok();
    assert_eq!((&top["name"], &top["capabilities"]["canTrash"]), (&json!("Team"), &json!(false)));
}

#[test]
fn searches_look_where_the_corpus_says() {
    let session = Session::new(seed());
    assert_eq!(session.names("orderBy=name"), ["mine.txt"]);
    assert_eq!(session.names(&format!("{ALL}&orderBy=name")), ["mine.txt", "seen.txt"]);
    assert_eq!(session.names(&format!("{ALL}&{}", q("'docs' in parents"))), ["team.txt"]);
    assert_eq!(
        session.names(&format!("{ALL}&{}&orderBy=name", q("'0ATEAM' in parents"))),
        ["Docs", "seen.txt"]
    );
    assert_eq!(
        session.names(&format!("{ALL}&corpora=drive&driveId=0ATEAM&orderBy=name")),
        ["Docs", "seen.txt", "team.txt"]
    );
    let all =
        format!("files?{ALL}&corpora=allDrives&orderBy=name&fields=incompleteSearch,files/name");
    let found = session.get(&all).ok();
    assert_eq!(
        (&found["incompleteSearch"], found["files"].as_array().unwrap().len()),
        (&json!(false), 5)
    );
    session.double.search_incompletely();
    assert_eq!(session.get(&all).ok()["incompleteSearch"], true);
    let refused = |query: &str| session.get(&format!("files?{query}")).refused();
    assert_eq!(refused("corpora=drive"), (400, "teamDriveIdRequiresTeamDriveCorpora".into()));
    assert_eq!(refused("driveId=0ATEAM").0, 400);
    assert_eq!(refused("corpora=allDrives&supportsAllDrives=true").0, 403);
    assert_eq!(refused("includeItemsFromAllDrives=true").0, 403);
}

#[test]
fn roles_in_a_drive_hold_for_what_is_in_it() {
    let session = Session::new(seed());
    let path = "files/team?supportsAllDrives=true";
    session.tell("PATCH", path, &json!({ "name": "x" })).ok();
    let trash = session.tell("PATCH", path, &json!({ "trashed": true })).refused();
    assert_eq!(trash, (403, "insufficientFilePermissions".into()));
    let other =
        session.tell("PATCH", "files/other?supportsAllDrives=true", &json!({ "name": "x" }));
    assert_eq!(other.refused(), (403, "insufficientFilePermissions".into()));
    let new = json!({ "name": "n", "parents": ["0AOTHER"] });
    let refused = session.tell("POST", "files?supportsAllDrives=true", &new).refused();
    assert_eq!(refused, (403, "insufficientParentPermissions".into()));
    let new = json!({ "name": "n", "parents": ["docs"] });
    assert_eq!(session.tell("POST", "files", &new).refused().0, 404);
    let made =
        session.tell("POST", "files?supportsAllDrives=true&fields=driveId,ownedByMe", &new).ok();
    assert_eq!(made, json!({ "driveId": "0ATEAM", "ownedByMe": false }));
    let list = session.get("files/team/permissions?supportsAllDrives=true&fields=*").ok();
    let detail = &list["permissions"][0]["permissionDetails"][0];
    assert_eq!((&detail["inherited"], &detail["inheritedFrom"]), (&json!(true), &json!("0ATEAM")));
    let into =
        "files/mine?addParents=docs&removeParents=root&supportsAllDrives=true&fields=driveId";
    assert_eq!(session.tell("PATCH", into, &Value::Null).ok()["driveId"], "0ATEAM");
}

#[test]
fn drives_are_listed_made_and_removed() {
    let session = Session::new(seed());
    let list = session.get("drives").ok();
    let wanted = json!({ "kind": "drive#drive", "id": "0AOTHER", "name": "Other" });
    assert_eq!(list["drives"][0], wanted);
    let made = session.tell("POST", "drives?requestId=1", &json!({ "name": "New" })).ok();
    let path = format!("drives/{}", made["id"].as_str().unwrap());
    assert_eq!(session.tell("PATCH", &path, &json!({ "name": "Newer" })).ok()["name"], "Newer");
    assert_eq!(
        session.tell("POST", &format!("{path}/hide?fields=hidden"), &Value::Null).ok()["hidden"],
        true
    );
    assert_eq!(session.tell("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(session.get(&path).refused(), (404, "notFound".into()));
    assert_eq!(session.tell("PATCH", "drives/0ATEAM", &json!({ "name": "x" })).refused().0, 403);
    let start = session.get("changes/startPageToken?driveId=0ATEAM&supportsAllDrives=true").ok();
    let start = start["startPageToken"].as_str().unwrap();
    session.tell("PATCH", "files/team?supportsAllDrives=true", &json!({ "name": "x" })).ok();
    session.tell("PATCH", "files/mine", &json!({ "name": "y" })).ok();
    let of_drive = session.get(&format!("changes?pageToken={start}&driveId=0ATEAM&{ALL}")).ok();
    let of_user = session.get(&format!("changes?pageToken={start}")).ok();
    let ids = |list: &Value| -> Vec<String> {
        let all = list["changes"].as_array().unwrap().iter();
        all.map(|one| one["fileId"].as_str().unwrap_or("drive").to_owned()).collect()
    };
    assert_eq!((ids(&of_drive), ids(&of_user)), (vec!["team".into()], vec!["mine".into()]));
}

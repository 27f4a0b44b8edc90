//! `files.list`.

use lockkeeper_drive_double::{NewFile, NewSheet, Seed};
use serde_json::json;

use crate::client::{Session, q};

fn seed() -> Seed {
    let sheet = NewSheet { title: "A".into(), rows: vec![vec![json!("walrus"), json!(7)]] };
    Seed::new()
        .user("bob@example.com")
        .file(NewFile::folder("Plans").id("plans").modified("2026-01-01T00:00:00Z"))
        .file(NewFile::text("alpha.txt", "the harvest was good").modified("2026-01-02T00:00:00Z"))
        .file(
            NewFile::text("it's.txt", "nothing")
                .id("its")
                .parent("plans")
                .modified("2026-01-03T00:00:00Z")
                .starred(),
        )
        .file(NewFile::spreadsheet("Budget", vec![sheet]).modified("2026-01-04T00:00:00Z"))
        .file(
            NewFile::text("shared.txt", "from bob")
                .owner("bob@example.com")
                .shared_with("me@example.com", "reader")
                .modified("2026-01-05T00:00:00Z"),
        )
        .file(NewFile::text("secret.txt", "of bob").owner("bob@example.com").id("secret"))
        .file(
            NewFile::text("linked.txt", "of bob")
                .owner("bob@example.com")
                .id("linked")
                .shared_with_anyone("reader"),
        )
}

#[test]
fn a_search_finds_what_its_query_says_and_only_what_the_user_sees() {
    let session = Session::new(seed());
    assert_eq!(
        session.names("orderBy=name"),
        ["alpha.txt", "Budget", "it's.txt", "Plans", "shared.txt"]
    );
    assert_eq!(session.names(&q("name contains 'alp'")), ["alpha.txt"]);
    assert_eq!(session.names(&q(r"name = 'it\'s.txt'")), ["it's.txt"]);
    assert_eq!(session.names(&q("'plans' in parents and trashed = false")), ["it's.txt"]);
    assert_eq!(session.names(&q("fullText contains 'walrus'")), ["Budget"]);
    assert_eq!(session.names(&q("sharedWithMe = true")), ["shared.txt"]);
    assert_eq!(session.names(&q("starred = true")), ["it's.txt"]);
    assert_eq!(session.names(&q("'bob@example.com' in owners")), ["shared.txt"]);
    assert_eq!(
        session.names(&q("'me' in owners and modifiedTime > '2026-01-03T12:00:00'")),
        ["Budget"]
    );
    assert_eq!(session.names(&q("'root' in parents and mimeType contains 'text/'")), ["alpha.txt"]);
    // What has a link is there for those who know it.
    assert_eq!(session.get("files/linked?alt=media").body, "of bob");
    assert_eq!(session.get("files/secret").refused(), (404, "notFound".into()));
}

#[test]
fn a_wrong_search_is_refused_as_google_refuses_it() {
    let session = Session::new(seed());
    let wrong = session.get(&format!("files?{}", q("hello world")));
    assert_eq!(wrong.refused(), (400, "invalid".into()));
    assert_eq!(wrong.error()["errors"][0]["location"], "q");
    let lost = session.get(&format!("files?{}", q("'secret' in parents")));
    assert_eq!(lost.refused(), (404, "notFound".into()));
    assert_eq!(lost.error()["message"], "File not found: .");
    let sorted = session.get(&format!("files?orderBy=name&{}", q("fullText contains 'a'")));
    assert_eq!(sorted.refused(), (403, "forbidden".into()));
    assert_eq!(sorted.error()["errors"][0]["location"], "orderBy");
    assert_eq!(session.get("files?orderBy=size").refused(), (400, "invalid".into()));
    assert_eq!(session.get("files?orderBy=name%20up").refused(), (400, "invalid".into()));
    assert_eq!(session.get("files?corpora=everything").refused(), (400, "invalid".into()));
}

#[test]
fn order_is_by_keys_up_and_down() {
    let session = Session::new(seed());
    assert_eq!(
        session.names("orderBy=folder,modifiedTime%20desc"),
        ["Plans", "shared.txt", "Budget", "it's.txt", "alpha.txt"]
    );
    assert_eq!(session.names("orderBy=name%20desc")[0], "shared.txt");
}

#[test]
fn pages_go_on_only_for_the_query_that_they_are_of() {
    let session = Session::new(seed());
    let first = session.get("files?pageSize=2&orderBy=name").ok();
    let token = first["nextPageToken"].as_str().unwrap();
    let second = session.get(&format!("files?pageSize=2&orderBy=name&pageToken={token}")).ok();
    assert_eq!(second["files"][0]["name"], "it's.txt");
    let last = second["nextPageToken"].as_str().unwrap();
    let third = session.get(&format!("files?pageSize=2&orderBy=name&pageToken={last}")).ok();
    assert_eq!((third["files"].as_array().unwrap().len(), third.get("nextPageToken")), (1, None));
    let other = session.get(&format!("files?pageSize=2&pageToken={token}"));
    assert_eq!(other.refused(), (400, "invalid".into()));
    assert_eq!(other.error()["errors"][0]["location"], "pageToken");
    assert_eq!(session.get("files?pageToken=x").refused(), (400, "invalid".into()));
    // It ends with time, and tokens of access end sooner.
    session.double.advance(4 * 3600);
    assert_eq!(session.get("files").refused(), (401, "authError".into()));
    let token_of_access = session.double.token(&[lockkeeper_drive_double::FULL]);
    let bearer = format!("Bearer {token_of_access}");
    let path = format!("/drive/v3/files?pageSize=2&orderBy=name&pageToken={token}");
    let late = session.send("GET", &path, &[("authorization", &bearer)], "");
    assert_eq!(late.refused(), (400, "invalid".into()));
    session.double.most_on_a_page(1);
    let short = session.send("GET", "/drive/v3/files", &[("authorization", &bearer)], "").ok();
    assert_eq!(short["files"].as_array().unwrap().len(), 1);
}

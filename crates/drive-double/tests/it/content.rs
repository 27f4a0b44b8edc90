//! Content on its way out: downloads, ranges, exports, Sheets and Docs.

use lockkeeper_drive_double::{Fault, NewFile, NewSheet, Seed, mime};
use serde_json::json;

use crate::client::Session;

const LENGTH: u64 = 3 * 1024 * 1024 * 1024;

fn seed() -> Seed {
    let rows = vec![vec![json!("name"), json!("n")], vec![json!("a, b"), json!(7)]];
    let first = NewSheet { title: "First".into(), rows };
    let second =
        NewSheet { title: "It's 2".into(), rows: vec![vec![json!(true), json!(null), json!(1.5)]] };
    Seed::new()
        .user("bob@example.com")
        .file(NewFile::text("a.txt", "0123456789").id("a"))
        .file(NewFile::text("empty", "").id("empty"))
        .file(NewFile::large("big.bin", LENGTH, 5).id("big"))
        .file(NewFile::folder("folder").id("folder"))
        .file(
            NewFile::document("Doc", "# Title\n\nSome **text**")
                .id("doc")
                .tab("One", "# Title")
                .tab("Two", "é2"),
        )
        .file(
            NewFile::document("Huge", "x")
                .id("huge")
                .large_export("text/markdown", 10 * 1024 * 1024 + 1, 1)
                .large_export("text/plain", 10 * 1024 * 1024, 1),
        )
        .file(NewFile::spreadsheet("Sheet", vec![first, second]).id("sheet"))
        .file(NewFile::presentation("Slides", &["one", "two"]).id("slides"))
        .file(
            NewFile::text("locked.txt", "x")
                .id("locked")
                .owner("bob@example.com")
                .shared_with("me@example.com", "reader")
                .copy_needs_writer(),
        )
}

fn ranged(session: &Session, id: &str, range: &str) -> crate::client::Reply {
    session.send("GET", &format!("/drive/v3/files/{id}?alt=media"), &[("range", range)], "")
}

#[test]
fn ranges_are_parts_of_the_content() {
    let session = Session::new(seed());
    let whole = session.get("files/a?alt=media");
    assert_eq!((whole.status, whole.header("content-length")), (200, "10"));
    assert_eq!(whole.header("content-type"), "text/plain");
    for (range, wanted, header) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let part = ranged(&session, "a", range);
        assert_eq!((part.status, part.body.as_ref()), (206, wanted.as_bytes()));
        assert_eq!(part.header("content-range"), header);
    }
    let beyond = ranged(&session, "a", "bytes=10-");
    assert_eq!(beyond.refused(), (416, "requestedRangeNotSatisfiable".into()));
    assert_eq!(beyond.header("content-range"), "bytes */10");
    assert_eq!(ranged(&session, "empty", "bytes=0-5").status, 416);
    assert_eq!(session.get("files/empty?alt=media").body, "");
    // More than one part, or none at all, is answered as if nothing had been asked.
    assert_eq!(ranged(&session, "a", "bytes=0-1,3-4").status, 200);
    assert_eq!(ranged(&session, "a", "bytes=5-2").status, 200);
}

#[test]
fn what_is_large_is_made_as_it_is_read() {
    let session = Session::new(seed());
    let from = LENGTH - 70_000;
    let end = ranged(&session, "big", &format!("bytes={from}-"));
    assert_eq!((end.status, end.body.len()), (206, 70_000));
    let again = ranged(&session, "big", &format!("bytes={}-{}", LENGTH - 10, LENGTH - 1));
    assert_eq!(again.body, end.body[end.body.len() - 10..]);
    let size = session.get("files/big?fields=size").ok();
    assert_eq!(size["size"], LENGTH.to_string());
}

#[test]
fn what_cant_be_downloaded_says_so() {
    let session = Session::new(seed());
    let native = session.get("files/doc?alt=media");
    assert_eq!(native.refused(), (403, "fileNotDownloadable".into()));
    assert_eq!(session.get("files/folder?alt=media").refused().0, 403);
    assert_eq!(session.get("files/locked?alt=media").refused(), (403, "cannotDownloadFile".into()));
    let may = session.get("files/locked?fields=capabilities(canDownload,canCopy,canEdit)").ok();
    let none = json!({ "canDownload": false, "canCopy": false, "canEdit": false });
    assert_eq!(may["capabilities"], none);
    let file = session.get("files/a/export?mimeType=text/plain");
    assert_eq!(file.refused(), (403, "fileNotExportable".into()));
    let kind = session.get("files/doc/export?mimeType=text/csv");
    assert_eq!(kind.refused(), (400, "badRequest".into()));
}

#[test]
fn exports_are_converted_and_end_at_ten_megabytes() {
    let session = Session::new(seed());
    let export = |id: &str, kind: &str| session.get(&format!("files/{id}/export?mimeType={kind}"));
    assert_eq!(export("doc", "text/markdown").body, "# Title\n\nSome **text**");
    assert_eq!(export("doc", "text/plain").body, "\u{feff}Title\r\n\r\nSome text");
    assert_eq!(export("sheet", "text/csv").body, "name,n\r\n\"a, b\",7");
    assert_eq!(export("slides", "text/plain").body, "\u{feff}one\r\n\r\ntwo");
    assert_eq!(export("huge", "text/plain").body.len(), 10 * 1024 * 1024);
    assert_eq!(export("huge", "text/markdown").refused(), (403, "exportSizeLimitExceeded".into()));
    // Ranges are for what is stored.
    let path = "/drive/v3/files/doc/export?mimeType=text/markdown";
    assert_eq!(session.send("GET", path, &[("range", "bytes=0-3")], "").status, 200);
}

#[test]
fn an_answer_breaks_off_where_the_fault_says() {
    let session = Session::new(seed());
    session.double.fault(Fault::cut(4).on("drive.files.get"));
    let cut = session.get("files/a?alt=media");
    assert!(cut.broke && cut.body == "0123", "{cut:?}");
    assert_eq!(session.get("files/a?alt=media").body, "0123456789");
}

#[test]
fn values_of_sheets_are_read_by_ranges() {
    let session = Session::new(seed());
    let get = |path: &str| session.send("GET", &format!("/v4/spreadsheets/sheet{path}"), &[], "");
    let all = get("").ok();
    assert_eq!(all["sheets"][1]["properties"]["title"], "It's 2");
    assert_eq!(all["sheets"][0]["properties"]["gridProperties"]["rowCount"], 1000);
    let values = |range: &str| get(&format!("/values/{range}")).ok();
    let first = values("First");
    assert_eq!(first["range"], "First!A1:Z1000");
    assert_eq!(first["values"], json!([["name", "n"], ["a, b", "7"]]));
    assert_eq!(values("B2")["values"], json!([["7"]]));
    assert_eq!(values("First!A2:A")["values"], json!([["a, b"]]));
    assert_eq!(values("'It''s%202'!1:1")["values"], json!([["TRUE", "", "1.5"]]));
    assert_eq!(values("C1:D9").get("values"), None);
    let raw = get("/values/First!B2?valueRenderOption=UNFORMATTED_VALUE").ok();
    assert_eq!(raw["values"], json!([[7]]));
    let columns = get("/values/First!A1:B2?majorDimension=COLUMNS").ok();
    assert_eq!(columns["values"], json!([["name", "a, b"], ["n", "7"]]));
    let both = get("/values:batchGet?ranges=A1&ranges='It''s%202'!A1").ok();
    assert_eq!(both["valueRanges"][1]["values"], json!([["TRUE"]]));
    assert_eq!(get("/values/Nope!A1").refused(), (400, "INVALID_ARGUMENT".into()));
    assert_eq!(get("/values/A2000").refused(), (400, "INVALID_ARGUMENT".into()));
    session.double.disable_service("sheets.googleapis.com");
    let disabled = get("");
    assert_eq!(disabled.refused().0, 403);
    assert_eq!(disabled.error()["details"][0]["reason"], "SERVICE_DISABLED");
    assert_eq!(session.get("files/sheet").status, 200);
}

#[test]
fn documents_are_read_with_their_tabs() {
    let session = Session::new(seed());
    let get = |path: &str| session.send("GET", &format!("/v1/documents/{path}"), &[], "");
    let first = get("doc").ok();
    let paragraph = &first["body"]["content"][1]["paragraph"];
    assert_eq!(paragraph["elements"][0]["textRun"]["content"], "Title\n");
    assert_eq!(paragraph["paragraphStyle"]["namedStyleType"], "HEADING_1");
    let tabs = get("doc?includeTabsContent=true").ok();
    assert_eq!(tabs["tabs"][1]["tabProperties"]["title"], "Two");
    let content = &tabs["tabs"][1]["documentTab"]["body"]["content"][1];
    assert_eq!((&content["startIndex"], &content["endIndex"]), (&json!(1), &json!(4)));
    assert_eq!(get("a").refused(), (400, "FAILED_PRECONDITION".into()));
    assert_eq!(get("none").refused(), (404, "NOT_FOUND".into()));
    assert_eq!(mime::DOCUMENT, "application/vnd.google-apps.document");
}

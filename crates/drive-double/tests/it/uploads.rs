//! Content on its way in.

use lockkeeper_drive_double::{Fault, NewFile, Seed, mime};
use serde_json::json;

use crate::client::{Reply, Session};

const GRAIN: usize = 256 * 1024;

/// The address of a new session.
fn begin(session: &Session, body: &serde_json::Value) -> String {
    let kind = [("content-type", "application/json"), ("x-upload-content-type", "text/plain")];
    let path = "/upload/drive/v3/files?uploadType=resumable&fields=id,size,md5Checksum";
    let begun = session.send("POST", path, &kind, body.to_string());
    assert_eq!((begun.status, begun.body.len()), (200, 0));
    begun.header("location").to_owned()
}

fn put(session: &Session, address: &str, range: &str, bytes: &[u8]) -> Reply {
    session.send("PUT", address, &[("content-range", range)], bytes.to_vec())
}

fn content() -> Vec<u8> {
    (0..GRAIN * 2 + 100).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn chunks_make_a_file() {
    let session = Session::new(Seed::new());
    let address = begin(&session, &json!({ "name": "up.txt" }));
    let all = content();
    let total = all.len();
    let first = put(&session, &address, &format!("bytes 0-{}/{total}", GRAIN - 1), &all[..GRAIN]);
    assert_eq!((first.status, first.header("range")), (308, "bytes=0-262143"));
    let probe = put(&session, &address, &format!("bytes */{total}"), b"");
    assert_eq!((probe.status, probe.header("range")), (308, "bytes=0-262143"));
    let odd = put(&session, &address, &format!("bytes {GRAIN}-{}/{total}", GRAIN + 9), &all[..10]);
    assert_eq!(odd.status, 400);
    let ahead =
        put(&session, &address, &format!("bytes {}-{}/{total}", GRAIN * 2, total - 1), &all[..100]);
    assert_eq!(ahead.status, 400);
    // What is there already may come again.
    let rest = put(&session, &address, &format!("bytes 0-{}/{total}", total - 1), &all).ok();
    assert_eq!(rest["size"], total.to_string());
    let id = rest["id"].as_str().unwrap();
    assert_eq!(session.double.content(id).unwrap(), all);
    let (length, sums) = session.double.checksums(id).unwrap();
    assert_eq!((length, json!(sums.md5)), (total as u64, rest["md5Checksum"].clone()));
    // Who didn't hear it may ask again.
    assert_eq!(put(&session, &address, &format!("bytes */{total}"), b"").ok(), rest);
}

#[test]
fn a_chunk_that_fails_can_be_gone_on_with() {
    let session = Session::new(Seed::new());
    let all = content();
    let total = all.len();
    let address = begin(&session, &json!({ "name": "up.txt" }));
    session.double.fault(Fault::status(503).on("upload.chunk"));
    let whole = format!("bytes 0-{}/{total}", total - 1);
    assert_eq!(put(&session, &address, &whole, &all).status, 503);
    let probe = put(&session, &address, &format!("bytes */{total}"), b"");
    assert_eq!((probe.status, probe.header("range")), (308, ""));
    session.double.fault(Fault::take(GRAIN as u64 + 5));
    assert_eq!(put(&session, &address, &whole, &all).status, 503);
    let probe = put(&session, &address, "bytes */*", b"");
    assert_eq!((probe.status, probe.header("range")), (308, "bytes=0-262143"));
    session.double.fault(Fault::lost(502).on("upload.chunk"));
    let rest = format!("bytes {GRAIN}-{}/{total}", total - 1);
    assert_eq!(put(&session, &address, &rest, &all[GRAIN..]).status, 502);
    let done = put(&session, &address, &format!("bytes */{total}"), b"").ok();
    assert_eq!(session.double.content(done["id"].as_str().unwrap()).unwrap(), all);
    assert_eq!(session.double.log_of("upload.chunk").len(), 3);
    assert_eq!(session.double.find("up.txt").as_deref(), done["id"].as_str());
}

#[test]
fn sessions_end() {
    let session = Session::new(Seed::new());
    let address = begin(&session, &json!({}));
    assert_eq!(session.double.open_uploads(), 1);
    assert_eq!(session.send("DELETE", &address, &[], "").status, 499);
    assert_eq!(put(&session, &address, "bytes */*", b"").status, 410);
    let address = begin(&session, &json!({}));
    session.double.end_uploads();
    assert_eq!(put(&session, &address, "bytes 0-0/1", b"x").status, 410);
    let unknown = address.replace("upload_id=", "upload_id=no");
    assert_eq!(put(&session, &unknown, "bytes 0-0/1", b"x").status, 404);
    let wrong = begin(&session, &json!({}));
    assert_eq!(put(&session, &wrong, "bytes=0-0/1", b"x").status, 400);
    assert_eq!(put(&session, &wrong, "bytes 0-1/2", b"x").status, 400);
}

#[test]
fn nothing_at_all_can_be_uploaded() {
    let session = Session::new(Seed::new());
    let address = begin(&session, &json!({ "name": "empty" }));
    let done = session.send("PUT", &address, &[], "").ok();
    assert_eq!(done["size"], "0");
    let address = begin(&session, &json!({ "name": "empty" }));
    assert_eq!(put(&session, &address, "bytes */0", b"").ok()["size"], "0");
}

#[test]
fn one_request_brings_content_with_or_without_metadata() {
    let session = Session::new(Seed::new().file(NewFile::text("a", "old").id("a")));
    let kind = [("content-type", "text/markdown; charset=utf-8")];
    let path = "/upload/drive/v3/files?uploadType=media&fields=id,name,mimeType";
    let made = session.send("POST", path, &kind, "# x").ok();
    assert_eq!(
        (&made["name"], &made["mimeType"]),
        (&json!("Untitled"), &json!("text/markdown; charset=utf-8"))
    );
    let body = "--b\r\ncontent-type: application/json\r\n\r\n{\"name\":\"Doc\",\"mimeType\":\
                \"application/vnd.google-apps.document\"}\r\n--b\r\ncontent-type: text/markdown\r\n\r\n\
                # Hi\r\n--b--";
    let kind = [("content-type", "multipart/related; boundary=b")];
    let path = "/upload/drive/v3/files?uploadType=multipart&fields=id,mimeType";
    let made = session.send("POST", path, &kind, body).ok();
    assert_eq!(made["mimeType"], mime::DOCUMENT);
    let id = made["id"].as_str().unwrap();
    assert_eq!(session.get(&format!("files/{id}/export?mimeType=text/markdown")).body, "# Hi");
    let path = "/upload/drive/v3/files/a?uploadType=media&fields=size";
    let changed = session.send("PATCH", path, &[("content-type", "text/plain")], "newer").ok();
    assert_eq!(changed["size"], "5");
    let image = session.send(
        "PATCH",
        &format!("/upload/drive/v3/files/{id}?uploadType=media"),
        &[("content-type", "image/png")],
        "x",
    );
    assert_eq!(image.refused(), (400, "badRequest".into()));
    let broken =
        session.send("POST", "/upload/drive/v3/files?uploadType=multipart", &kind, "--b--");
    assert_eq!(broken.refused(), (400, "badRequest".into()));
    assert_eq!(session.send("POST", "/upload/drive/v3/files", &[], "x").refused().0, 400);
}

#[test]
fn the_path_that_only_the_document_knows_is_not_there() {
    let session = Session::new(Seed::new());
    let reply =
        session.send("POST", "/resumable/upload/drive/v3/files?uploadType=resumable", &[], "{}");
    assert_eq!(reply.status, 404);
    assert_eq!(session.double.take_violations().len(), 1);
}

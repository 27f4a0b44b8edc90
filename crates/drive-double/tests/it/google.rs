//! Google's own Python client, driven through the double. Where it is, is said by `cargo xtask test`.

use std::path::{Path, PathBuf};
use std::process::Command;

use lockkeeper_drive_double::{Double, FULL, NewFile, NewSheet, Seed};
use serde_json::{Value, json};

/// Where the packages of the client lie; none if this run does without them.
fn client() -> Option<PathBuf> {
    let without = std::env::var("LOCKKEEPER_WITHOUT").unwrap_or_default();
    if without.split(',').any(|left_out| left_out == "google-client") {
        return None;
    }
    let Some(program) = std::env::var_os("LOCKKEEPER_GOOGLE_CLIENT") else {
        panic!(
            "LOCKKEEPER_GOOGLE_CLIENT is not set: run `cargo xtask test`, with `--without \
             google-client` to do without"
        )
    };
    Path::new(&program).parent().and_then(Path::parent).map(Path::to_owned)
}

#[test]
fn googles_client_is_content() {
    let Some(packages) = client() else { return };
    let rows = vec![vec![json!("a"), json!(1)], vec![json!("b")]];
    let seed = Seed::new()
        .user("bob@example.com")
        .drive("0ATEAM", "Team", "organizer")
        .file(NewFile::text("it's.txt", "hello").id("its"))
        .file(NewFile::large("big.bin", 700_000, 3).id("big"))
        .file(NewFile::document("Doc", "# Title").id("doc"))
        .file(
            NewFile::spreadsheet("Sheet", vec![NewSheet { title: "Tab".into(), rows }]).id("sheet"),
        )
        .file(NewFile::text("team.txt", "x").id("team").parent("0ATEAM"));
    let double = Double::start(seed);
    let given = json!({
        "authorized_user": double.authorized_user(&[FULL]),
        "service_account": double.service_account("robot@double.iam.gserviceaccount.com", &[FULL]),
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/google/session.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(double.url()).arg(given.to_string()).env("PYTHONPATH", packages);
    let output = python.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = told["upload"]["id"].as_str().unwrap();
    let (length, sums) = double.checksums(id).unwrap();
    assert_eq!(length, 1024 * 1024);
    let wanted = json!({
        "about": "me@example.com",
        "found": ["it's.txt"],
        "bad query": [400, "invalid"],
        "pages": ["big.bin", "Doc", "it's.txt", "Sheet"],
        "download": [700_000, 3],
        "after 503": 5,
        "export": "# Title",
        "upload": { "id": id, "size": "1048576", "md5Checksum": sums.md5 },
        "steps": [262_144, 503, 524_288, 786_432, null],
        "same": true,
        "multipart": ["text/plain", "line one\r\nline two\n"],
        "revisions": 2,
        "copy": "copy",
        "permission": "reader",
        "comment": [{ "resolved": true }],
        "drives": ["Team"],
        "team file": [404, "notFound"],
        "changes": [{ "file": { "trashed": true } }],
        "gone": [404, "notFound"],
        "retried": true,
        "refreshed": true,
        "robot": "robot@double.iam.gserviceaccount.com",
        "on behalf": "bob@example.com",
        "no quota": [403, "storageQuotaExceeded"],
        "sheet": [["a", "1"], ["b"]],
        "tabs": 1,
    });
    assert_eq!(told, wanted);
    assert_eq!(double.log_of("upload.chunk").len(), 5);
    assert_eq!(double.log_of("upload.probe").len(), 1);
}

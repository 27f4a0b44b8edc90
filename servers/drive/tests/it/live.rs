//! Google Drive itself, for who wants that: with an access token in `LOCKKEEPER_DRIVE_LIVE_TOKEN`, such as
//! `gcloud auth print-access-token` gives, this reads what the token may see and writes nothing. Without
//! it there is nothing to test.

use lockkeeper_testkit::stdio::{Era, Launch};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bulk::BINARY;

#[test]
fn the_real_drive_answers() {
    let Ok(token) = std::env::var("LOCKKEEPER_DRIVE_LIVE_TOKEN") else { return };
    let state = TempDir::new().unwrap();
    let launch = Launch::new(BINARY).args(["--state-dir".as_ref(), state.path().as_os_str()]);
    let mut client = launch.env("DRIVE_ACCESS_TOKEN", token).connect(Era::Modern).unwrap();
    let mut read = |tool: &str, arguments: Value| {
        let reply = client.call_tool(tool, arguments).unwrap();
        assert!(!reply.is_error(), "{tool}: {}", reply.text());
        reply.text()
    };
    read("account", json!({}));
    read("list", json!({}));
    read("search", json!({"limit": 3}));
    read("changes", json!({}));
}

//! A log of any length takes no more memory than what is shown of it, in the real program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use lockkeeper_testkit::github::{Front, Said, TOKEN};
use lockkeeper_testkit::stdio::{Era, Launch};
use serde_json::json;

const MB: usize = 1_000_000;

/// 200 MB of lines as Actions writes them, with an error in each megabyte.
fn log() -> (String, usize) {
    let stamp = "2026-11-21T10:00:00.1234567Z ";
    let line = format!("{stamp}Compiling something {} of many\n", "x".repeat(60));
    let error = format!("{stamp}##[error]it did not work\n");
    let piece = line.repeat((MB - error.len()) / line.len()) + &error;
    let repeated = 200 * MB / piece.len() + 1;
    (piece, repeated)
}

#[test]
fn two_hundred_megabytes_are_read_in_fifty() {
    let front = Front::examples();
    let (piece, repeated) = log();
    let lines = piece.lines().count() * repeated;
    let repo = "octocat/Hello-World";
    let store = format!("{}/store/same/1", front.host());
    for job in [1, 399_444_496] {
        let path = format!("/repos/{repo}/actions/jobs/{job}/logs");
        front.say("GET", &path, Said::json(302, &json!({})).header("location", &store));
    }
    front.say("GET", "/store/same/1", Said::text(piece, repeated));
    let job = json!({"id": 399_444_496, "name": "build", "conclusion": "failure", "steps": []});
    let jobs = json!({"total_count": 1, "jobs": [job]});
    front.say("GET", &format!("/repos/{repo}/actions/runs/1/jobs"), Said::json(200, &jobs));
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    fs::write(&token, TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let patience = Duration::from_mins(5);
    let mut client = Launch::new(env!("CARGO_BIN_EXE_lockkeeper-github"))
        .args([
            format!("--host={}", front.host()),
            format!("--credential=file:{}", token.display()),
        ])
        .args(["--call-budget=300s".to_owned(), "--state-dir".to_owned()])
        .args([directory.path().join("state")])
        .timeout(patience)
        .connect(Era::Modern)
        .unwrap();
    for (method, expected) in [
        (json!({"method": "log", "repo": repo, "id": 1}), format!("-{lines}, the last")),
        (json!({"method": "failures", "repo": repo, "id": 1}), "it did not work".to_owned()),
    ] {
        let reply = client.call_tool("actions_read", method).unwrap();
        let text = reply.text();
        assert!(text.contains(&expected), "{}", text.lines().next().unwrap_or_default());
        assert!(
            !text.contains("not read to its end"),
            "{}",
            text.lines().next().unwrap_or_default()
        );
    }
    let peak = client.peak_memory().unwrap();
    assert!(peak < 50 * MB as u64, "{} MB", peak / MB as u64);
}

//! Whatever ends the process or fills the disk in the middle of a write, the file holds all of its
//! old or all of its new content.
#![expect(clippy::unwrap_used, reason = "a broken fixture fails its test")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use lockkeeper_testkit::stdio::{Era, Launch};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_lockkeeper-filesystem");

fn flags(directory: &Path) -> Vec<String> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let state = text(&directory.join("state"));
    let root = text(&directory.join("root"));
    fs::create_dir_all(directory.join("root")).unwrap();
    ["--write", "--destroy", "allow", "--audit", "off", "--state-dir", &state, &root]
        .map(str::to_owned)
        .into()
}

/// One letter, as often as belongs to it.
fn content(number: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(number % 26).unwrap());
    letter.to_string().repeat(60_000 + number % 26 * 1_000)
}

fn overwrite(number: usize) -> Value {
    let arguments = json!({"path": "file", "content": content(number), "mode": "overwrite"});
    json!({"name": "write_file", "arguments": arguments})
}

fn leftovers(root: &Path) -> Vec<String> {
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).filter(|name| name != "file").collect()
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_or_the_new_file() {
    let directory = tempfile::tempdir().unwrap();
    let flags = flags(directory.path());
    let file = directory.path().join("root/file");
    fs::write(&file, content(0)).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..2_000_u64 {
        // On a busy machine it takes more rounds, with later ends, until enough was written.
        if round >= 200 && seen.len() > 10 {
            break;
        }
        let mut client = Launch::new(BINARY).args(&flags).connect(Era::Modern).unwrap();
        // From the first bytes of a request to some writes later.
        let moment = Instant::now() + Duration::from_micros(round * 7_919 % (40_000 + round * 100));
        for number in 0..4 {
            let number = usize::try_from(round).unwrap() * 4 + number;
            let request = client.start("tools/call", overwrite(number));
            if request.is_err() || Instant::now() >= moment {
                break;
            }
        }
        while let Some(left) = moment.checked_duration_since(Instant::now()) {
            if client.next_line(left).is_err() {
                break;
            }
        }
        client.kill().unwrap();
        let now = fs::read(&file).unwrap();
        let letter = *now.first().unwrap();
        let whole = content(usize::from(letter - b'a'));
        assert!(now == whole.as_bytes(), "round {round}: {} bytes of {letter}", now.len());
        seen.insert(letter);
    }
    assert!(seen.len() > 2, "hardly anything was written: {seen:?}");
    for name in leftovers(&directory.path().join("root")) {
        assert!(name.starts_with(".lockkeeper-"), "{name}");
    }
}

/// A move to another filesystem is a copy and a deletion: at each moment one of the two is whole.
#[test]
#[cfg(target_os = "linux")]
fn a_kill_during_a_move_between_filesystems_loses_nothing() {
    use std::os::unix::fs::MetadataExt as _;
    let directory = tempfile::tempdir().unwrap();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    assert_ne!(device(directory.path()), device(memory.path()), "no second filesystem to move to");
    let mut flags = flags(directory.path());
    flags.push(memory.path().to_str().unwrap().to_owned());
    let (from, to) = (directory.path().join("root/file"), memory.path().join("file"));
    let text = "x".repeat(2_000_000);
    let (mut moved, mut stayed) = (0, 0);
    for round in 0..2_000_u64 {
        if moved > 5 && stayed > 5 {
            break;
        }
        fs::write(&from, &text).unwrap();
        let mut client = Launch::new(BINARY).args(&flags).connect(Era::Modern).unwrap();
        let arguments = json!({"source": from, "destination": to});
        client.start("tools/call", json!({"name": "move_file", "arguments": arguments})).unwrap();
        drop(client.next_line(Duration::from_micros(round * 1_013 % 20_000)));
        client.kill().unwrap();
        let whole = |path: &Path| fs::read(path).ok().map(|bytes| bytes == text.as_bytes());
        let places = (whole(&from), whole(&to));
        assert!(places.0 == Some(true) || places.1 == Some(true), "round {round}: {places:?}");
        assert_ne!(places.1, Some(false), "round {round}: half a file");
        if places.0.is_some() {
            stayed += 1;
        } else {
            moved += 1;
        }
        drop(fs::remove_file(&to));
    }
    assert!(moved > 5 && stayed > 5, "{moved} moved, {stayed} stayed");
}

/// A limit on the size of files stands for the full disk: writing fails in the middle just so.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let flags = flags(directory.path());
    let root = directory.path().join("root");
    fs::write(root.join("file"), "old\n").unwrap();
    let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" \"$@\"";
    let arguments = ["-c", script, BINARY].map(str::to_owned).into_iter().chain(flags);
    let mut client = Launch::new("sh").args(arguments).connect(Era::Modern).unwrap();
    let large = content(7);
    let patch = format!(
        "--- /dev/null\n+++ b/a/new\n@@ -0,0 +1 @@\n+x\n\
         --- file\n+++ file\n@@ -1 +1 @@\n-old\n+{large}\n"
    );
    let edits = json!([{"old_text": "old", "new_text": large}]);
    for (tool, arguments) in [
        ("write_file", json!({"path": "file", "content": large, "mode": "overwrite"})),
        ("write_file", json!({"path": "file", "content": large, "mode": "append"})),
        ("write_file", json!({"path": "new", "content": large})),
        ("edit_file", json!({"path": "file", "edits": edits})),
        ("apply_patch", json!({"patch": patch})),
        ("replace_text", json!({"pattern": "old", "replacement": large, "dry_run": false})),
    ] {
        let reply = client.call_tool(tool, arguments).unwrap();
        let text = reply.text();
        assert!(text.starts_with("disk_full: "), "{tool}: {text}");
        assert_eq!(fs::read(root.join("file")).unwrap(), b"old\n", "{tool}");
        assert_eq!(leftovers(&root), Vec::<String>::new(), "{tool}");
    }
}

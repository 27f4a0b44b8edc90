//! In the strictest sandbox everything that the server is there for works: all of its tools, over
//! several roots, one of them on another mount.
#![expect(clippy::unwrap_used, reason = "a broken fixture fails its test")]
#![expect(clippy::needless_pass_by_value, reason = "callers write `json!(…)` in place")]

use std::fs;
use std::path::Path;

use lockkeeper_testkit::stdio::{Client, Era, Launch};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_lockkeeper-filesystem");

fn start(directory: &Path, more: &[&str]) -> Client {
    let state = directory.join("state");
    let base = ["--sandbox", "require", "--destroy", "allow", "--state-dir"];
    let launch = Launch::new(BINARY).args(base).args([state.to_str().unwrap()]);
    launch.args(more).connect(Era::Modern).unwrap()
}

fn call(client: &mut Client, tool: &str, arguments: Value) -> String {
    let reply = client.call_tool(tool, arguments.clone()).unwrap();
    assert!(!reply.is_error(), "{tool} {arguments}: {}", reply.text());
    reply.text()
}

#[test]
fn all_tools_work_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("from/deep")).unwrap();
    fs::create_dir(root.join("to")).unwrap();
    fs::write(root.join("from/deep/a.txt"), "one\ntwo\n").unwrap();
    std::os::unix::fs::symlink("from/deep/a.txt", root.join("link")).unwrap();
    // Shared memory is another mount than the rest on every Linux.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let (one, two) = (root.to_str().unwrap(), memory.path().to_str().unwrap());
    let mut client = start(directory.path(), &["--write", one, two]);
    let client = &mut client;
    let at = |name: &str| format!("{one}/{name}");
    for path in [at("from/deep/a.txt"), at("link"), at("from/../link")] {
        assert!(call(client, "read_file", json!({"path": path})).contains("two"));
    }
    assert!(call(client, "search_text", json!({"pattern": "two"})).contains("a.txt"));
    call(client, "find_files", json!({"glob": "*.txt"}));
    call(client, "list_directory", json!({"path": one}));
    let waited = call(client, "wait_for_change", json!({"paths": [one], "max_wait": 0}));
    assert!(waited.contains("unchanged") && !waited.contains("polled"), "{waited}");
    call(client, "file_info", json!({"paths": [at("from")], "total": true}));
    call(client, "write_file", json!({"path": at("new"), "content": "x\n"}));
    call(client, "write_file", json!({"path": at("new"), "content": "y\n", "mode": "append"}));
    call(client, "write_file", json!({"path": at("new"), "content": "z", "mode": "overwrite"}));
    let edits = json!([{"old_text": "two", "new_text": "three"}]);
    call(client, "edit_file", json!({"path": at("from/deep/a.txt"), "edits": edits}));
    let replacing = json!({"pattern": "one", "replacement": "1", "path": one, "dry_run": false});
    call(client, "replace_text", replacing);
    let patch = format!(
        "--- {one}/new\n+++ {one}/new\n@@ -1 +1,2 @@\n-z\n\\ No newline at end of file\n+a\n+b\n"
    );
    call(client, "apply_patch", json!({"patch": patch}));
    call(client, "diff_files", json!({"a": at("new"), "b": at("from/deep/a.txt")}));
    call(client, "create_directory", json!({"path": at("made/deeper")}));
    // Files, links and directories into other directories.
    call(client, "move_file", json!({"source": at("new"), "destination": at("made/deeper/new")}));
    call(client, "move_file", json!({"source": at("link"), "destination": at("to/link")}));
    call(client, "move_file", json!({"source": at("from/deep"), "destination": at("made/deep")}));
    let copy =
        json!({"source": at("made/deep/a.txt"), "destination": at("made/b.txt"), "copy": true});
    call(client, "move_file", copy);
    call(client, "delete_file", json!({"paths": [at("made/b.txt")]}));
    assert_eq!(fs::read_to_string(root.join("made/deep/a.txt")).unwrap(), "1\nthree\n");
    let shared = format!("{two}/new");
    call(client, "write_file", json!({"path": shared, "content": "in memory"}));
    assert!(call(client, "read_file", json!({"path": shared})).contains("in memory"));
}

/// Were the server's own checks to fail, the kernel would not let it write: that is what a
/// directory shows that is writable for the user and read-only for the server.
#[test]
fn roots_are_open_as_far_as_they_are_given() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = directory.path().join(name);
        fs::create_dir(&path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (read, written) = (place("read"), place("written"));
    let table = |more: &[&str]| {
        let mut command = std::process::Command::new(BINARY);
        command.args(["check", "--json", &read, &format!("{written}:rw")]).args(more);
        let output = command.args(["--audit", "off", "--state-dir", "/none"]).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["sandbox"]["ports"], "none");
        told["sandbox"]["paths"].clone()
    };
    let rule = |path: &str, access: &str| json!({"path": path, "access": access});
    let state = rule("/none", "write");
    assert_eq!(table(&[]), json!([state, rule(&read, "read"), rule(&written, "write")]));
    let config = directory.path().join("ceiling.toml");
    fs::write(&config, "[policy]\nwrite = false\n").unwrap();
    let ceiling = ["--config", config.to_str().unwrap()];
    assert_eq!(table(&ceiling), json!([state, rule(&read, "read"), rule(&written, "read")]));
}

//! How instances are seen from outside: by their files, and by what `status` makes of them.

use std::fs;
use std::time::Duration;

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Ran, eras, until};

fn states(fixture: &Fixture) -> Vec<String> {
    let (_, instances) = fixture.status();
    instances.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_instance_is_seen_from_its_start_to_its_end() {
    eras(|era| {
        let fixture = Fixture::new(&[]);
        assert_eq!(fixture.status(), (true, vec![]), "nothing ran yet");
        let mut session = fixture.connect(era);
        session.settle();
        let (ok, instances) = fixture.status();
        let one = &instances[0];
        assert!(ok, "{one}");
        assert_eq!((&one["state"], &one["server"]), (&json!("ready"), &json!("fixture")));
        assert_eq!(one["pid"], json!(session.pid()));
        assert_eq!(one["policy"].as_str().unwrap().len(), 64);
        session.call("get_note", json!({"note_name": "first"}));
        session.call("get_note", json!({"note_name": "nobody"}));
        until("word of two calls", || fixture.status().1[0]["calls"] == 2);
        let (_, instances) = fixture.status();
        assert_eq!(instances[0]["error_rate"], 0.5);
        assert!(instances[0]["p99_ms"].as_f64().unwrap() > 0.0, "{instances:?}");
        session.end();
        assert_eq!(states(&fixture), ["stopped"]);
    });
}

#[test]
fn a_killed_instance_has_crashed_and_its_siblings_have_not() {
    let fixture = Fixture::new(&[]);
    let mut one = fixture.connect(Era::Modern);
    let mut two = fixture.connect(Era::Modern);
    let mut three = fixture.connect(Era::Modern);
    three.settle();
    three.end();
    one.settle();
    two.settle();
    one.kill().unwrap();
    let (ok, instances) = fixture.status();
    assert!(!ok);
    let mut seen: Vec<_> = instances
        .iter()
        .map(|one| (one["state"].as_str().unwrap(), one["pid"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen[0], ("ready", u64::from(two.pid())), "the living first");
    seen.sort_unstable();
    assert_eq!(seen.iter().map(|one| one.0).collect::<Vec<_>>(), ["crashed", "ready", "stopped"]);
    let table = fixture.run_status(&[]);
    assert_eq!(table.code(), 1);
    let table = table.stdout();
    assert!(table.starts_with("INSTANCE  PID"), "{table}");
    assert!(table.contains("1 instance ended without a word"), "{table}");
    assert_eq!(fixture.run_status(&["--forget"]).code(), 1, "it is said once more");
    assert_eq!(states(&fixture), ["ready"]);
    two.settle();
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let fixture = Fixture::new(&["--tools", "no_such_tool"]);
    let ran = fixture.serve_nothing();
    assert_ne!(ran.code(), 0, "{}", ran.stderr());
    let (ok, instances) = fixture.status();
    assert!(!ok);
    assert_eq!(
        (&instances[0]["state"], &instances[0]["why"]),
        (&json!("failed"), &json!(["start"]))
    );
    let told = fs::read_to_string(files(&fixture).pop().unwrap()).unwrap();
    assert!(!told.contains("no_such_tool"), "nothing of the user's: {told}");
}

fn files(fixture: &Fixture) -> Vec<std::path::PathBuf> {
    crate::fixture::files(&fixture.path("state/instances"))
}

#[test]
fn an_audit_log_that_cannot_be_written_degrades_it() {
    let fixture = Fixture::new(&[]);
    let fixture = fixture.clone().also(&["--audit", "/proc/nowhere"]);
    let mut session = fixture.connect(Era::Modern);
    session.call("get_note", json!({"note_name": "first"}));
    until("word of the audit log", || states(&fixture) == ["degraded"]);
    let (ok, instances) = fixture.status();
    assert!(!ok);
    assert_eq!(instances[0]["why"], json!(["audit"]));
    session.end();
}

#[test]
fn only_a_server_leaves_a_file_and_an_idle_one_leaves_it_alone() {
    let fixture = Fixture::new(&[]);
    for subcommand in [&["check"][..], &["tools"], &["call", "get_peak", "{}"]] {
        fixture.run(subcommand);
        assert_eq!(files(&fixture).len(), 0, "{subcommand:?}");
    }
    let mut session = fixture.connect(Era::Modern);
    session.settle();
    let path = files(&fixture).pop().unwrap();
    let meta = fs::metadata(&path).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777, 0o600);
    let inode = std::os::unix::fs::MetadataExt::ino(&meta);
    // Longer than it ever waits to write what changed.
    std::thread::sleep(Duration::from_millis(4_500));
    let after = fs::metadata(&path).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&after), inode, "nothing happened");
    session.end();
}

/// Numbers of processes are shared by what runs at different times and in different containers.
#[test]
fn a_number_of_a_process_proves_nothing() {
    let fixture = Fixture::new(&[]);
    let mut session = fixture.connect(Era::Modern);
    session.settle();
    session.kill().unwrap();
    let path = files(&fixture).pop().unwrap();
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    record["pid"] = json!(std::process::id());
    fs::write(&path, record.to_string()).unwrap();
    assert_eq!(states(&fixture), ["crashed"], "a process of that number runs");
}

#[test]
fn a_directory_that_is_none_stops_no_server() {
    let fixture = Fixture::new(&[]);
    let state = fixture.path("state");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("instances"), "in the way").unwrap();
    let mut session = fixture.connect(Era::Modern);
    session.settle();
    session.end();
    let ran: Ran = fixture.run_status(&[]);
    assert_eq!(ran.code(), 3, "{}", ran.stderr());
    assert!(ran.stderr().contains("instances"), "{}", ran.stderr());
}

#[test]
fn all_servers_of_a_state_directory_are_seen_together() {
    let fixture = Fixture::new(&[]);
    let mut session = fixture.connect(Era::Modern);
    session.settle();
    let path = files(&fixture).pop().unwrap();
    let told = fs::read_to_string(&path).unwrap().replace("\"fixture\"", "\"lockkeeper-other\"");
    let name = path.file_name().unwrap().to_str().unwrap();
    fs::write(path.with_file_name(name.replace("fixture", "lockkeeper-other")), told).unwrap();
    assert_eq!(states(&fixture), ["ready"]);
    let all = fixture.run_status(&["--all"]);
    assert_eq!(all.code(), 1, "the other one crashed");
    assert!(all.stdout().contains("lockkeeper-other  "), "{}", all.stdout());
    session.end();
}

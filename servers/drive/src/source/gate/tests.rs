//! Ways out of the allowed folder, all of which end in the same "not found".

use lockkeeper_drive_double::{NewFile, Seed};
use lockkeeper_testkit::in_process::seen;
use serde_json::{Value, json};

use crate::testing::World;

const INSIDE: &[&str] = &["--folder=team", "--write", "--share"];

#[test]
fn every_way_out_ends_in_the_same_not_found() {
    let world = World::office();
    let directory = tempfile::tempdir().unwrap();
    let export = format!("--export-dir={}", directory.path().display());
    let flags: Vec<&str> = INSIDE.iter().copied().chain([export.as_str()]).collect();
    let calls = |file: &str| -> Vec<(&str, Value)> {
        vec![
            ("read", json!({"file": file})),
            ("read", json!({"file": file, "revision": "1"})),
            ("info", json!({"file": file, "include": ["path", "permissions", "revisions"]})),
            ("comments", json!({"file": file})),
            ("list", json!({"folder": file})),
            ("search", json!({"in": file})),
            ("download", json!({"file": file, "to": "x"})),
            ("write", json!({"file": file, "content": "x"})),
            ("write", json!({"parent": file, "name": "x", "content": "x"})),
            ("create_folder", json!({"parent": file, "name": "x"})),
            ("organize", json!({"method": "move", "file": file, "to": "team"})),
            ("organize", json!({"method": "move", "file": "notes", "to": file})),
            ("organize", json!({"method": "copy", "file": file, "to": "team"})),
            ("organize", json!({"method": "copy", "file": "notes", "to": file})),
            ("organize", json!({"method": "shortcut", "file": file, "to": "team"})),
            ("organize", json!({"method": "rename", "file": file, "name": "x"})),
            ("organize", json!({"method": "star", "file": file})),
            ("trash", json!({"file": file})),
            ("trash", json!({"file": file, "restore": true})),
            ("comment", json!({"method": "add", "file": file, "text": "x"})),
            (
                "share",
                json!({"method": "grant", "file": file, "email": "a@b.example", "role": "reader"}),
            ),
        ]
    };
    let mut client = world.client(&flags);
    let mut ask = |tool: &str, given: &Value| seen(&client.call(tool, given.clone()));
    let missing: Vec<String> =
        calls("never").iter().map(|(tool, given)| ask(tool, given)).collect();
    let url = "https://drive.google.com/file/d/diary/view";
    // By id, by URL, by a shortcut that lies inside, by a path, in no folder, above, in another drive.
    for file in
        ["diary", "private", url, "out", "/Private/Diary", "stray", "root", "shared", "handbook"]
    {
        for ((tool, given), missing) in calls(file).iter().zip(&missing) {
            let hidden = ask(tool, given);
            assert!(missing.starts_with("error: not_found: "), "{tool} {given}: {missing}");
            assert_eq!(hidden.replace(file, "never"), *missing, "{tool} {given}");
        }
    }
    assert_eq!(world.double.content("diary").unwrap(), b"secret");
    assert_eq!(world.double.file("diary").unwrap()["parents"], json!(["private"]));
}

#[test]
fn a_shortcut_is_judged_by_what_it_leads_to() {
    let world = World::office();
    // It lies outside, and leads inside.
    let read = world.once(&["--folder=team"], r#"read {"file": "into"}"#);
    assert!(read.starts_with("[Plan 2026 (doc, "), "{read}");
    assert!(read.contains("through the shortcut into"), "{read}");
    // Its name and place are outside.
    let listed = world.once(&["--folder=team"], r#"list {"folder": "team"}"#);
    assert!(!listed.contains("diary"), "{listed}");
    assert!(listed.starts_with("[9 in Team; filtered: 1]"), "{listed}");
    let held = world.once(INSIDE, r#"organize {"method": "rename", "file": "into", "name": "x"}"#);
    assert!(held.starts_with("error: not_found: "), "{held}");
}

#[test]
fn a_file_is_where_it_is_now() {
    let world = World::office();
    let mut client = world.client(INSIDE);
    let mut ask = |tool: &str, given: Value| seen(&client.call(tool, given));
    assert!(ask("read", json!({"file": "notes"})).ends_with("Call Ada.\n"));
    // Somebody else takes it out, under the eyes of the server.
    world.once(&["--write"], r#"organize {"method": "move", "file": "notes", "to": "private"}"#);
    assert!(ask("read", json!({"file": "notes"})).starts_with("error: not_found: "));
    // A folder above it was remembered, and isn't believed for a change.
    world.once(&["--write"], r#"organize {"method": "move", "file": "sub", "to": "private"}"#);
    let written = ask("write", json!({"file": "log", "content": "x"}));
    assert!(written.starts_with("error: not_found: "), "{written}");
}

#[test]
fn the_policy_allows_and_denies_folders() {
    let world = World::office();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("policy.toml");
    let with = |policy: &str, call: &str| {
        std::fs::write(&config, policy).unwrap();
        world.once(&[&format!("--config={}", config.display())], call)
    };
    let denied = "[policy.resources]\ndeny = [\"/Team/Sub\", \"diary\"]\n";
    assert!(with(denied, r#"read {"file": "plan"}"#).starts_with("[Plan 2026"));
    assert!(with(denied, r#"read {"file": "handbook"}"#).contains("Be kind."));
    for file in ["notes", "log", "sub", "diary", "link", "out"] {
        let seen = with(denied, &format!(r#"read {{"file": "{file}"}}"#));
        assert!(seen.starts_with("error: not_found: "), "{file}: {seen}");
    }
    // What lies in no folder that can be seen may lie in one that is denied.
    assert!(with(denied, r#"read {"file": "stray"}"#).starts_with("error: not_found: "));
    let both = "[policy.resources]\nallow = [\"team\"]\ndeny = [\"sub\"]\n";
    assert!(with(both, r#"read {"file": "notes"}"#).starts_with("error: not_found: "));
    assert!(with(both, r#"read {"file": "costs", "tab": "Q2"}"#).starts_with("[Costs"));
    let missing = "[policy.resources]\ndeny = [\"/Nowhere\"]\n";
    let seen = with(missing, r#"read {"file": "plan"}"#);
    assert!(seen.starts_with("error: policy_unresolved: "), "{seen}");
    // A flag doesn't widen a policy.
    std::fs::write(&config, "[policy.resources]\nallow = [\"sub\"]\n").unwrap();
    let flags = [&format!("--config={}", config.display()), "--folder=team"];
    assert!(world.once(&flags, r#"read {"file": "plan"}"#).starts_with("error: not_found: "));
    assert!(world.once(&flags, r#"read {"file": "notes"}"#).ends_with("Call Ada.\n"));
}

#[test]
fn shared_drives_and_single_files_can_be_allowed() {
    let world = World::office();
    let read =
        |flags: &[&str], file: &str| world.once(flags, &format!(r#"read {{"file": "{file}"}}"#));
    assert!(read(&["--folder=shared"], "handbook").ends_with("Be kind.\n"));
    assert!(read(&["--folder=shared"], "plan").starts_with("error: not_found: "));
    assert!(read(&["--folder=/Company"], "/Company/Handbook").ends_with("Be kind.\n"));
    assert!(read(&["--folder=stray"], "stray").ends_with("of nobody"));
    assert!(read(&["--folder=/Team/Sub"], "/Sub/notes").ends_with("Call Ada.\n"));
    assert!(read(&[], "/Team/Sub/notes").ends_with("Call Ada.\n"));
    assert!(read(&[], "/Company/Handbook").ends_with("Be kind.\n"));
}

#[test]
fn two_files_of_one_path_are_told_apart() {
    let seed =
        Seed::new().file(NewFile::text("a", "1").id("one")).file(NewFile::text("a", "2").id("two"));
    let world = World::new(seed);
    let seen = world.once(&[], r#"read {"file": "/a"}"#);
    assert!(seen.starts_with("error: ambiguous: `/a` could be any of one, two"), "{seen}");
}

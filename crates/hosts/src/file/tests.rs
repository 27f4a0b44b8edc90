use super::*;

fn entry() -> Entry {
    Entry {
        name: "shop".to_owned(),
        command: "/opt/lockkeeper-postgres".to_owned(),
        args: vec!["postgresql://db/shop".to_owned()],
        variables: Vec::new(),
    }
}

fn read_whole(path: &Path) -> String {
    read(path).unwrap().unwrap()
}

#[test]
fn a_file_is_replaced_whole_and_its_old_text_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("project").join("mcp.json");
    let change = Change::put(Host::Cursor, &path, &entry()).unwrap();
    assert!(!change.is_none());
    assert_eq!(change.write().unwrap(), None);
    assert_eq!(read_whole(&path), change.after);
    assert!(Change::put(Host::Cursor, &path, &entry()).unwrap().is_none());

    let old = read_whole(&path);
    let change = Change::take(Host::Cursor, &path, "shop", "lockkeeper-postgres").unwrap().unwrap();
    let copy = change.write().unwrap().unwrap();
    assert_eq!(read_whole(&copy), old);
    assert!(!read_whole(&path).contains("shop"));
    let mut left: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["mcp.json", "mcp.json.before-lockkeeper"]);
}

#[test]
fn what_another_program_wrote_meanwhile_is_not_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mcp.json");
    fs::write(&path, "{}").unwrap();
    let change = Change::put(Host::Cursor, &path, &entry()).unwrap();
    fs::write(&path, "{\"theirs\": 1}").unwrap();
    assert!(matches!(change.write(), Err(FileError::Changed(_))));
    assert_eq!(read_whole(&path), "{\"theirs\": 1}");
    assert!(!beside(&path, DRAFT).exists());
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_private_file_private() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("dotfiles.json");
    fs::write(&kept, "{}").unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).unwrap();
    let path = directory.path().join("mcp.json");
    symlink(&kept, &path).unwrap();
    let copy = Change::put(Host::Cursor, &path, &entry()).unwrap().write().unwrap().unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert!(read_whole(&kept).contains("shop"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&kept), mode(&copy)), (0o640, 0o640));

    let fresh = directory.path().join("fresh.json");
    Change::put(Host::Cursor, &fresh, &entry()).unwrap().write().unwrap();
    assert_eq!(mode(&fresh), 0o600);
}

#[test]
fn what_changes_is_shown_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mcp.json");
    fs::write(&path, "{\n  \"mcpServers\": {\n    \"token\": {\"command\": \"secret\"}\n  }\n}\n")
        .unwrap();
    let lines = Change::put(Host::Cursor, &path, &entry()).unwrap().lines();
    expect_test::expect![[r#"
        -    "token": {"command": "secret"}
        +    "token": {"command": "secret"},
        +    "shop": {
        +      "type": "stdio",
        +      "command": "/opt/lockkeeper-postgres",
        +      "args": ["postgresql://db/shop"]
        +    }
    "#]]
    .assert_eq(&lines);
}

#[test]
fn all_places_are_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let places = Places { home: Some(directory.path().join("home")), ..Places::default() };
    let project = directory.path().join("project");
    let cursor = Host::Cursor.file(&places, Platform::HERE).unwrap();
    let codex = Host::Codex.project_file(&project).unwrap();
    Change::put(Host::Cursor, &cursor, &entry()).unwrap().write().unwrap();
    Change::put(Host::Codex, &codex, &entry()).unwrap().write().unwrap();
    let zed = Host::Zed.project_file(&project).unwrap();
    fs::create_dir_all(zed.parent().unwrap()).unwrap();
    fs::write(&zed, "{").unwrap();
    let found = registered(&places, Some(&project), "lockkeeper-postgres");
    let hosts: Vec<_> = found.iter().map(|one| one.as_ref().ok().map(|one| one.host)).collect();
    assert_eq!(hosts, [Some(Host::Codex), Some(Host::Cursor), None]);
    assert!(registered(&places, None, "lockkeeper-mongo").is_empty());
}

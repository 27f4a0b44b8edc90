//! A database behind a Unix socket, in the strictest sandbox.
#![expect(clippy::unwrap_used, reason = "a broken fixture fails its test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lockkeeper_testkit::postgres::{Cluster, Version};
use lockkeeper_testkit::stdio::{Era, Launch};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_lockkeeper-postgres");

fn launch(directory: &Path) -> Launch {
    let state = directory.join("state");
    Launch::new(BINARY).args(["--sandbox", "require", "--state-dir", state.to_str().unwrap()])
}

fn one(launch: Launch) -> String {
    let mut client = launch.connect(Era::Modern).unwrap();
    client.call_tool("query", json!({"sql": "SELECT 1 AS one"})).unwrap().text()
}

#[test]
fn it_is_reached_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let sockets = directory.path().join("sockets");
    fs::create_dir(&sockets).unwrap();
    for path in [directory.path(), &sockets] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let place = sockets.to_str().unwrap();
    let settings = [("unix_socket_directories", place)];
    let Some(mut cluster) = Cluster::start_with(Version::V16, &settings) else { return };
    let dsn = format!("host={place} port={} user=postgres dbname=postgres", cluster.port());
    let expected = "[1 row]\none\n1\n";
    assert_eq!(one(launch(directory.path()).args([dsn.as_str()])), expected);
    // By variables, as psql.
    let port = cluster.port().to_string();
    let by_variables = launch(directory.path())
        .env("PGHOST", place)
        .env("PGPORT", &port)
        .env("PGUSER", "postgres")
        .env("PGDATABASE", "postgres");
    assert_eq!(one(by_variables), expected);
    // What the settings don't name is not opened: here the credential does.
    let hidden =
        launch(directory.path()).args(["--credential", "env:SECRET_DSN"]).env("SECRET_DSN", &dsn);
    let said = one(hidden);
    assert!(said.starts_with("no_connection"), "{said}");

    let mut check = Launch::new(BINARY).args(["check", &dsn, "--sandbox", "require"]);
    let output = check.command().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let path = format!("{place}/.s.PGSQL.{port}");
    assert!(said.contains(&format!("connect {path}, by a process of its own")), "{said}");
    assert!(said.contains("ports"), "{said}");
    assert!(output.status.success(), "{said}");

    // Gone and back again.
    let mut client = launch(directory.path()).args([dsn.as_str()]).connect(Era::Modern).unwrap();
    let mut call = || client.call_tool("query", json!({"sql": "SELECT 1 AS one"})).unwrap().text();
    assert_eq!(call(), expected);
    cluster.crash();
    assert!(call().starts_with("no_connection"));
    cluster.restart();
    assert_eq!(call(), expected);
}

//! The short form of `cargo xtask stress`.

use std::process::Command;

#[test]
fn no_promise_breaks_under_load_and_faults() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stress"));
    command.args(["--fixture", env!("CARGO_BIN_EXE_fixture"), "--lenient"]);
    command.args(["--seconds", "5", "--calls", "200", "--siblings", "4", "--rate", "120"]);
    command.args(["--rounds", "5", "--directory"]).arg(directory.path());
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (table, broken) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{table}\n{broken}");
}

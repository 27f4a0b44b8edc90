//! Credentials and the store of secrets, as a person and a script use them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eras};

const WELCOME: &str = r#"{"characters":5}"#;

fn private(path: &str) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn every_source_gives_the_credential_when_it_is_needed() {
    let fixture = Fixture::new(&[]);
    let token = fixture.file("token", "t0ken\n");
    private(&token);
    let stored = fixture.secret(&["set", "mine"], "t0ken\n");
    assert_eq!((stored.code(), stored.stdout().as_str()), (0, ""));
    assert_eq!(stored.stderr(), "stored; use it with --credential store:mine\n");
    let state = fixture.path("state");
    for source in [
        "env:FIXTURE_TOKEN".to_owned(),
        format!("file:{token}"),
        format!("command:/bin/cat '{token}'"),
        "store:mine".to_owned(),
    ] {
        let kind = source.split_once(':').unwrap().0;
        eras(|era| {
            let state = state.to_str().unwrap();
            let fixture = Fixture::new(&["--state-dir", state, "--credential", &source]);
            let fixture = fixture.env("FIXTURE_TOKEN", "t0ken");
            assert_eq!(fixture.connect(era).text("log_in", json!({})), WELCOME, "{source}");
            let check = fixture.run(&["check"]);
            let line = check.stdout();
            let line = line.lines().find(|line| line.starts_with("ok   credential")).unwrap();
            assert!(line.contains(kind) && line.ends_with(": present"), "{line}");
            assert_eq!(check.code(), 0);
        });
        let fixture = Fixture::new(&["--state-dir", state.to_str().unwrap()]);
        let fixture = fixture.env("FIXTURE_TOKEN", "t0ken");
        let setting = format!("[source]\ncredential = {source:?}\n");
        let config = fixture.file("config.toml", &setting);
        let fixture = fixture.also(&["--config", &config]);
        let told = fixture.connect(Era::Modern).text("log_in", json!({}));
        assert_eq!(told, WELCOME, "{source} in a file");
    }
}

#[test]
fn a_credential_that_is_missing_stops_no_start() {
    for source in ["env:NO_TOKEN", "file:/no/token", "command:/no/program", "store:none"] {
        let fixture = Fixture::new(&["--credential", source]);
        let mut session = fixture.connect(Era::Modern);
        assert!(session.text("get_note", json!({"note_name": "first"})).contains("one"));
        let told = session.text("log_in", json!({}));
        assert!(told.starts_with("error: no_credential: "), "{source}: {told}");
        assert!(told.contains("ask the user to run this server's `check`"), "{told}");
        session.end();
        assert_eq!(fixture.outcomes(), ["get_note ok", "log_in no_credential"]);
        let check = fixture.run(&["check"]);
        assert_eq!(check.code(), 1, "{source}");
        assert!(check.stdout().contains("FAIL credential"), "{}", check.stdout());
        let json: Value =
            serde_json::from_str(&fixture.run(&["check", "--json"]).stdout()).unwrap();
        assert_eq!(json["ok"], false);
    }
    let told = Fixture::new(&[]).connect(Era::Modern).text("log_in", json!({}));
    assert!(told.contains("none was named"), "{told}");
    assert!(!Fixture::new(&[]).run(&["check"]).stdout().contains("credential"));
}

#[test]
fn only_servers_that_need_one_take_a_credential() {
    let help = |fixture: &Fixture| fixture.run(&["--help"]).stdout();
    assert!(help(&Fixture::new(&[])).contains("--credential <SOURCE>"));
    assert!(!help(&Fixture::bare()).contains("--credential <"), "{}", help(&Fixture::bare()));
    let refused = Fixture::bare().run(&["--credential", "env:TOKEN"]);
    assert_eq!(refused.code(), 2);
}

#[test]
fn a_renewed_credential_is_seen_after_the_old_one_is_refused() {
    let fixture = Fixture::new(&[]);
    let token = fixture.file("token", "t0ken");
    private(&token);
    let fixture = fixture.also(&["--credential", &format!("file:{token}")]);
    let mut session = fixture.connect(Era::Modern);
    assert_eq!(session.text("log_in", json!({})), WELCOME);
    fs::write(&token, "renewed").unwrap();
    assert_eq!(session.text("log_in", json!({})), WELCOME, "kept");
    assert!(session.text("log_in", json!({"end": "refused"})).contains("bad login ***"));
    assert_eq!(session.text("log_in", json!({})), r#"{"characters":7}"#);
}

#[test]
fn secrets_are_listed_replaced_and_forgotten() {
    let fixture = Fixture::new(&[]);
    let empty = fixture.secret(&["list"], "");
    assert_eq!((empty.code(), empty.stdout().as_str(), empty.stderr().as_str()), (0, "", ""));
    assert!(!fixture.path("state").exists(), "it only looks");
    for name in ["b.two", "a-one"] {
        assert_eq!(fixture.secret(&["set", name], "v4lue").code(), 0);
    }
    let list = fixture.secret(&["list"], "");
    let names: Vec<_> =
        list.stdout().lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["a-one", "b.two"]);
    let json: Value =
        serde_json::from_str(&fixture.secret(&["list", "--json"], "").stdout()).unwrap();
    let keys: Vec<_> = json["secrets"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["created", "name", "updated"]);
    let rotated = fixture.secret(&["rotate"], "");
    assert_eq!((rotated.code(), rotated.stderr().as_str()), (0, "2 secrets under a new key\n"));
    assert_eq!(fixture.secret(&["rm", "a-one"], "").code(), 0);
    let again = fixture.secret(&["rm", "a-one"], "");
    assert_eq!(again.code(), 1);
    assert!(again.stderr().starts_with("fixture: there is no secret of that name"));
    for (input, problem) in [("", "empty"), ("\n", "empty"), (&"x".repeat(70_000), "longer")] {
        let refused = fixture.secret(&["set", "c"], input);
        assert_eq!(refused.code(), 1);
        assert!(refused.stderr().contains(problem), "{}", refused.stderr());
    }
    let mut elsewhere = fixture.secret_command(&["list"]);
    elsewhere.env("LOCKKEEPER_KEY_FILE", fixture.path("other.key"));
    let refused = String::from_utf8(elsewhere.output().unwrap().stderr).unwrap();
    assert!(refused.contains("doesn't hold the key of"), "{refused}");
}

#[test]
fn a_value_where_it_does_not_belong_is_not_repeated() {
    let fixture = Fixture::new(&[]);
    for arguments in [
        &["set", "name", "t0ken/x"][..],
        &["set", "name", "-t0ken"],
        &["set", "name", "--", "t0ken"],
        &["set", "name", "--value", "t0ken"],
        &["set", "name", "--value=t0ken"],
        &["set", "name=t0ken"],
        &["rm", "t0ken/x"],
    ] {
        let refused = fixture.secret(arguments, "");
        assert_eq!(refused.code(), 2, "{arguments:?}");
        let said = refused.stderr() + &refused.stdout();
        assert!(!said.contains("t0ken"), "{arguments:?}: {said}");
    }
    for arguments in [&["--credential", "ghp_t0ken"][..], &["--credential=ghp_t0ken"]] {
        let refused = fixture.run(arguments);
        assert_eq!(refused.code(), 2);
        assert!(refused.stderr().contains("env:NAME, file:PATH, command:"), "{}", refused.stderr());
        assert!(!refused.stderr().contains("t0ken"), "{}", refused.stderr());
    }
    let config = fixture.file("config.toml", "[source]\ncredential = 'ghp_t0ken'\n");
    let refused = fixture.run(&["check", "--config", &config]);
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr().contains("config.toml:2: a credential is given as"));
    assert!(!refused.stderr().contains("t0ken"), "{}", refused.stderr());
}

#[test]
fn a_password_on_the_command_line_works_with_a_warning() {
    let fixture = Fixture::new(&["--dsn", "postgres://u:t0ken@host/db"]);
    let mut session = fixture.connect(Era::Modern);
    assert!(session.text("get_note", json!({"note_name": "first"})).contains("one"));
    let client = session.end();
    let stderr = client.stderr();
    assert!(stderr.contains("--dsn holds a password"), "{stderr}");
    assert!(stderr.contains("env:NAME, file:PATH, command:PROGRAM ARGUMENTS or store:NAME"));
    assert!(!stderr.contains("t0ken"), "{stderr}");
    let fixture = Fixture::new(&["--dsn", "postgres://u@host/db"]);
    assert_eq!(fixture.connect(Era::Modern).end().stderr(), "");
}

#[test]
fn a_rotation_that_is_killed_leaves_every_secret() {
    let fixture = Fixture::new(&["--credential", "store:mine"]);
    fixture.secret(&["set", "mine"], "t0ken");
    for n in 0..20 {
        fixture.secret(&["set", &format!("s{n}")], &"x".repeat(20_000));
    }
    let mut killed = 0;
    for n in 0..60 {
        let mut command = fixture.secret_command(&["rotate"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(500 * n));
        drop(child.kill());
        killed += u32::from(!child.wait().unwrap().success());
        assert_eq!(fixture.connect(Era::Modern).text("log_in", json!({})), WELCOME, "kill {n}");
    }
    assert!(killed > 0, "no rotation was slow enough");
    let list = fixture.secret(&["list"], "");
    assert_eq!((list.code(), list.stdout().lines().count()), (0, 21), "{}", list.stderr());
    assert_eq!(fixture.secret(&["rotate"], "").code(), 0);
    let mut left: Vec<_> = fs::read_dir(fixture.path("state"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("secrets"))
        .collect();
    left.sort();
    assert_eq!(left, ["secrets", "secrets.key", "secrets.lock"]);
}

/// Types into a terminal of its own, and prints what that terminal showed.
const TYPIST: &str = r#"
import os, pty, signal, sys
signal.alarm(60)
typed = sys.argv[1].encode().decode("unicode_escape").encode("latin-1")
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b""
while b"(not shown): " not in seen:
    seen += os.read(terminal, 4096)
os.write(terminal, typed)
try:
    while chunk := os.read(terminal, 4096):
        seen += chunk
except OSError:
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_value_that_is_typed_is_not_shown() {
    let fixture = Fixture::new(&["--credential", "store:mine"]);
    let typing = |typed: &str| {
        let command = fixture.secret_command(&["set", "mine"]);
        let mut typist = Command::new("python3");
        typist.args(["-c", TYPIST, typed]).arg(command.get_program()).args(command.get_args());
        let output = typist.output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.starts_with("Value of mine (not shown): "), "{shown}");
        (output.status.code().unwrap(), shown)
    };
    // With a mistyped `x`, and a `ü` of two bytes, taken back.
    let (code, shown) = typing(r"t0kx\x7f\xc3\xbc\x7fen\r");
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("t0k") && !shown.contains("en\r"), "{shown}");
    assert_eq!(fixture.connect(Era::Modern).text("log_in", json!({})), WELCOME);
    // Longer than a terminal's own line.
    let (code, shown) = typing(&format!("{}\\r", "y".repeat(6_000)));
    assert!(code == 0 && !shown.contains("yy"), "{shown}");
    assert_eq!(fixture.connect(Era::Modern).text("log_in", json!({})), r#"{"characters":6000}"#);
    let (code, shown) = typing(r"t0ken\x03");
    assert!(code == 1 && shown.contains("given up") && !shown.contains("t0ken"), "{shown}");
    assert_eq!(fixture.connect(Era::Modern).text("log_in", json!({})), r#"{"characters":6000}"#);
}

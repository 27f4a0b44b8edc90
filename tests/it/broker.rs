//! The broker runs the one program that it was told at its start, and nothing else, whatever the
//! sandboxed server asks of it; and it never outlives the server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::fixture::{Fixture, eras, until};

/// A broker as the server starts it.
struct Broker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Broker {
    fn start(fixture: &Fixture, words: &[&str]) -> Self {
        let mut command = std::process::Command::new(fixture.program());
        command.arg("--credential-broker").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut broker = Self { child, input, output };
        broker.send(&told(words));
        broker
    }

    fn send(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).unwrap();
    }

    fn reply(&mut self) -> (u8, String) {
        let (mut kind, mut length) = ([0], [0; 4]);
        self.output.read_exact(&mut kind).unwrap();
        self.output.read_exact(&mut length).unwrap();
        let mut text = vec![0; u32::from_be_bytes(length) as usize];
        self.output.read_exact(&mut text).unwrap();
        (kind[0], String::from_utf8(text).unwrap())
    }

    /// Waits for its end: all that it still said.
    fn end(mut self) -> Vec<u8> {
        drop(self.input);
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        self.child.wait().unwrap();
        rest
    }
}

/// A command line as the server sends it, once.
fn told(words: &[&str]) -> Vec<u8> {
    let words = words.join("\0") + "\0";
    [&u32::try_from(words.len()).unwrap().to_be_bytes(), words.as_bytes()].concat()
}

/// The children of a process, by the kernel's account.
fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    list.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

fn lives(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

fn running(path: &std::path::Path) -> u32 {
    until("a running program", || fs::read_to_string(path).is_ok_and(|id| id.ends_with('\n')));
    fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

#[test]
fn it_runs_its_program_as_often_as_it_is_asked() {
    let fixture = Fixture::new(&[]);
    let count = fixture.path("count");
    let script = format!("echo x >> {}; printf '%s|' \"$@\"; echo; echo", count.display());
    let words = ["/bin/sh", "-c", &script, "sh", "", "a b", "$HOME", "größe\n"];
    let mut broker = Broker::start(&fixture, &words);
    for _ in 0..3 {
        broker.send(b"?");
        assert_eq!(broker.reply(), (0, "|a b|$HOME|größe\n|\n".to_owned()));
    }
    assert_eq!(broker.end(), b"");
    assert_eq!(fs::read_to_string(count).unwrap(), "x\nx\nx\n");
    let mut broker = Broker::start(&fixture, &["/no/such/program"]);
    broker.send(b"?");
    let (kind, text) = broker.reply();
    assert_eq!((kind, text.as_str()), (1, "the program can't be started: entity not found"));
    broker.end();
}

#[test]
fn nothing_else_can_be_asked_of_it() {
    for demand in [&b"x"[..], b"\0", b"\0\0\0\x08/bin/ls\0", b"run\n", b"\xff\xff\xff\xff"] {
        let fixture = Fixture::new(&[]);
        let count = fixture.path("count");
        let mark = fixture.path("mark");
        let script = format!("echo x >> {}; echo t0ken", count.display());
        let mut broker = Broker::start(&fixture, &["/bin/sh", "-c", &script]);
        broker.send(b"?");
        assert_eq!(broker.reply(), (0, "t0ken".to_owned()));
        // A command line like the first one, in whatever clothes: it ends the broker.
        let words = told(&["/bin/sh", "-c", "touch \"$0\"", mark.to_str().unwrap()]);
        let bytes = [demand, &words, b"?"].concat();
        // It may be gone before all is written.
        drop(broker.input.write_all(&bytes));
        assert_eq!(broker.end(), b"", "{demand:?}");
        assert_eq!(fs::read_to_string(count).unwrap(), "x\n", "{demand:?}");
        assert!(!mark.exists(), "{demand:?}");
    }
}

#[test]
fn its_program_ends_with_it() {
    let fixture = Fixture::new(&[]);
    let id = fixture.path("id");
    let script = format!("echo $$ > {}; exec sleep 600", id.display());
    let mut broker = Broker::start(&fixture, &["/bin/sh", "-c", &script]);
    broker.send(b"?");
    let program = running(&id);
    assert!(lives(program));
    broker.end();
    until("its end", || !lives(program));
}

#[test]
fn a_sandboxed_server_gets_its_credential_through_it() {
    eras(|era| {
        let fixture = Fixture::new(&["--sandbox", "require"]);
        let token = fixture.file("token", "t0ken\n");
        let source = format!("command:/bin/cat {token}");
        let fixture = fixture.also(&["--credential", &source]);
        let mut session = fixture.connect(era);
        assert_eq!(session.text("log_in", json!({})), r#"{"characters":5}"#);
        // The upstream refuses it, and a new one is there: the program is run again.
        fixture.file("token", "newt0ken\n");
        session.text("log_in", json!({"end": "refused"}));
        assert_eq!(session.text("log_in", json!({})), r#"{"characters":8}"#);
        let process = session.pid();
        let [broker] = children(process)[..] else { panic!("one child") };
        let line = fs::read_to_string(format!("/proc/{broker}/cmdline")).unwrap();
        assert_eq!(line, "/proc/self/exe\0--credential-broker\0", "it shows no command");
        session.end();
        assert!(!lives(broker));
        let check = fixture.run(&["check"]);
        assert!(check.stdout().contains("command:/bin/cat …: present"), "{}", check.stdout());
    });
}

#[test]
fn a_server_that_is_killed_takes_all_with_it() {
    let fixture = Fixture::new(&[]);
    let id = fixture.path("id");
    let script = format!("echo $$ > {}; exec sleep 600", id.display());
    let source = format!("command:/bin/sh -c '{script}'");
    let fixture = fixture.also(&["--credential", &source]);
    let mut session = fixture.connect(Era::Modern);
    session.begin("log_in", json!({}));
    let program = running(&id);
    let [broker] = children(session.pid())[..] else { panic!("one child") };
    session.kill().unwrap();
    until("the end of both", || !lives(broker) && !lives(program));
}

#[test]
fn without_a_command_there_is_no_broker() {
    for source in [&[][..], &["--credential", "env:TOKEN"]] {
        let mut session = Fixture::new(source).connect(Era::Modern);
        session.settle();
        assert_eq!(children(session.pid()), [0; 0]);
    }
}

//! Nothing that a client sends, or doesn't read, makes the server grow without bound.

use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eras, text, until};

const MIB: usize = 1024 * 1024;

#[test]
fn a_line_of_16_mib_is_served_and_a_longer_one_answered_once() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let call = json!({"name": "get_note", "arguments": {"note_name": "#"}});
        let message = session.message("\"long\"", "tools/call", call);
        session.say(message.replacen('#', &"n".repeat(16 * MIB - 1_000), 1));
        let answer = session.line();
        let error = text(&answer["result"]);
        assert!(error.starts_with("error: not_found: there is no note `nnn"), "{error}");
        assert!(error.len() < 500);
        for _ in 0..2 {
            session.say(message.replacen('#', &"n".repeat(17 * MIB), 1));
            let answer = session.line();
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32700), &json!(null)));
        }
        session.settle();
        let peak = session.peak_mib();
        assert!(peak < 150, "{peak} MiB");
        session.end();
    });
}

#[test]
fn an_endless_line_costs_no_memory() {
    let mut session = Fixture::new(&[]).connect(Era::Modern);
    let chunk = vec![b'['; MIB];
    for _ in 0..256 {
        session.send_raw(&chunk).unwrap();
    }
    let answer = session.line();
    assert_eq!(answer["error"]["code"], -32700);
    session.say("");
    session.settle();
    let peak = session.peak_mib();
    assert!(peak < 80, "{peak} MiB");
}

#[test]
fn many_small_values_do_not_grow_into_much() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let arguments = format!("{{\"note_name\":[{}0]}}", "0,".repeat(7 * MIB));
        let params = format!(r#"{{"name":"get_note","arguments":{arguments}}}"#);
        session.say(format!(
            r#"{{"jsonrpc":"2.0","id":"many","method":"tools/call","params":{params}}}"#
        ));
        let answer = session.line();
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        let peak = session.peak_mib();
        assert!(peak < 200, "{peak} MiB");
        session.settle();
    });
}

#[test]
fn large_requests_that_wait_are_bounded() {
    eras(|era| {
        let fixture = Fixture::new(&["--concurrency", "1"]);
        let mut session = fixture.connect(era);
        let sleeper = session.begin("sleep_async", json!({"ms": 60_000}));
        fixture.await_log("sleeping", 1);
        let name = "n".repeat(4 * MIB);
        let call = json!({"name": "get_note", "arguments": {"note_name": name}});
        let large = session.message("#", "tools/call", call);
        for number in 0..24 {
            session.say(large.replacen('#', &format!("\"r{number}\""), 1));
        }
        // What is small still gets through.
        let peak = session.begin("get_peak", json!({}));
        session.ask("tools/list", json!({}));
        session.cancel(sleeper);
        let mut refused = 0;
        for _ in 0..24 {
            let answer = session.line();
            assert!(answer.to_string().len() < 1_000);
            refused += usize::from(answer["error"]["code"] == -32000);
        }
        assert!((8..12).contains(&refused), "{refused}");
        session.result(peak);
        let peak = session.peak_mib();
        assert!(peak < 150, "{peak} MiB");
        session.settle();
        session.end();
    });
}

#[test]
fn a_client_that_never_reads_is_not_buffered_for() {
    eras(|era| {
        let fixture = Fixture::new(&["--max-output", "100kB"]);
        let mut command = fixture.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut requests = Vec::new();
        if era == Era::Legacy {
            let client = json!({"name": "t", "version": "1"});
            requests.push(json!({
                "jsonrpc": "2.0", "id": "i", "method": "initialize",
                "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client},
            }));
        }
        let call = json!({"name": "get_huge", "arguments": {"bytes": 100_000}});
        let call = era.with_meta(&json!({}), call);
        requests.extend(
            (0..5_000).map(
                |id| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": call}),
            ),
        );
        let lines: Vec<String> = requests.iter().map(Value::to_string).collect();
        let lines = lines.join("\n") + "\n";
        // It stops reading, so this ends when it is killed.
        let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()).is_err());
        let status = format!("/proc/{}/status", child.id());
        let field = |name: &str| -> u64 {
            let status = std::fs::read_to_string(&status).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
        };
        let stat = format!("/proc/{}/stat", child.id());
        let mut last = (String::new(), 0);
        until("end of its work", || {
            let stat = std::fs::read_to_string(&stat).unwrap();
            let times: Vec<&str> = stat.split(' ').skip(13).take(2).collect();
            let now = (times.join(" "), field("VmRSS"));
            // Unchanged over a while in which it would have worked.
            thread::sleep(std::time::Duration::from_millis(150));
            std::mem::replace(&mut last, now.clone()) == now && now.1 > 6_000
        });
        let peak = field("VmHWM") / 1024;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(writer.join().unwrap(), "it read all that it can't answer");
        assert!(peak < 60, "{peak} MiB");
    });
}

/// What is mapped of the program itself is as large as a debug build makes it.
#[test]
fn an_idle_server_keeps_little() {
    let mut session = Fixture::new(&[]).connect(Era::Modern);
    session.settle();
    let status = std::fs::read_to_string(format!("/proc/{}/status", session.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kept: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kept < 3 * 1024, "{kept} KiB of its own");
}

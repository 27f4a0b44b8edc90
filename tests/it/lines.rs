//! What a client can put on the line: every line gets one answer or none, as JSON-RPC says, and
//! the next one is served.

use std::collections::BTreeSet;

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, PATIENCE, Session, eras};

/// Says a line that is refused, and checks code and id.
fn refused(session: &mut Session, line: impl AsRef<[u8]>, code: i64, id: Value) -> Value {
    session.say(&line);
    let answer = session.line();
    let shown = String::from_utf8_lossy(line.as_ref()).chars().take(200).collect::<String>();
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{shown}: {answer}");
    assert!(answer.to_string().len() < 1_000, "an error does not echo at length");
    answer
}

#[test]
fn what_is_no_json_is_a_parse_error() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        for line in [
            b"garbage".as_slice(),
            b"{",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}}",
            b"{'jsonrpc':'2.0'}",
            b"\0",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\0ng\"}",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}",
            b"\xf0\x9f\xa6",
            b"{\"jsonrpc\":\"2.0\",\"id\":01,\"method\":\"ping\"}",
            b"NaN",
        ] {
            refused(&mut session, line, -32700, Value::Null);
        }
        session.settle();
        session.end();
    });
}

#[test]
fn what_is_no_message_is_an_invalid_request() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        for line in [
            "1",
            "null",
            "\"ping\"",
            "{}",
            "[]",
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            r#"["2.0",1,"ping",{}]"#,
            r#"{"jsonrpc":"2.0","method":7,"id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
        ] {
            refused(&mut session, line, -32600, Value::Null);
        }
        for line in [
            r#"{"id":"i","method":"ping"}"#,
            r#"{"jsonrpc":"1.0","id":"i","method":"ping"}"#,
            r#"{"jsonrpc":2.0,"id":"i","method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":"i"}"#,
        ] {
            refused(&mut session, line, -32600, json!("i"));
        }
        session.settle();
    });
}

#[test]
fn parameters_that_do_not_fit_are_refused_under_their_id() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        for (method, params) in [
            ("tools/call", "[]"),
            ("tools/call", "7"),
            ("tools/call", "null"),
            ("tools/call", "{}"),
            ("tools/call", r#"{"name":7}"#),
            ("tools/call", r#"{"name":"get_peak","arguments":[]}"#),
            ("tools/call", r#"{"name":"get_peak","_meta":7}"#),
            ("tools/call", r#"{"name":"get_peak","name":"get_note"}"#),
            ("tools/call", r#"{"name":"get_peak","arguments":{"a":1,"a":2}}"#),
            ("tools/call", r#"{"name":"get_peak","arguments":{"a":{"b":1,"b":2}}}"#),
            ("tools/call", r#"{"name":"get_peak","arguments":{"a":"\ud800"}}"#),
            ("tools/call", r#"{"name":"get_peak","arguments":{"\udfff":1}}"#),
            ("tools/call", r#"{"name":"get_peak","arguments":{"a":1e999}}"#),
            ("tools/list", "[]"),
            ("tools/list", "\"x\""),
            ("resources/read", "{}"),
            ("resources/read", r#"{"uri":7}"#),
            ("completion/complete", "{}"),
        ] {
            let line =
                format!(r#"{{"jsonrpc":"2.0","id":"i","method":"{method}","params":{params}}}"#);
            refused(&mut session, line, -32602, json!("i"));
        }
        session.settle();
    });
}

#[test]
fn deep_nesting_is_refused() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let deep = |open: &str, close: &str| open.repeat(10_000) + "1" + &close.repeat(10_000);
        for deep in [deep("[", "]"), deep(r#"{"a":"#, "}")] {
            let params = format!(r#"{{"name":"get_peak","arguments":{{"a":{deep}}}}}"#);
            let line =
                format!(r#"{{"jsonrpc":"2.0","id":"d","method":"tools/call","params":{params}}}"#);
            refused(&mut session, line, -32602, json!("d"));
            // As a notification or a response it has nobody to answer to.
            session.say(format!(r#"{{"jsonrpc":"2.0","method":"x","params":{{"a":{deep}}}}}"#));
            refused(&mut session, &deep, -32600, Value::Null);
        }
        session.settle();
        session.end();
    });
}

#[test]
fn ids_of_every_type_come_back_as_they_were() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let long = format!("\"{}\"", "i".repeat(900));
        for id in [
            "0",
            "-1",
            "9223372036854775807",
            "9223372036854775808",
            "1.5",
            "-0.25",
            "1e2",
            "\"a\"",
            "\"\"",
            "\"1\"",
            "\"größe 🦀\"",
            r#""\u00fc\n\"""#,
            &long,
        ] {
            let call = json!({"name": "get_peak", "arguments": {}});
            let message = session.message(id, "tools/call", call);
            session.say(message);
            let line = session.next_line(PATIENCE).unwrap();
            let line = String::from_utf8(line.bytes).unwrap();
            let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
            assert!(line.starts_with(&start), "{id}: {line}");
        }
        let too_long = format!("\"{}\"", "i".repeat(2_000));
        for id in ["null", "true", "[1]", r#"{"a":1}"#, r#""\ud800""#, "1e999", &too_long] {
            let message = session.message(id, "tools/list", json!({}));
            refused(&mut session, message, -32600, Value::Null);
        }
        session.settle();
        session.end();
    });
}

#[test]
fn an_id_in_flight_is_not_given_twice() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let sleeping = json!({"name": "sleep_async", "arguments": {"ms": 60_000}});
        let message = session.message(r#""\u00fc""#, "tools/call", sleeping);
        session.say(message);
        // The same string, spelled in another way.
        let message = session.message("\"ü\"", "tools/list", json!({}));
        refused(&mut session, message, -32600, json!("ü"));
        session.notify("notifications/cancelled", json!({"requestId": "ü"})).unwrap();
        let message = session.message("\"ü\"", "tools/list", json!({}));
        // Cancelled, it may be used again: at the latest once the call is gone.
        let answer = (0..100).find_map(|_| {
            session.say(&message);
            Some(session.line()).filter(|answer| answer.get("result").is_some())
        });
        assert!(answer.is_some());
        session.settle();
        session.end();
    });
}

#[test]
fn lines_end_in_every_way() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let message = |session: &Session, id: &str| session.message(id, "tools/list", json!({}));
        let answered = |session: &mut Session, id: &str| {
            let answer = session.line();
            assert_eq!(answer["id"], id);
            assert!(answer["result"]["tools"].is_array(), "{answer}");
        };
        let crlf = message(&session, "\"crlf\"") + "\r\n\r\n\n \t \n";
        session.send_raw(crlf.as_bytes()).unwrap();
        answered(&mut session, "crlf");
        let bom = "\u{feff}".to_owned() + &message(&session, "\"bom\"") + "\n";
        session.send_raw(bom.as_bytes()).unwrap();
        answered(&mut session, "bom");
        let halves = message(&session, "\"half\"") + "\n";
        for byte in halves.as_bytes() {
            session.send_raw(&[*byte]).unwrap();
        }
        answered(&mut session, "half");
        let two = message(&session, "\"one\"") + "\n" + &message(&session, "\"two\"") + "\n";
        session.send_raw(two.as_bytes()).unwrap();
        let ids = [session.line()["id"].clone(), session.line()["id"].clone()];
        assert!(ids.contains(&json!("one")) && ids.contains(&json!("two")));
        session.settle();
        let unended = message(&session, "\"unended\"");
        session.send_raw(unended.as_bytes()).unwrap();
        session.close_stdin();
        answered(&mut session, "unended");
        session.gone();
    });
}

#[test]
fn what_needs_no_answer_gets_none() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        for line in [
            r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":99,"error":{"code":1,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","method":"no/such"}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"add_note"}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"a":1,"a":2}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#,
        ] {
            session.say(line);
        }
        session.settle();
        session.end();
    });
}

#[test]
fn pipelined_requests_are_each_answered_once() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let call = json!({"name": "get_note", "arguments": {"note_name": "first"}});
        let requests: Vec<String> = (0..500)
            .map(|number| session.message(&format!("\"r{number}\""), "tools/call", call.clone()))
            .collect();
        session.say(requests.join("\n"));
        let mut seen = BTreeSet::new();
        for _ in 0..500 {
            let answer = session.line();
            assert_eq!(answer["result"]["structuredContent"]["text"], "one", "{answer}");
            assert!(seen.insert(answer["id"].to_string()), "answered twice: {answer}");
        }
        session.settle();
        session.end();
    });
}

#[test]
fn unknown_arguments_name_the_right_one() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let error = session.text("get_note", json!({"noteName": "first"}));
        assert_eq!(
            error,
            "error: invalid_arguments: unknown argument `noteName`\nnext: use `note_name`"
        );
        let error = session.text("get_note", json!({"zzz": "first"}));
        assert!(error.ends_with("next: the arguments are limit, note_name"), "{error}");
        let error = session.text("get_peak", json!({"x": 1}));
        assert!(error.ends_with("next: call it without arguments"), "{error}");
        let error = session.text("get_note", json!({}));
        assert!(error.contains("missing field `note_name`"), "{error}");
        let secret = "s".repeat(50_000);
        let error = session.text("get_note", json!({"note_name": "first", "limit": secret}));
        assert!(error.len() < 500, "{error}");
        let error = session.text("get_note", json!({ secret: 1 }));
        assert!(error.len() < 500, "{error}");
        let text = session.text("get_note", json!({"note_name": "first", "limit": "2"}));
        assert_eq!(text, r#"{"name":"first","text":"on","characters":2}"#);
        let text = session.text("get_note", json!({"note_name": "first", "limit": null}));
        assert!(text.contains("\"one\""), "{text}");
    });
}

#[test]
fn a_second_era_on_one_connection_is_answered() {
    let mut session = Fixture::new(&[]).connect(Era::Legacy);
    let params = Era::Modern.with_meta(&json!({}), json!({}));
    let answer = session.ask("tools/list", params);
    assert!(answer["result"]["tools"].is_array(), "{answer}");
    session.settle();
}

//! The trace of a caller reaches what the server does and what it writes down.

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Session, eras, text};

const ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn call(session: &mut Session, tool: &str, meta: Value) -> Value {
    let params = json!({"name": tool, "arguments": {}, "_meta": meta});
    let id = session.start("tools/call", params).unwrap();
    serde_json::from_str(&text(&session.result(id))).unwrap()
}

#[test]
fn a_trace_goes_through_every_call() {
    eras(|era| {
        let fixture = Fixture::new(&["--write", "--call-budget", "9s"]);
        let mut session = fixture.connect(era);
        let meta =
            json!({"traceparent": PARENT, "tracestate": "a=1, b=2", "baggage": "user=lovelace"});
        for tool in ["get_ongoing", "keep_ongoing"] {
            let known = call(&mut session, tool, meta.clone());
            let header = known["header"].as_str().unwrap();
            assert!(
                header.starts_with(&format!("00-{ID}-")) && header.ends_with("-01"),
                "{header}"
            );
            assert_ne!(header, PARENT, "the parent of what follows is this call");
            assert_eq!(known["state"], "a=1,b=2");
            assert_eq!(known["same_when_blocking"], true);
            let left = known["ms_left"].as_u64().unwrap();
            assert!((1..=9_000).contains(&left), "{left}");
        }
        let params = json!({"uri": "note:///first", "_meta": meta});
        session.ask("resources/read", params);
        session.end();
        let records = fixture.audit();
        assert_eq!(records.len(), 4, "{records:#?}");
        assert!(records.iter().all(|record| record["trace"] == ID), "{records:#?}");
        assert!(!json!(records).to_string().contains("lovelace"), "baggage is nobody's business");
        assert_eq!(fixture.run_audit(&["verify"]).code(), 0);
    });
}

#[test]
fn a_trace_that_is_none_is_ignored() {
    let fixture = Fixture::new(&[]);
    let mut session = fixture.connect(Era::Modern);
    for meta in [
        json!({}),
        json!({"traceparent": 7}),
        json!({"traceparent": format!("{PARENT}\r\nX-Other: 1")}),
        json!({"tracestate": "a=1"}),
    ] {
        let known = call(&mut session, "get_ongoing", meta);
        assert_eq!((&known["header"], &known["state"]), (&Value::Null, &Value::Null));
    }
    session.end();
    assert!(fixture.audit().iter().all(|record| record.get("trace").is_none()));
}

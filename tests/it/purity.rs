//! Standard output carries the protocol and nothing else, standard error no data of anybody's,
//! whatever level of logging is asked for.

use serde_json::json;

use crate::fixture::{Fixture, eras};

const CANARY: &str = "canary-8d1f";

#[test]
fn the_channel_stays_pure() {
    eras(|era| {
        let fixture = Fixture::new(&["--write"]).env("RUST_LOG", "trace");
        let mut session = fixture.connect(era);
        for _ in 0..3 {
            let text = "printed by a tool\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n";
            assert_eq!(session.text("print_text", json!({ "text": text })), "{}");
            session.text("panic_now", json!({"place": "body"}));
            session.text("panic_now", json!({"place": "blocking"}));
        }
        session.settle();
        let client = session.end();
        assert!(client.stderr().contains("printed by a tool"), "it went to standard error");
        assert!(client.stderr().contains("a defect: panicked"));
    });
}

#[test]
fn nobody_s_data_is_logged() {
    for level in ["trace", "rmcp=trace,lockkeeper=trace,fixture=trace,tokio=trace", "debug", "warn"]
    {
        eras(|era| {
            let fixture = Fixture::new(&["--write"]).asking().env("RUST_LOG", level);
            let mut session = fixture.connect(era);
            session.call("get_note", json!({"note_name": CANARY}));
            session.call("add_note", json!({"name": "n", "text": CANARY}));
            session.call("get_note", json!({"note_name": "n"}));
            session.call("get_note", json!({"note_name": "n", "limit": CANARY}));
            session.call("get_note", json!({ CANARY: 1 }));
            session.call(CANARY, json!({}));
            session.call("panic_now", json!({"place": "body", "message": CANARY}));
            session.call("panic_now", json!({"place": "plan", "message": CANARY}));
            session.call("panic_now", json!({"place": "blocking", "message": CANARY}));
            session.ask("resources/read", json!({"uri": format!("note:///{CANARY}")}));
            session.ask(CANARY, json!({}));
            session.notify(CANARY, json!({ "x": CANARY })).unwrap();
            session.say(format!("{{{CANARY}"));
            session.line();
            let delete = session.begin("delete_note", json!({"name": CANARY}));
            if era.revision() == "2025-11-25" {
                let id = session.line()["id"].clone();
                let error = json!({"code": -1, "message": CANARY});
                session.send(&json!({"jsonrpc": "2.0", "id": id, "error": error})).unwrap();
            }
            session.result(delete);
            session.settle();
            let client = session.end();
            let stderr = client.stderr();
            assert!(!stderr.contains(CANARY), "{level}: {stderr}");
        });
    }
}

//! Resources, their templates and completions: the same gate as the tool that reads the same.

use serde_json::{Value, json};

use crate::fixture::{Fixture, Session, eras};

const TEMPLATE: &str = "note:///{+name}";

fn complete(session: &mut Session, template: &str, name: &str, value: &str) -> Value {
    let params = json!({
        "ref": {"type": "ref/resource", "uri": template},
        "argument": {"name": name, "value": value},
    });
    session.ask("completion/complete", params)
}

#[test]
fn resources_are_listed_and_read() {
    eras(|era| {
        let fixture = Fixture::new(&[]);
        let mut session = fixture.connect(era);
        let list = session.ask("resources/list", json!({}));
        let uris: Vec<&str> = list["result"]["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| resource["uri"].as_str().unwrap())
            .collect();
        assert_eq!(uris, ["note:///first", "note:///gr%C3%B6%C3%9Fe", "note:///second"]);
        let templates = session.ask("resources/templates/list", json!({}));
        let expected = json!([{"uriTemplate": TEMPLATE, "name": "note"}]);
        assert_eq!(templates["result"]["resourceTemplates"], expected);
        for (uri, text) in [(uris[0], "one"), (uris[1], "drei 🦀"), ("note:///größe", "drei 🦀")]
        {
            let read = session.ask("resources/read", json!({ "uri": uri }));
            let expected = json!([{"uri": uri, "mimeType": "text/plain", "text": text}]);
            assert_eq!(read["result"]["contents"], expected);
        }
        let read = session.ask("resources/read", json!({"uri": "note:///blob"}));
        assert_eq!(read["result"]["contents"][0]["blob"], "AAEC");
        session.settle();
        session.end();
        assert!(fixture.outcomes().contains(&"resources/read ok".to_owned()));
    });
}

#[test]
fn trouble_behind_the_server_is_no_empty_list_and_nobody_s_mistake() {
    eras(|era| {
        let fixture = Fixture::new(&["--broken"]);
        let mut session = fixture.connect(era);
        let answers = [
            session.ask("resources/list", json!({})),
            session.ask("resources/read", json!({"uri": "note:///first"})),
            complete(&mut session, TEMPLATE, "name", "f"),
        ];
        for answer in answers {
            assert_eq!(answer["error"]["code"], -32603, "{answer}");
            let said = answer["error"]["message"].as_str().unwrap();
            assert!(said.starts_with("upstream_down: "), "{said}");
            assert!(said.ends_with("retry_after_s: 5"), "{said}");
        }
        session.settle();
        session.end();
    });
}

#[test]
fn what_is_not_there_is_not_found() {
    eras(|era| {
        let code = if era.revision() == "2026-07-28" { -32602 } else { -32002 };
        let mut session = Fixture::new(&[]).connect(era);
        for uri in ["note:///nothing", "file:///etc/passwd", "", "note:///%ff", "note:///%", "x"] {
            let answer = session.ask("resources/read", json!({ "uri": uri }));
            assert_eq!(answer["error"]["code"], code, "{uri}: {answer}");
            assert_eq!(answer["error"]["data"]["uri"], uri);
        }
        let answer = session.ask("resources/read", json!({"uri": "x".repeat(1_000_000)}));
        assert_eq!(answer["error"]["code"], code);
        assert!(answer.to_string().len() < 3_000, "a long name is not echoed");
        session.settle();
    });
}

#[test]
fn a_denied_tool_hides_its_resources_on_every_route() {
    eras(|era| {
        let open = Fixture::new(&[]);
        let denied = Fixture::new(&["--deny-tools", "get_note"]);
        let (mut open, mut session) = (open.connect(era), denied.connect(era));
        assert_eq!(session.ask("resources/list", json!({}))["result"]["resources"], json!([]));
        let templates = session.ask("resources/templates/list", json!({}));
        assert_eq!(templates["result"]["resourceTemplates"], json!([]));
        let hidden = session.ask("resources/read", json!({"uri": "note:///first"}));
        let unknown = session.ask("resources/read", json!({"uri": "note:///nothing"}));
        let text = |answer: &Value| answer["error"].to_string().replace("first", "nothing");
        assert_eq!(text(&hidden), text(&unknown));
        let hidden = complete(&mut session, TEMPLATE, "name", "");
        let unknown = complete(&mut session, "other:///{x}", "name", "");
        assert_eq!(hidden["error"], unknown["error"], "{hidden}");
        assert_eq!(unknown["error"], complete(&mut open, "other:///{x}", "name", "")["error"]);
        assert_eq!(unknown["error"]["code"], -32602);
        session.settle();
    });
}

#[test]
fn names_are_completed() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let mut values = |name: &str, typed: &str| {
            let answer = complete(&mut session, TEMPLATE, name, typed);
            answer["result"]["completion"].clone()
        };
        assert_eq!(values("name", "s")["values"], json!(["second"]));
        assert_eq!(values("name", "")["values"], json!(["first", "größe", "second"]));
        assert_eq!(values("name", "zzz")["values"], json!([]));
        assert_eq!(values("other", "")["values"], json!([]));
        let many = values("name", "many");
        assert_eq!(many["values"].as_array().unwrap().len(), 100);
        assert_eq!((&many["total"], &many["hasMore"]), (&json!(250), &json!(true)));
        let others = json!({
            "ref": {"type": "ref/resource", "uri": TEMPLATE},
            "argument": {"name": "name", "value": "co"},
            "context": {"arguments": {"before": "se"}},
        });
        let answer = session.ask("completion/complete", others);
        assert_eq!(answer["result"]["completion"]["values"], json!(["second"]));
        let prompt = json!({
            "ref": {"type": "ref/prompt", "name": "x"},
            "argument": {"name": "x", "value": ""},
        });
        assert_eq!(session.refusal("completion/complete", prompt), -32602);
        session.settle();
    });
}

#[test]
fn reads_of_resources_wait_in_the_same_queue() {
    eras(|era| {
        let arguments = ["--concurrency", "1", "--call-budget", "300ms", "--write"];
        let fixture = Fixture::new(&arguments);
        let mut session = fixture.connect(era);
        session.begin("edit_note", json!({"name": "first", "text": "x", "ms": 2_000}));
        fixture.await_log("editing first", 1);
        let read = session.start("resources/read", json!({"uri": "note:///first"})).unwrap();
        let answer = session.wait(read).unwrap().value;
        assert!(answer["error"]["message"].as_str().unwrap().starts_with("busy: "), "{answer}");
    });
}

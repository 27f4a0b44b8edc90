//! Rate limits on every route, and what those who set them are told.

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eras, text};

fn configured(text: &str, arguments: &[&str]) -> Fixture {
    let fixture = Fixture::new(arguments);
    let path = fixture.file("limits.toml", text);
    fixture.also(&["--config", &path])
}

fn refused(answer: &str) -> bool {
    let seconds = answer.lines().find_map(|line| line.strip_prefix("retry_after_s: "));
    answer.starts_with("error: rate_limited: ") && seconds.is_some_and(|s| s.parse::<u64>().is_ok())
}

#[test]
fn every_route_counts() {
    eras(|era| {
        let fixture = configured("[limits]\nrate = \"4/h\"\n", &[]);
        let mut session = fixture.connect(era);
        let read = json!({"uri": "note:///first"});
        let reference = json!({"type": "ref/resource", "uri": "note:///{+name}"});
        let typed = json!({"ref": reference, "argument": {"name": "name", "value": "f"}});
        session.text("get_note", json!({"note_name": "first"}));
        assert!(session.ask("resources/read", read.clone())["result"].is_object());
        assert!(session.ask("completion/complete", typed.clone())["result"].is_object());
        assert_eq!(session.text("sleep_async", json!({"ms": 0})), r#"{"how":"slept"}"#);
        let answer = session.text("sleep_async", json!({"ms": 0}));
        assert!(refused(&answer), "{answer}");
        assert!(
            answer.contains("at most 4/h calls") && !answer.contains("limits.toml"),
            "{answer}"
        );
        for (method, params) in [
            ("resources/read", read),
            ("resources/list", json!({})),
            ("completion/complete", typed),
        ] {
            let error = session.ask(method, params)["error"].clone();
            assert_eq!(error["code"], -32603, "{method}: {error}");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("retry_after_s: "), "{method}: {message}");
        }
        let unknown = session.call("no_such_tool", json!({}));
        assert!(refused(&text(&unknown)), "{unknown}");
        session.settle();
        session.end();
        assert_eq!(fixture.log().matches("sleeping").count(), 1, "what is refused doesn't run");
        let records = fixture.audit();
        let refused: Vec<_> = records.iter().filter(|r| r["code"] == "rate_limited").collect();
        assert_eq!(refused.len(), 5, "{records:#?}");
        for record in refused {
            let rule = record["decision"]["rule"].as_str().unwrap();
            assert!(rule.starts_with("limits.rate `4/h` (") && rule.ends_with("limits.toml:2)"));
            assert_eq!(record["decision"]["effect"], "deny");
        }
    });
}

#[test]
fn changes_have_a_limit_of_their_own() {
    eras(|era| {
        let fixture = Fixture::new(&["--write", "--write-rate", "1/h"]).asking();
        let mut session = fixture.connect(era);
        // A call that nobody confirmed is none.
        let delete = session.begin("delete_note", json!({"name": "first"}));
        if era == Era::Legacy {
            let id = session.line()["id"].clone();
            let result = json!({"action": "decline"});
            session.send(&json!({"jsonrpc": "2.0", "id": id, "result": result})).unwrap();
            assert!(text(&session.result(delete)).contains("declined"));
        } else {
            assert!(session.result(delete)["inputRequests"].is_object());
        }
        assert!(!refused(&session.text("add_note", json!({"name": "one", "text": "x"}))));
        let answer = session.text("add_note", json!({"name": "two", "text": "x"}));
        assert!(refused(&answer) && answer.contains("change something"), "{answer}");
        assert!(session.text("get_note", json!({"note_name": "two"})).contains("not_found"));
        assert!(!refused(&session.text("get_note", json!({"note_name": "one"}))));
        // Nor is a person asked for what would be refused.
        let delete = session.begin("delete_note", json!({"name": "one"}));
        let answer = text(&session.result(delete));
        assert!(refused(&answer), "{answer}");
        session.end();
        let intents = fixture.audit().iter().filter(|record| record["ev"] == "intent").count();
        assert_eq!(intents, 1, "what is refused has no intent");
    });
}

#[test]
fn a_tool_s_limit_holds_for_its_resources_too() {
    let limits = "[limits.tools]\n\"get_n*\" = \"1/h\"\n\"keep_*\" = \"1/h\"\n";
    let fixture = configured(limits, &[]);
    let mut session = fixture.connect(Era::Modern);
    assert!(!refused(&session.text("get_note", json!({"note_name": "first"}))));
    let read = session.ask("resources/read", json!({"uri": "note:///first"}));
    assert!(read["error"]["message"].as_str().unwrap().contains("calls of `get_n*`"), "{read}");
    assert!(!refused(&session.text("get_peak", json!({}))), "others go on");
    // A rule over a hidden tool doesn't tell that there is one.
    for _ in 0..3 {
        let hidden = session.call("keep_ongoing", json!({}));
        assert_eq!(hidden, session.call("no_such_tool", json!({})));
    }
}

#[test]
fn a_thousand_at_once_get_an_answer_each() {
    let fixture = Fixture::new(&["--rate", "100/h"]);
    let mut session = fixture.connect(Era::Modern);
    let ids: Vec<u64> = (0..1_000).map(|_| session.begin("get_peak", json!({}))).collect();
    let answers: Vec<String> = ids.into_iter().map(|id| text(&session.result(id))).collect();
    assert_eq!(answers.iter().filter(|answer| refused(answer)).count(), 900);
    assert_eq!(answers.iter().filter(|answer| answer.contains("peak")).count(), 100);
    session.settle();
    session.end();
}

#[test]
fn a_limit_that_means_nothing_starts_nothing() {
    for (text, problem) in [
        ("[limits]\nrate = \"30\"\n", ":2: a rate is"),
        ("[limits]\nwrite_rate = \"0/min\"\n", ":2: a rate is"),
        ("[limits.tools]\n\"get_note\" = \"1/day\"\n", ":2: a rate is"),
        ("[limits.tools]\n\n\"serch_*\" = \"1/s\"\n", ":3: no tool matches `serch_*`"),
        ("[limits.tools]\n\"get_[\" = \"1/s\"\n", ":2: error parsing glob"),
        ("[limits]\nrates = \"1/s\"\n", ":2: unknown field `rates`"),
    ] {
        let ran = configured(text, &[]).serve_nothing();
        assert_eq!(ran.code(), 1, "{text}");
        assert!(ran.stderr().contains(problem), "{text}: {}", ran.stderr());
    }
    assert_eq!(Fixture::new(&["--rate", "often"]).serve_nothing().code(), 2);
}

#[test]
fn none_widens_another() {
    let managed = |file: &str, text: &str, arguments: &[&str]| {
        let fixture = Fixture::new(arguments);
        std::fs::create_dir(fixture.path("managed")).unwrap();
        fixture.file(&format!("managed/{file}"), text);
        let directory = fixture.path("managed").to_str().unwrap().to_owned();
        fixture.env("LOCKKEEPER_MANAGED_DIR", &directory)
    };
    let rules = |fixture: &Fixture| {
        let ran = fixture.run(&["check"]).stdout();
        let lines = ran.lines().filter(|line| line.contains("limits."));
        lines.map(|line| line.split('`').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let strict = "[limits]\nrate = \"1/min\"\n";
    let flag = &["--rate", "9/s"];
    assert_eq!(rules(&managed("all.toml", strict, flag)), ["1/min", "9/s"]);
    let open = format!("{strict}[managed]\nopen = [\"limits.rate\"]\n");
    assert_eq!(rules(&managed("fixture.toml", &open, flag)), ["9/s"]);
    assert_eq!(rules(&managed("fixture.toml", &open, &[])), ["1/min"]);
    let ran = managed("all.toml", "[limits.tools]\n\"get_note\" = \"1/s\"\n", &[]).run(&["check"]);
    assert!(ran.stderr().contains("all.toml:2: tools, "), "{}", ran.stderr());
}

#[test]
fn a_call_is_explained_with_its_limits() {
    let limits =
        "[limits]\nrate = \"9/s\"\nwrite_rate = \"3/min\"\ntools = {\"add_*\" = \"1/s\"}\n";
    let fixture = configured(limits, &["--write"]);
    let explain = |tool: &str, arguments: Value| {
        fixture.run(&["policy", "explain", tool, &arguments.to_string()]).stdout()
    };
    let read = explain("get_note", json!({"note_name": "first"}));
    assert!(
        read.contains("limited by limits.rate `9/s`") && !read.contains("write_rate"),
        "{read}"
    );
    let added = explain("add_note", json!({"name": "n", "text": "t"}));
    for rule in
        ["limits.tools `add_*` = `1/s` (", "limits.rate `9/s` (", "limits.write_rate `3/min`"]
    {
        assert!(added.contains(&format!("limited by {rule}")), "{added}");
    }
    let ran = fixture.run(&["policy", "check"]).stdout();
    assert!(ran.contains("rule  limits.write_rate `3/min` ("), "{ran}");
}

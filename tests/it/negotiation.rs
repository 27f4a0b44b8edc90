//! Opening a session, in every revision and in every way that clients are known to try.

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eras};

const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

fn initialize(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    })
}

fn meta(version: &str) -> Value {
    json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }})
}

#[test]
fn every_legacy_revision_is_spoken() {
    for version in LEGACY {
        let mut session = Fixture::new(&[]).spawn();
        let answer = session.ask("initialize", initialize(version));
        let result = &answer["result"];
        assert_eq!(result["protocolVersion"], version);
        assert_eq!(result["serverInfo"]["name"], "fixture");
        assert!(result["instructions"].as_str().unwrap().starts_with("Notes in memory."));
        assert_eq!(
            result["capabilities"],
            json!({"tools": {}, "resources": {"subscribe": true}, "completions": {}})
        );
        session.notify("notifications/initialized", json!({})).unwrap();
        assert_eq!(session.ask("ping", json!({}))["result"], json!({}));
        let list = session.ask("tools/list", json!({}));
        assert_eq!(list["result"].get("resultType"), None, "only the modern era has it");
        let again = session.ask("initialize", initialize(version));
        assert_eq!(again["result"]["protocolVersion"], version, "asked twice");
        session.settle();
        session.end();
    }
}

#[test]
fn an_unknown_legacy_revision_gets_the_newest() {
    for version in ["1999-01-01", "2026-07-28", "2099-01-01", "", "x"] {
        let mut session = Fixture::new(&[]).spawn();
        let answer = session.ask("initialize", initialize(version));
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{version}");
        session.settle();
    }
}

#[test]
fn discovery_says_everything_and_binds_to_nothing() {
    let mut session = Fixture::new(&[]).spawn();
    session.open(Era::Modern);
    let answer = session.ask("server/discover", json!({}));
    let result = &answer["result"];
    let versions: Vec<&str> = result["supportedVersions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect();
    assert!(LEGACY.iter().chain(&["2026-07-28"]).all(|v| versions.contains(v)), "{versions:?}");
    assert_eq!(
        result["capabilities"],
        json!({"tools": {}, "resources": {"subscribe": true}, "completions": {}})
    );
    assert_eq!(result["resultType"], "complete");
    assert_eq!((&result["cacheScope"], &result["ttlMs"]), (&json!("private"), &json!(3_600_000)));
    assert!(result["instructions"].as_str().unwrap().starts_with("Notes in memory."));
    // A client may find that it would rather speak an older revision.
    session.notify("notifications/roots/list_changed", json!({})).unwrap();
    session.open(Era::Legacy);
    session.settle();
    session.end();
}

#[test]
fn a_modern_session_needs_no_discovery() {
    let mut session = Fixture::new(&[]).connect(Era::Modern);
    let answer = session.ask("tools/list", json!({}));
    let result = &answer["result"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["cacheScope"], "private");
    assert!(result["tools"].as_array().unwrap().len() > 5);
    let answer = session.ask("server/discover", json!({}));
    assert_eq!(answer["result"]["resultType"], "complete", "discovery later on works as well");
    session.settle();
}

#[test]
fn an_unknown_modern_revision_is_refused_with_those_there_are() {
    let mut session = Fixture::new(&[]).connect(Era::Modern);
    for _ in 0..2 {
        let answer = session.ask("tools/list", meta("2099-01-01"));
        assert_eq!(answer["error"]["code"], -32022, "{answer}");
        let supported = answer["error"]["data"]["supported"].as_array().unwrap();
        assert!(supported.contains(&json!("2026-07-28")));
        session.settle();
    }
}

#[test]
fn a_request_without_a_revision_is_refused() {
    let mut session = Fixture::new(&[]).spawn();
    for method in ["tools/list", "server/discover", "tools/call"] {
        session.say(format!(
            r#"{{"jsonrpc":"2.0","id":"a","method":"{method}","params":{{"name":"get_peak"}}}}"#
        ));
        let answer = session.line();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("a"), &json!(-32602)));
    }
    // Neither that nor what comes between ends the session before it began.
    session.notify("notifications/initialized", json!({})).unwrap();
    session.say(r#"{"jsonrpc":"2.0","id":0,"result":{}}"#);
    session.open(Era::Modern);
    session.settle();
    session.say(r#"{"jsonrpc":"2.0","id":"b","method":"tools/list"}"#);
    assert_eq!(session.line()["error"]["code"], -32602);
    session.settle();
}

#[test]
fn ping_belongs_to_the_legacy_era() {
    let mut legacy = Fixture::new(&[]).connect(Era::Legacy);
    assert_eq!(legacy.ask("ping", json!({}))["result"], json!({}));
    let mut modern = Fixture::new(&[]).connect(Era::Modern);
    assert_eq!(modern.refusal("ping", json!({})), -32601, "as the first request");
    modern.settle();
    assert_eq!(modern.refusal("ping", json!({})), -32601);
    let mut early = Fixture::new(&[]).spawn();
    early.say(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
    assert_eq!(early.line(), json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
    early.open(Era::Legacy);
    early.settle();
}

#[test]
fn noise_before_the_first_request_ends_nothing() {
    eras(|era| {
        let mut session = Fixture::new(&[]).spawn();
        session.say("");
        session.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        session.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}"#);
        session.say(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
        session.say("garbage");
        assert_eq!(session.line()["error"]["code"], -32700);
        session.say("{}");
        assert_eq!(session.line()["error"]["code"], -32600);
        session.open(era);
        session.settle();
        session.end();
    });
}

#[test]
fn a_cancellation_right_after_the_first_request_counts() {
    let fixture = Fixture::new(&[]);
    let mut session = fixture.connect(Era::Modern);
    let id = session.begin("sleep_async", json!({"ms": 60_000}));
    session.cancel(id);
    session.settle();
    session.end();
}

#[test]
fn what_was_never_declared_is_denied() {
    let lists = [
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ];
    let others = [
        ("prompts/get", json!({"name": "x"})),
        ("resources/read", json!({"uri": "note:///first"})),
        (
            "completion/complete",
            json!({
                "ref": {"type": "ref/resource", "uri": "note:///{+name}"},
                "argument": {"name": "name", "value": ""},
            }),
        ),
        ("logging/setLevel", json!({"level": "debug"})),
        ("resources/subscribe", json!({"uri": "note:///first"})),
        ("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}})),
    ];
    let mut modern = Fixture::bare().connect(Era::Modern);
    let mut legacy = Fixture::bare().connect(Era::Legacy);
    for (method, key) in lists {
        assert_eq!(modern.refusal(method, json!({})), -32601, "{method}");
        let answer = legacy.ask(method, json!({}));
        assert_eq!(answer["result"], json!({ key: [] }), "{method}");
    }
    for (method, params) in others {
        assert_eq!(modern.refusal(method, params.clone()), -32601, "{method}");
        assert_eq!(legacy.refusal(method, params), -32601, "{method}");
    }
    modern.settle();
    legacy.settle();
}

#[test]
fn unknown_methods_are_denied() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        for method in [
            "no/such",
            "",
            "tools/call/",
            "logging/setLevel",
            "tasks/list",
            "tasks/get",
            "tasks/result",
            "tasks/update",
            "tasks/cancel",
            "skills/list",
            "skills/get",
            "resources/directory/read",
            "sampling/createMessage",
            "elicitation/create",
            "roots/list",
        ] {
            for params in [json!({}), json!({"name": "x", "taskId": "x", "uri": "note:///first"})] {
                assert_eq!(session.refusal(method, params), -32601, "{method}");
            }
        }
        assert_eq!(session.refusal("prompts/get", json!({"name": "x"})), -32601);
        let answer = session.ask(&"x".repeat(100_000), json!({}));
        assert_eq!(answer["error"]["code"], -32601);
        assert!(answer.to_string().len() < 500, "a long name is not echoed");
        session.settle();
        session.end();
    });
}

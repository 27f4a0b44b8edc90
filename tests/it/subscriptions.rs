//! Subscriptions in both eras: who hears what, what is watched meanwhile, and how it all ends.

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Session, eras};

const UPDATED: &str = "notifications/resources/updated";
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

fn uri(name: &str) -> String {
    format!("note:///{name}")
}

/// Listens to these notes: in the new era by one request, whose number is returned.
fn subscribe(session: &mut Session, era: Era, names: &[&str]) -> Option<u64> {
    let uris: Vec<String> = names.iter().map(|name| uri(name)).collect();
    if era == Era::Legacy {
        for uri in uris {
            let answer = session.ask("resources/subscribe", json!({"uri": uri}));
            assert_eq!(answer["result"], json!({}), "{answer}");
        }
        return None;
    }
    let filter = json!({"notifications": {"resourceSubscriptions": uris}});
    let id = session.start("subscriptions/listen", filter).unwrap();
    let said = session.line();
    assert_eq!(said["method"], "notifications/subscriptions/acknowledged", "{said}");
    assert_eq!(said["params"]["_meta"][SUBSCRIPTION], id);
    let mut accepted = uris;
    accepted.sort();
    assert_eq!(said["params"]["notifications"]["resourceSubscriptions"], json!(accepted));
    Some(id)
}

/// Ends what [`subscribe`] began.
fn unsubscribe(session: &mut Session, id: Option<u64>, names: &[&str]) {
    if let Some(id) = id {
        return session.cancel(id);
    }
    for name in names {
        let answer = session.ask("resources/unsubscribe", json!({"uri": uri(name)}));
        assert_eq!(answer["result"], json!({}), "{answer}");
    }
}

/// Changes a note, so that its watchers are told. Those that don't exist are added first.
fn edit(session: &mut Session, name: &str) {
    session.call("add_note", json!({"name": name, "text": "new"}));
    let answer = session.text("edit_note", json!({"name": name, "text": "changed"}));
    assert!(!answer.starts_with("error"), "{answer}");
}

fn notice(session: &mut Session) -> (String, Value) {
    let mut said = session.line();
    assert_eq!(said["method"], UPDATED, "{said}");
    let meta = said["params"]["_meta"].take();
    (said["params"]["uri"].as_str().unwrap().to_owned(), meta)
}

fn writing() -> Fixture {
    Fixture::new(&["--write"])
}

#[test]
fn a_change_is_told_and_an_end_ends_the_watch() {
    eras(|era| {
        let fixture = writing();
        let mut session = fixture.connect(era);
        let id = subscribe(&mut session, era, &["first", "second"]);
        fixture.await_log("watching first", 1);
        fixture.await_log("watching second", 1);
        edit(&mut session, "second");
        let (told, meta) = notice(&mut session);
        assert_eq!(told, uri("second"));
        assert_eq!(meta.get(SUBSCRIPTION).cloned(), id.map(Value::from));
        assert!(meta.get("lockkeeper/gap").is_none());
        unsubscribe(&mut session, id, &["first", "second"]);
        fixture.await_log("unwatched first", 1);
        fixture.await_log("unwatched second", 1);
        edit(&mut session, "first");
        session.settle();
        session.end();
        let route = if era == Era::Legacy { "resources/subscribe" } else { "subscriptions/listen" };
        let recorded =
            fixture.outcomes().iter().filter(|one| **one == format!("{route} ok")).count();
        assert_eq!(recorded, 2, "each resource is in the book");
    });
}

#[test]
fn one_watch_serves_all_who_listen() {
    let fixture = writing();
    let mut session = fixture.connect(Era::Modern);
    let ids: Vec<u64> =
        (0..3).filter_map(|_| subscribe(&mut session, Era::Modern, &["first"])).collect();
    fixture.await_log("watching first", 1);
    edit(&mut session, "first");
    let mut told: Vec<u64> =
        ids.iter().map(|_| notice(&mut session).1[SUBSCRIPTION].as_u64().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, ids);
    session.cancel(ids[0]);
    session.cancel(ids[1]);
    session.settle();
    edit(&mut session, "first");
    assert_eq!(notice(&mut session).1[SUBSCRIPTION], ids[2]);
    assert!(!fixture.log().contains("unwatched"));
    session.cancel(ids[2]);
    fixture.await_log("unwatched first", 1);
    session.settle();
    session.end();
}

#[test]
fn a_subscription_ends_with_its_connection_and_holds_nobody_up() {
    eras(|era| {
        let fixture = writing();
        let mut session = fixture.connect(era);
        let id = subscribe(&mut session, era, &["first"]);
        session.close_stdin();
        if let Some(id) = id {
            let answer = session.wait(id).unwrap().value;
            assert_eq!(answer["result"]["_meta"][SUBSCRIPTION], id, "{answer}");
        }
        session.gone();
        fixture.await_log("unwatched first", 1);
    });
}

#[test]
fn gaps_are_said() {
    eras(|era| {
        let fixture = writing();
        let mut session = fixture.connect(era);
        let before = ["gap"];
        subscribe(&mut session, era, &before);
        edit(&mut session, "gap");
        assert_eq!(notice(&mut session).1["lockkeeper/gap"], true);
        // Watches that can't go on leave a gap behind them, too.
        for name in ["panic", "end"] {
            // And who subscribes again gets a new one, though the old subscription still stands.
            for _ in 0..2 {
                subscribe(&mut session, era, &[name]);
                let (told, meta) = notice(&mut session);
                assert_eq!((told, &meta["lockkeeper/gap"]), (uri(name), &json!(true)));
            }
        }
        session.close_stdin();
        session.gone();
    });
}

#[test]
fn the_policy_holds_for_subscriptions() {
    eras(|era| {
        let policy = "[policy]\nwrite = true\n[policy.resources]\ndeny = [\"second\"]\n";
        let fixture = Fixture::new(&[]);
        let file = fixture.file("policy.toml", policy);
        let fixture = fixture.also(&["--config", &file]);
        let mut session = fixture.connect(era);
        if era == Era::Legacy {
            for name in ["second", "%73econd"] {
                let answer = session.ask("resources/subscribe", json!({"uri": uri(name)}));
                assert!(answer["error"]["code"].is_i64(), "{answer}");
            }
        } else {
            let uris = ["second", "%73econd", "first"].map(uri);
            let filter = json!({"notifications": {"resourceSubscriptions": uris}});
            session.start("subscriptions/listen", filter).unwrap();
            let said = session.line();
            let accepted = &said["params"]["notifications"]["resourceSubscriptions"];
            assert_eq!(*accepted, json!([uri("first")]));
        }
        session.close_stdin();
        session.gone();
        assert!(!fixture.log().contains("watching second"));
        let hidden = Fixture::new(&["--deny-tools", "get_note"]);
        let mut session = hidden.connect(era);
        let method =
            if era == Era::Legacy { "resources/subscribe" } else { "subscriptions/listen" };
        let params = json!({"uri": uri("first"), "notifications": {}});
        assert_eq!(session.refusal(method, params), -32601);
        session.end();
    });
}

#[test]
fn who_comes_back_after_the_last_subscription_is_told() {
    let fixture = writing();
    let mut session = fixture.connect(Era::Legacy);
    for _ in 0..3 {
        subscribe(&mut session, Era::Legacy, &["first"]);
        edit(&mut session, "first");
        assert_eq!(notice(&mut session).0, uri("first"));
        unsubscribe(&mut session, None, &["first"]);
    }
    session.settle();
    session.end();
}

#[test]
fn many_subscriptions_have_an_end() {
    let fixture = Fixture::new(&[]);
    let mut session = fixture.connect(Era::Legacy);
    for number in 0..1_000 {
        let uri = format!("note:///{}first", "%66irst/".repeat(number));
        let answer = session.ask("resources/subscribe", json!({"uri": uri}));
        assert!(answer.get("result").is_some(), "{answer}");
    }
    let answer = session.ask("resources/subscribe", json!({"uri": uri("second")}));
    let said = answer["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("too_many: there are 1000 subscriptions already"), "{said}");
    session.settle();
    session.end();
}

#[test]
fn a_client_that_does_not_read_costs_little_and_misses_nothing() {
    let fixture = writing();
    let mut session = fixture.connect(Era::Modern);
    subscribe(&mut session, Era::Modern, &["first", "second"]);
    let edits: Vec<u64> = (0..900_u32)
        .map(|number| {
            let name = if number % 2 == 0 { "first" } else { "second" };
            session.begin("edit_note", json!({"name": name, "text": number.to_string()}))
        })
        .collect();
    for id in edits {
        assert_ne!(session.result(id)["isError"], true);
    }
    edit(&mut session, "second");
    let mut told = Vec::new();
    // The last change is told after it was made, however many came before.
    while let Ok(line) = session.next_line(std::time::Duration::from_millis(500)) {
        told.push(line.json().unwrap()["params"]["uri"].as_str().unwrap().to_owned());
    }
    assert!(told.len() >= 2 && told.len() < 300, "{}", told.len());
    assert!(told.contains(&uri("first")) && told.contains(&uri("second")));
    session.close_stdin();
    session.gone();
}

#[test]
fn where_there_is_nothing_to_watch_nobody_subscribes() {
    eras(|era| {
        let mut session = Fixture::bare().connect(era);
        let uri = uri("first");
        for (method, params) in [
            ("resources/subscribe", json!({"uri": uri})),
            ("resources/unsubscribe", json!({"uri": uri})),
            ("subscriptions/listen", json!({"notifications": {"resourceSubscriptions": [uri]}})),
        ] {
            assert_eq!(session.refusal(method, params), -32601, "{method}");
        }
        session.settle();
        session.end();
        // What belongs to the other era isn't known in this one either.
        let mut session = Fixture::new(&[]).connect(era);
        let (method, params) = match era {
            Era::Legacy => ("subscriptions/listen", json!({"notifications": {}})),
            Era::Modern => ("resources/subscribe", json!({"uri": uri})),
        };
        assert_eq!(session.refusal(method, params), -32601, "{method}");
        session.end();
    });
}

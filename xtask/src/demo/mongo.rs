//! The `MongoDB` scenes: a real server of its wire protocol, started for the demo with a small shop, an
//! agent who reads it under a policy, and one who may write.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use lockkeeper_testkit::mongo::Deployment;
use serde_json::{Value, json};

use super::screen::Screen;
use super::session::{Call, Expect, Session, registration};
use super::{Scene, Scratch, Stage};
use crate::{counterparts, process};

pub(super) const SCENE: Scene =
    Scene { server: "mongo", title: "an agent reads documents under a policy", play };

/// One field is shown as its hash, one never, one collection neither.
const POLICY: &str = "\
[policy.resources]
deny = [\"shop.payroll\", \"**.password_hash\"]
[policy.mask]
\"shop.users.email\" = \"hash\"
";

fn play(screen: &mut Screen, stage: &Stage<'_>) -> Result<()> {
    let scratch = Scratch::new(stage)?;
    let shop = Shop::open(stage, &scratch)?;
    let config = scratch.0.join("lockkeeper.toml");
    fs::write(&config, POLICY)?;
    let config = config.to_str().context("the checkout's path is not UTF-8")?;

    let mut session = Session::open(screen, stage, &["--config", config, &shop.uri])?;
    let mut call =
        |caption, tool, arguments, expect| session.call(&Call { caption, tool, arguments, expect });
    call("What is there?", "list_collections", json!({}), Expect::Answer("orders"))?;
    call(
        "What do orders look like? A guess from a sample",
        "infer_schema",
        json!({ "collection": "orders" }),
        Expect::Answer("items[].sku"),
    )?;
    call(
        "A question: who ordered for how much?",
        "aggregate",
        json!({ "collection": "orders", "format": "table", "pipeline": [
            { "$match": { "status": "shipped" } },
            { "$group": { "_id": "$user", "orders": { "$sum": 1 }, "total": { "$sum": "$total" } } },
            { "$lookup": {
                "from": "users", "localField": "_id", "foreignField": "_id", "as": "user",
            } },
            { "$sort": { "total": -1 } },
            { "$limit": 3 },
            { "$project": { "orders": 1, "total": 1, "user.name": 1 } },
        ]}),
        Expect::Answer("User"),
    )?;
    let masked = call(
        "A field that the policy masks: the same value is the same hash",
        "find",
        json!({ "collection": "users", "limit": 2, "sort": { "_id": 1 } }),
        Expect::Answer("User 1"),
    )?;
    call(
        "Why is it slow, and which index would help?",
        "explain",
        json!({ "collection": "orders", "filter": { "status": "new" }, "sort": { "at": -1 },
            "advise": true }),
        Expect::Answer("status"),
    )?;
    let denied = call(
        "What the policy denies doesn't exist, however deep in a pipeline it is named",
        "aggregate",
        json!({ "collection": "orders", "pipeline": [
            { "$facet": { "a": [{ "$unionWith": "payroll" }] } },
        ]}),
        Expect::Refusal("not_found"),
    )?;
    call(
        "A stage that writes, hidden in another: refused",
        "aggregate",
        json!({ "collection": "orders", "pipeline": [{ "$facet": { "a": [{ "$out": "copy" }] } }] }),
        Expect::Refusal("not_allowed"),
    )?;
    call(
        "JavaScript on the server: never",
        "find",
        json!({ "collection": "users", "filter": { "$where": "while (true) {}" } }),
        Expect::Refusal("JavaScript"),
    )?;
    if masked.contains("@example.org") || masked.contains("hash-") {
        session.problem("a hidden value is shown");
    }
    if denied.contains("salary") {
        session.problem("a refused call has answered");
    }
    session.close()?;

    let snippet = registration("mongo", stage, &["mongodb://reader@localhost/shop"])?;
    screen.snippet(
        "To let your agent read documents, add this to your host's configuration",
        &snippet,
    )?;
    write(screen, stage, &shop.uri)
}

/// The second scene.
fn write(screen: &mut Screen, stage: &Stage<'_>, uri: &str) -> Result<()> {
    screen.heading("mongo", "an agent changes documents, and sees what changed")?;
    let mut session = Session::open(screen, stage, &["--write", uri])?;
    let ship = |more: (&str, bool)| {
        let mut arguments = json!({
            "collection": "orders",
            "filter": { "status": "paid" },
            "update": { "$set": { "status": "shipped" } },
        });
        arguments[more.0] = more.1.into();
        arguments
    };
    let watch = json!({ "collection": "orders", "max_wait": 1 });
    let begun = session.call(&Call {
        caption: "From here on it wants to know of changes",
        tool: "watch",
        arguments: watch.clone(),
        expect: Expect::Answer("resume_token"),
    })?;
    let mut dry = ship(("many", true));
    dry["dry_run"] = true.into();
    session.call(&Call {
        caption: "What would an update change?",
        tool: "update",
        arguments: dry,
        expect: Expect::Answer("200"),
    })?;
    session.call(&Call {
        caption: "One document, unless it says that it means many",
        tool: "update",
        arguments: ship(("many", false)),
        expect: Expect::Answer("1"),
    })?;
    let mut again = watch;
    again["resume_token"] = token(&begun).into();
    session.call(&Call {
        caption: "What has happened since? The token goes on, also in another process",
        tool: "watch",
        arguments: again,
        expect: Expect::Answer("shipped"),
    })?;
    session.call(&Call {
        caption: "Everything at once: that takes a person's yes, and this host can't ask",
        tool: "delete",
        arguments: json!({ "collection": "orders", "filter": {}, "many": true }),
        expect: Expect::Refusal("confirm"),
    })?;
    session.call(&Call {
        caption: "Nothing else has changed",
        tool: "count",
        arguments: json!({ "collection": "orders", "distinct": "status" }),
        expect: Expect::Answer("199"),
    })?;
    session.close()
}

/// The token of a watch's answer.
fn token(answer: &str) -> &str {
    let rest = answer.split_once("resume_token ").map_or("", |(_, rest)| rest);
    rest.split([' ', ';', ']', '\n']).next().unwrap_or_default()
}

/// A deployment with a shop in it, filled by our own server.
struct Shop {
    _deployment: Deployment,
    uri: String,
}

impl Shop {
    fn open(stage: &Stage<'_>, scratch: &Scratch) -> Result<Self> {
        let program = counterparts::peer(stage.workspace, "mongo")?.program;
        let deployment = Deployment::start_at(&program, &[]);
        let uri = format!("mongodb://127.0.0.1:{}/shop?directConnection=true", deployment.port());
        let shop = Self { _deployment: deployment, uri };
        let users: Vec<Value> = (1..=20)
            .map(|n| {
                json!({ "_id": n, "name": format!("User {n}"), "password_hash": format!("hash-{n}"),
                    "email": format!("user{n}@example.org") })
            })
            .collect();
        let orders: Vec<Value> = (1..=600)
            .map(|n| {
                let status = match n % 3 {
                    0 => "new",
                    1 => "paid",
                    _ => "shipped",
                };
                let at = format!("2026-{:02}-{:02}T09:00:00Z", n % 12 + 1, n % 28 + 1);
                json!({ "_id": n, "user": n % 20 + 1, "total": n * 3,
                    "status": status, "at": { "$date": at },
                    "items": [{ "sku": format!("s{}", n % 7), "count": n % 3 + 1 }] })
            })
            .collect();
        let payroll = json!([{ "_id": 1, "salary": 100 }]);
        for (collection, documents) in
            [("users", json!(users)), ("orders", json!(orders)), ("payroll", payroll)]
        {
            let arguments = json!({ "collection": collection, "documents": documents });
            let mut command = Command::new(stage.binary);
            command.args(["call", "insert", &arguments.to_string(), &shop.uri, "--write"]);
            command.arg("--state-dir").arg(&scratch.0);
            process::output(&mut command)?;
        }
        Ok(shop)
    }
}

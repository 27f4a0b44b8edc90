//! The PostgreSQL scenes: a real server, started for the demo with the shop that the tests use, an
//! agent who reads it under a policy, and one who may write.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use lockkeeper_testkit::postgres::{Cluster, Version};
use serde_json::json;

use super::screen::Screen;
use super::session::{Call, Expect, Session, registration};
use super::{Scene, Scratch, Stage};
use crate::{counterparts, process};

pub(super) const SCENE: Scene =
    Scene { server: "postgres", title: "an agent reads a database under a policy", play };

/// One column is shown as its hash, one never, one schema neither.
const POLICY: &str = "\
[policy.resources]
deny = [\"app.hr\", \"**.password_hash\"]
[policy.mask]
\"**.email\" = \"hash\"
";

fn play(screen: &mut Screen, stage: &Stage<'_>) -> Result<()> {
    let shop = Shop::open(stage)?;
    let scratch = Scratch::new(stage)?;
    let config = scratch.0.join("lockkeeper.toml");
    fs::write(&config, POLICY)?;
    let url = format!("{}?sslmode=disable", shop.0.url("app"));
    let config = config.to_str().context("the checkout's path is not UTF-8")?;

    let mut session = Session::open(screen, stage, &["--config", config, &url])?;
    let mut call =
        |caption, tool, arguments, expect| session.call(&Call { caption, tool, arguments, expect });
    call(
        "What is there?",
        "list_objects",
        json!({ "schema": "sales", "kind": "table" }),
        Expect::Answer("orders"),
    )?;
    call(
        "How are orders stored?",
        "describe",
        json!({ "objects": ["sales.orders"] }),
        Expect::Answer("customer_id"),
    )?;
    call(
        "A question, with its values apart from it",
        "query",
        json!({
            "sql": "SELECT status, count(*), sum(total), percentile_cont(0.5) WITHIN GROUP (ORDER BY \
                    total) AS median FROM sales.orders WHERE placed_at >= $1 GROUP BY status",
            "params": ["2025-06-01"],
        }),
        Expect::Answer("shipped"),
    )?;
    let masked = call(
        "A column that the policy masks: the same value is the same hash",
        "query",
        json!({ "sql": "SELECT name, email FROM customers ORDER BY id LIMIT 2" }),
        Expect::Answer("Customer 1"),
    )?;
    call(
        "Why is it slow?",
        "explain",
        json!({ "sql": "SELECT * FROM sales.orders WHERE total = 7", "analyze": true }),
        Expect::Answer("orders"),
    )?;
    let denied = call(
        "What the policy denies doesn't exist",
        "query",
        json!({ "sql": "SELECT name, salary FROM hr.employees" }),
        Expect::Refusal(""),
    )?;
    let file = call(
        "A function that reads the server's files, as the superuser: refused",
        "query",
        json!({ "sql": "SELECT pg_read_file('/etc/passwd')" }),
        Expect::Refusal("not_allowed"),
    )?;
    call(
        "Two statements in one: refused",
        "query",
        json!({ "sql": "SELECT 1; DELETE FROM sales.orders" }),
        Expect::Refusal("one statement"),
    )?;
    if masked.contains("@example.org") {
        session.problem("a masked value is shown");
    }
    if denied.contains("Employee") || file.contains("root:") {
        session.problem("a refused call has answered");
    }
    session.close()?;

    let snippet = registration("postgres", stage, &["postgres://reader@localhost/app"])?;
    screen.snippet(
        "To let your agent read a database, add this to your host's configuration",
        &snippet,
    )?;
    write(screen, stage, &url)
}

/// The second scene.
fn write(screen: &mut Screen, stage: &Stage<'_>, url: &str) -> Result<()> {
    screen.heading("postgres", "an agent changes rows, as many as it meant to")?;
    let mut session = Session::open(screen, stage, &["--write", url])?;
    let ship = |status: &str| {
        json!({
            "sql": format!("UPDATE sales.orders SET status = 'shipped' WHERE {status}"),
            "params": [],
        })
    };
    session.call(&Call {
        caption: "What would it change?",
        tool: "execute",
        arguments: json!({ "statements": [ship("status = 'paid'")], "dry_run": true }),
        expect: Expect::Answer("250"),
    })?;
    session.call(&Call {
        caption: "It expects one row and hits 250: undone",
        tool: "execute",
        arguments: json!({ "statements": [ship("status = 'paid'")], "expect_rows": 1 }),
        expect: Expect::Refusal("250"),
    })?;
    session.call(&Call {
        caption: "One row, as expected: done",
        tool: "execute",
        arguments: json!({ "statements": [ship("id = 5")], "expect_rows": 1 }),
        expect: Expect::Answer("1"),
    })?;
    session.call(&Call {
        caption: "Everything at once: that takes a person's yes, and this host can't ask",
        tool: "execute",
        arguments: json!({ "statements": [{ "sql": "DELETE FROM sales.orders", "params": [] }] }),
        expect: Expect::Refusal("confirm"),
    })?;
    session.call(&Call {
        caption: "Nothing else has changed",
        tool: "query",
        arguments: json!({
            "sql": "SELECT count(*) AS orders, count(*) FILTER (WHERE status = 'paid') AS paid \
                    FROM sales.orders",
        }),
        expect: Expect::Answer("1000"),
    })?;
    session.close()
}

/// A server with a database `app`.
struct Shop(Cluster);

impl Shop {
    fn open(stage: &Stage<'_>) -> Result<Self> {
        let program = counterparts::peer(stage.workspace, "postgres")?.program;
        let cluster = Cluster::start_at(Version::V18, &program, &[]);
        let shop = Self(cluster);
        let psql = program.join("pginstall18/bin/psql");
        let schema = stage.workspace.root.join("servers/postgres/src/testing/shop.sql");
        shop.run(&psql, "postgres", &["--command", "CREATE DATABASE app"])?;
        let schema = schema.to_str().context("the checkout's path is not UTF-8")?;
        shop.run(&psql, "app", &["--file", schema])?;
        Ok(shop)
    }

    fn run(&self, psql: &Path, database: &str, args: &[&str]) -> Result<()> {
        let mut command = Command::new(psql);
        command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname"]);
        process::output(command.arg(self.0.url(database)).args(args)).map(drop)
    }
}

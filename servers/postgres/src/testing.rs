//! Databases and shorthands for the tests in the tool files: real servers, started for the test.

use std::fs;
use std::future::poll_fn;

use futures_util::TryStreamExt as _;
use lockkeeper_testkit::Expect;
use lockkeeper_testkit::in_process::{self, InProcess};
use lockkeeper_testkit::postgres::{Cluster, Version};
use lockkeeper_testkit::stdio::Era;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio_postgres::{AsyncMessage, NoTls, SimpleQueryMessage};

use crate::Postgres;

/// A shop as it grows in real life: most tests.
const SHOP: &str = include_str!("testing/shop.sql");

/// Five hundred tables more.
pub(crate) const MANY: &str = include_str!("testing/many.sql");

/// A policy that hides and masks parts of all kinds.
pub(crate) const POLICY: &str = r#"[policy.resources]
allow = [
    "app.public.customers", "app.public.events", "app.public.logins", "app.public.documents",
    "app.public.staff_directory", "app.sales.orders", "app.sales.visits",
]
deny = ["**.password_hash", "app.public.events_2025_03", "app.sales.orders.total"]
[policy.mask]
"**.email" = "hash"
"app.public.events.at" = "redact"
"app.sales.orders.status" = "redact"
"#;

/// A server with the shop in its database `app`.
pub(crate) struct Shop {
    pub(crate) cluster: Cluster,
    directory: TempDir,
}

impl Shop {
    /// None if this run does without that PostgreSQL.
    pub(crate) fn start(version: Version) -> Option<Self> {
        Self::start_with(version, &[])
    }

    /// The same with settings of the server.
    pub(crate) fn start_with(version: Version, settings: &[(&str, &str)]) -> Option<Self> {
        let cluster = Cluster::start_with(version, settings)?;
        let shop = Self { cluster, directory: TempDir::new().unwrap() };
        shop.run_in("postgres", "CREATE DATABASE app");
        shop.run(SHOP);
        Some(shop)
    }

    /// Runs statements as the superuser.
    pub(crate) fn run(&self, sql: &str) {
        self.run_in("app", sql);
    }

    fn run_in(&self, database: &str, sql: &str) {
        let url = self.cluster.url(database);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?}"));
        });
    }

    /// The one value that a query of the superuser gives, as text.
    pub(crate) fn text(&self, sql: &str) -> String {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let url = self.cluster.url("app");
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            let messages = client.simple_query(sql).await.unwrap();
            let row = messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            row.unwrap_or_default().to_owned()
        })
    }

    /// What a COPY to STDOUT writes, under the settings of our sessions.
    pub(crate) fn copied(&self, sql: &str) -> String {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let url = self.cluster.url("app");
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            let settings =
                "SET datestyle = ISO; SET intervalstyle = iso_8601; SET timezone = 'UTC'";
            client.batch_execute(settings).await.unwrap();
            let pieces: Vec<_> = client.copy_out(sql).await.unwrap().try_collect().await.unwrap();
            String::from_utf8(pieces.concat()).unwrap()
        })
    }

    /// What `talk` answers, and the next message on a channel.
    pub(crate) fn heard(&self, channel: &str, talk: impl FnOnce() -> String) -> (String, String) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let url = self.cluster.url("app");
        let connected = runtime.block_on(tokio_postgres::connect(&url, NoTls)).unwrap();
        let (client, mut connection) = connected;
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(message) = message {
                    sender.send(message.payload().to_owned()).unwrap();
                }
            }
        });
        let listen = format!("LISTEN \"{}\"", channel.replace('"', "\"\""));
        runtime.block_on(client.batch_execute(&listen)).unwrap();
        let said = talk();
        runtime.block_on(client.batch_execute("SELECT 1")).unwrap();
        (said, receiver.try_recv().unwrap_or_default())
    }

    /// How the role of this name reaches the shop.
    pub(crate) fn url(&self, role: &str) -> String {
        self.cluster.url("app").replace("postgres@", &format!("{role}@"))
    }

    /// The command line for a server over the shop, with a configuration file of this content.
    pub(crate) fn arguments(&self, role: &str, config: &str) -> Vec<String> {
        let path = self.directory.path().join("config.toml");
        fs::write(&path, config).unwrap();
        vec![self.url(role), "--config".to_owned(), path.to_str().unwrap().to_owned()]
    }

    /// Calls `tool {json}` in both eras: what the agent sees.
    pub(crate) fn call(&self, role: &str, config: &str, call: &str) -> String {
        let arguments = self.arguments(role, config);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (tool, given) = call.split_once(' ').unwrap();
        let given: Value = serde_json::from_str(given).unwrap_or_else(|e| panic!("{e} in {given}"));
        let [legacy, modern] = Era::ALL.map(|era| {
            let mut client = InProcess::start::<Postgres>(&arguments, era);
            hide_cursor(&in_process::seen(&client.call(tool, given.clone())))
        });
        assert_eq!(legacy, modern, "the eras see different answers");
        modern
    }

    /// Calls `tool {json}` and compares what the agent sees.
    pub(crate) fn check(&self, call: &str, expect: &Expect) {
        self.check_as("postgres", "", call, expect);
    }

    /// The same for a role, under a policy.
    pub(crate) fn check_as(&self, role: &str, config: &str, call: &str, expect: &Expect) {
        expect.assert_eq(&self.call(role, config, call));
    }

    /// A session with a server whose databases are all in its configuration file.
    pub(crate) fn client_of(&self, config: &str) -> InProcess {
        let arguments = self.arguments("postgres", config);
        let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
        InProcess::start::<Postgres>(&arguments, Era::Modern)
    }

    /// A session with a server over the shop.
    pub(crate) fn client(&self, config: &str) -> InProcess {
        let arguments = self.arguments("postgres", config);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        InProcess::start::<Postgres>(&arguments, Era::Modern)
    }
}

/// The shop, on the PostgreSQL on which most tests run.
pub(crate) fn shop() -> Option<Shop> {
    Shop::start(Version::V16)
}

/// Calls a tool until there is no further page: the texts of the pages, cursors taken out.
pub(crate) fn all_pages(client: &mut InProcess, tool: &str, mut arguments: Value) -> Vec<String> {
    let mut pages = Vec::new();
    loop {
        let text = in_process::seen(&client.call(tool, arguments.clone()));
        pages.push(hide_cursor(&text));
        let header = text.lines().next().unwrap_or_default();
        let Some((_, next)) = header.split_once("next: cursor ") else { return pages };
        arguments["cursor"] = next.split([';', ']']).next().unwrap_or_default().into();
    }
}

/// Cursors differ from run to run.
fn hide_cursor(text: &str) -> String {
    let Some((before, after)) = text.split_once("cursor ") else { return text.to_owned() };
    let end = after.find([']', ';', '\n']).unwrap_or(after.len());
    format!("{before}cursor <cursor>{}", after.split_at(end).1)
}

//! A database and shorthands for the tests in the tool files: a real server, a database of its own.

mod attacked;
mod databases;
mod failures;
mod round_trip;
pub(crate) mod stub;

use std::fs;
use std::net::ToSocketAddrs as _;

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use lockkeeper_testkit::Expect;
use lockkeeper_testkit::fault::TcpProxy;
use lockkeeper_testkit::in_process::{self, InProcess};
use lockkeeper_testkit::mongo;
use lockkeeper_testkit::stdio::Era;
use mongodb::{Client, Database, IndexModel};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::MongoDb;

/// A policy that hides and masks parts of all kinds.
pub(crate) const POLICY: &str = r#"[policy.resources]
allow = ["shop.users", "shop.orders", "shop.open_orders", "shop.staff"]
deny = ["**.password_hash", "shop.orders.margin"]
[policy.mask]
"shop.users.email" = "last4"
"#;

/// A database with a shop in it, dropped with the value.
pub(crate) struct Shop {
    pub(crate) uri: String,
    pub(crate) database: String,
    directory: TempDir,
    /// Whether its deployment goes on without it.
    is_shared: bool,
}

impl Shop {
    /// None if this run does without a MongoDB.
    pub(crate) fn start() -> Option<Self> {
        let shop = Self::empty()?;
        shop.run(fill);
        Some(shop)
    }

    /// The same with nothing in it.
    pub(crate) fn empty() -> Option<Self> {
        let (uri, database) = mongo::database()?;
        let mut shop = Self::at(uri, &database);
        shop.is_shared = true;
        Some(shop)
    }

    /// A database of this name, on a deployment of the test's own.
    pub(crate) fn at(uri: String, database: &str) -> Self {
        let directory = TempDir::new().unwrap();
        Self { uri, database: database.to_owned(), directory, is_shared: false }
    }

    /// Does something with the database, past the server that is tested.
    pub(crate) fn run<T, F: Future<Output = mongodb::error::Result<T>>>(
        &self,
        work: impl FnOnce(Database) -> F,
    ) -> T {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::with_uri_str(&self.uri).await.unwrap();
            let done = work(client.database(&self.database)).await;
            client.shutdown().immediate(true).await;
            done.unwrap_or_else(|error| panic!("{error}"))
        })
    }

    /// All documents of a collection, by `_id`.
    pub(crate) fn documents(&self, collection: &str) -> Vec<Document> {
        use futures_util::TryStreamExt as _;
        let collection = collection.to_owned();
        self.run(|database| async move {
            let collection = database.collection::<Document>(&collection);
            collection.find(doc! {}).sort(doc! { "_id": 1 }).await?.try_collect().await
        })
    }

    /// The command line for a server over the shop, with a configuration file of this content, in
    /// which the database is called `shop`.
    pub(crate) fn arguments(&self, config: &str) -> Vec<String> {
        let path = self.directory.path().join("config.toml");
        fs::write(&path, config.replace("shop.", &format!("{}.", self.database))).unwrap();
        let path = path.to_str().unwrap();
        [&self.uri, "--database", &self.database, "--config", path].map(str::to_owned).to_vec()
    }

    /// A directory that goes with the shop.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// A proxy before the database.
    pub(crate) fn proxy(&self) -> TcpProxy {
        let host = self.uri.trim_start_matches("mongodb://").split('/').next().unwrap();
        TcpProxy::start(host.to_socket_addrs().unwrap().next().unwrap()).unwrap()
    }

    /// Calls `tool {json}` in both eras: what the agent sees.
    pub(crate) fn call(&self, config: &str, more: &[&str], call: &str) -> String {
        let arguments = self.arguments(config);
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(more);
        let (tool, given) = call.split_once(' ').unwrap();
        let given = given.replace("\"shop\"", &format!("{:?}", self.database));
        let given: Value =
            serde_json::from_str(&given).unwrap_or_else(|e| panic!("{e} in {given}"));
        let [legacy, modern] = Era::ALL.map(|era| {
            let mut client = InProcess::start::<MongoDb>(&arguments, era);
            self.plain(&in_process::seen(&client.call(tool, given.clone())))
        });
        assert_eq!(legacy, modern, "the eras see different answers");
        modern
    }

    /// Calls `tool {json}` and compares what the agent sees.
    pub(crate) fn check(&self, call: &str, expect: &Expect) {
        self.check_under("", call, expect);
    }

    /// The same under a policy.
    pub(crate) fn check_under(&self, config: &str, call: &str, expect: &Expect) {
        expect.assert_eq(&self.call(config, &[], call));
    }

    /// A session with a server over the shop.
    pub(crate) fn client(&self, config: &str, more: &[&str]) -> InProcess {
        let arguments = self.arguments(config);
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(more);
        InProcess::start::<MongoDb>(&arguments, Era::Modern)
    }

    /// Cursors and the name of the database differ from run to run.
    pub(crate) fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.database, "shop");
        let Some((before, after)) = text.split_once("cursor ") else { return text };
        let Some(end) = after.find([']', ';', '\n']) else { return text };
        let (cursor, rest) = after.split_at(end);
        if cursor.contains(' ') {
            return text;
        }
        format!("{before}cursor <cursor>{rest}")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if self.is_shared && !std::thread::panicking() {
            self.run(|database| async move { database.drop().await });
        }
    }
}

/// Calls a tool with arguments that go past our own client's JSON: the order of keys, and equal ones,
/// reach the server as they are.
pub(crate) fn call_text(client: &mut InProcess, tool: &str, arguments: &str) -> String {
    let params = json!({"name": tool, "arguments": {}});
    let params = Era::Modern.with_meta(&json!({}), params);
    let message = json!({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": params});
    let arguments = format!("\"arguments\":{arguments}");
    client.send_text(&message.to_string().replacen("\"arguments\":{}", &arguments, 1));
    let answer = std::iter::repeat_with(|| client.receive())
        .find(|message| message["id"] == 77 && message.get("method").is_none())
        .unwrap();
    match answer.get("error") {
        Some(error) => format!("error: {}", error["message"].as_str().unwrap_or_default()),
        None => in_process::seen(&answer["result"]),
    }
}

/// The id of the nth document.
pub(crate) fn id(n: u8) -> ObjectId {
    ObjectId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n])
}

async fn fill(database: Database) -> mongodb::error::Result<()> {
    let users = (1..=5_u8).map(|n| {
        let tags: Vec<&str> = ["a", "b"].into_iter().take(usize::from(n % 3)).collect();
        doc! {
            "_id": id(n),
            "name": format!("User {n}"),
            "email": format!("user{n}@example.org"),
            "password_hash": format!("hash-{n}"),
            "address": { "city": if n % 2 == 0 { "Oslo" } else { "Bergen" }, "zip": format!("{n}") },
            "tags": tags,
        }
    });
    database.collection("users").insert_many(users).await?;
    let unique = mongodb::options::IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build();
    database.collection::<Document>("users").create_index(index).await?;

    let orders = (1..=200_i32).map(|n| {
        let status = ["new", "paid", "shipped"].into_iter().cycle().nth(n.unsigned_abs() as usize);
        doc! {
            "_id": n,
            "user": id(u8::try_from(n % 5 + 1).unwrap_or_default()),
            "status": status.unwrap_or_default(),
            "total": f64::from(n) * 1.5,
            "margin": n,
            "at": DateTime::from_millis(1_700_000_000_000 + i64::from(n) * 86_400_000),
            "items": [{ "sku": format!("s{}", n % 7), "count": n % 3 + 1 }],
        }
    });
    database.collection("orders").insert_many(orders).await?;
    for keys in [doc! { "status": 1 }, doc! { "status": 1, "at": -1 }, doc! { "margin": 1 }] {
        let index = IndexModel::builder().keys(keys).build();
        database.collection::<Document>("orders").create_index(index).await?;
    }

    let events =
        (0..1_500_i64).map(|n| doc! { "_id": n, "kind": n % 10, "text": format!("event {n}") });
    database.collection("events").insert_many(events).await?;
    database.collection("employees").insert_one(doc! { "_id": 1, "salary": 100 }).await?;
    for (view, on, pipeline) in [
        ("open_orders", "orders", vec![doc! { "$match": { "status": "new" } }]),
        ("staff", "employees", vec![doc! { "$project": { "salary": 1 } }]),
    ] {
        database.create_collection(view).view_on(on).pipeline(pipeline).await?;
    }
    let rules = doc! { "$jsonSchema": { "required": ["name"] } };
    database.create_collection("checked").validator(rules).await?;
    database.collection("types").insert_one(types()).await?;
    Ok(())
}

/// A document with a value of each type.
pub(crate) fn types() -> Document {
    let uuid = bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![7; 16] };
    doc! {
        "_id": 1,
        "double": 1.5,
        "string": "ü\n\"x\"",
        "object": { "z": 1, "a": 2 },
        "array": [1, "two", Bson::Null],
        "binary": uuid,
        "id": id(9),
        "bool": true,
        "date": DateTime::from_millis(1_700_000_000_123),
        "old": DateTime::from_millis(-1),
        "null": Bson::Null,
        "regex": bson::Regex { pattern: "^a.*".try_into().unwrap(), options: "i".try_into().unwrap() },
        "code": Bson::JavaScriptCode("return 1".to_owned()),
        "int": 7,
        "timestamp": bson::Timestamp { time: 5, increment: 6 },
        "long": 7_i64,
        "big": 9_007_199_254_740_993_i64,
        "decimal": "1.10".parse::<bson::Decimal128>().unwrap(),
        "min": Bson::MinKey,
        "max": Bson::MaxKey,
    }
}

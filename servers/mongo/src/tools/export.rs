//! `export`: what a query or a pipeline gives, in a file.

use std::time::Duration;

use lockkeeper_core::{
    Add, Altered, Cx, Effect, Export as Exporting, Exported, Filling as _, Need, Output, Tool,
    ToolError, count,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ejson::Given;
use crate::source::Mongo;
use crate::source::exporting::{Lines, Selected};
use crate::source::reading::Query;

/// What the server may work on it in all: it counts over all calls that read of one cursor.
const PATIENCE: Duration = Duration::from_mins(2);

/// Documents that are asked for at once.
const AT_ONCE: u64 = 1_000;

pub(crate) struct Export;

/// Write what a find or a pipeline gives into a new file of the export directory, all or nothing.
///
/// `running` is not finished: call again within a minute with `next` as `cursor` and all else the same.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    #[serde(default)]
    filter: Given,
    projection: Option<Given>,
    sort: Option<Given>,
    /// In place of filter, projection and sort
    pipeline: Option<Vec<Given>>,
    /// In the export directory; nothing is overwritten
    path: String,
    /// `ejson` keeps each type
    #[serde(default)]
    format: Format,
    cursor: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Ejson,
    #[default]
    Jsonl,
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Done,
    Running,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    state: State,
    documents: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Output for Record {
    fn truncated(&self) -> bool {
        self.next.is_some()
    }

    // What the file has of it isn't shown here.
    fn altered(&self) -> Altered {
        Altered::default()
    }
}

impl Tool<Mongo> for Export {
    type Effect = Add;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "collection", "path", "format"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Add)
            .resource(super::resource(args.database.as_deref(), &args.collection))
            .resource(format!("file {}", args.path))
    }

    async fn run(cx: Cx<'_, Mongo, Add>, args: Args) -> Result<Record, ToolError> {
        let export = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => begin(&cx, args).await?,
            Some(&[id, _]) => cx.source().exports.take(id).ok_or_else(expired)?,
            Some(_) => return Err(expired()),
        };
        Ok(match export.go_on(&cx).await? {
            Exported::Done(selected, bytes) => {
                let (documents, note) = (selected.count(), note(&selected));
                Record { state: State::Done, documents, bytes, next: None, note }
            }
            Exported::Running(export) => {
                let (documents, bytes) = (export.filling().count(), export.bytes());
                let next = cx.next(&[cx.source().exports.keep(export), documents]);
                Record { state: State::Running, documents, bytes, next: Some(next), note: None }
            }
        })
    }
}

async fn begin(cx: &Cx<'_, Mongo, Add>, args: Args) -> Result<Box<Exporting<Selected>>, ToolError> {
    let mongo = cx.source();
    let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
    let projection = args.projection.as_ref().map(|projection| projection.0.clone());
    let documents = if let Some(pipeline) = args.pipeline {
        if !args.filter.0.is_empty() || args.projection.is_some() || args.sort.is_some() {
            return Err(ToolError::invalid_arguments("give either `pipeline` or a query")
                .hint("$match, $sort and $project are what filter, sort and projection would be"));
        }
        let pipeline = pipeline.into_iter().map(|stage| stage.0).collect();
        let pipeline = mongo.check_pipeline(&name, pipeline).await?;
        mongo.aggregate_within(&name, pipeline, AT_ONCE, Some(PATIENCE)).await?
    } else {
        let query = Query {
            filter: args.filter.0,
            projection: args.projection.map(|projection| projection.0),
            sort: args.sort.map(|sort| sort.0),
            patience: Some(PATIENCE),
            ..Query::default()
        };
        let query = mongo.check_query(&name, query).await?;
        mongo.find(&name, query, AT_ONCE).await?
    };
    mongo.must_exist(&name).await?;
    let (grant, path) = (cx.grant(), args.path);
    let created = cx.blocking(move |mongo: &Mongo, _| match &mongo.export_dir {
        Some(directory) => directory.create(grant, &path),
        None => Err(ToolError::new("not_available", "the server has no export directory")
            .hint("the user can name one with --export-dir")),
    });
    let draft = created.await??;
    let lines = match args.format {
        Format::Ejson => Lines::Ejson,
        Format::Jsonl => Lines::Jsonl,
        Format::Csv => Lines::Csv,
    };
    let selected = Selected::new(documents, &mongo.masks, lines, projection.as_ref());
    Ok(Box::new(Exporting::new(selected, draft)))
}

fn note(selected: &Selected) -> Option<String> {
    let mut notes = Vec::new();
    let hidden = selected.hidden();
    if hidden.omitted > 0 {
        notes.push(format!("{} hidden by the policy", count(hidden.omitted, "field")));
    }
    if hidden.masked > 0 {
        notes.push(format!("{} masked", count(hidden.masked, "value")));
    }
    if selected.has_other() {
        notes.push("fields that the first documents don't have are in `_other`".to_owned());
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn expired() -> ToolError {
    ToolError::new("cursor_expired", "this export isn't kept any more, and its file is gone")
        .hint("run it again; filters over ranges of `_id` make several smaller files")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use bson::{Document, doc};
    use lockkeeper_testkit::fault::TcpFault;
    use lockkeeper_testkit::in_process::{InProcess, seen};
    use lockkeeper_testkit::stdio::Era;
    use serde_json::{Value, json};

    use crate::MongoDb;
    use crate::ejson::Given;
    use crate::testing::{POLICY, Shop, types};

    fn listed(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn start(shop: &Shop, config: &str, more: &[&str]) -> (InProcess, std::path::PathBuf) {
        let directory = shop.directory().join("exports");
        fs::create_dir_all(&directory).unwrap();
        let more = [&["--export-dir", directory.to_str().unwrap()], more].concat();
        (shop.client(config, &more), directory)
    }

    #[test]
    fn documents_go_into_files_of_each_format() {
        let Some(shop) = Shop::start() else { return };
        let (mut client, directory) = start(&shop, "", &[]);
        let mut call = |given: Value| seen(&client.call("export", given));
        let jsonl = json!({"collection": "orders", "filter": {"_id": {"$lte": 2}}, "sort": {"_id": 1}, "projection": {"total": 1}, "path": "orders.jsonl"});
        let answer = call(jsonl.clone());
        assert_eq!(answer, r#"{"state":"done","documents":2,"bytes":44}"#);
        let text = fs::read_to_string(directory.join("orders.jsonl")).unwrap();
        assert_eq!(text, "{\"_id\":1,\"total\":1.5}\n{\"_id\":2,\"total\":3.0}\n");
        assert!(call(jsonl).starts_with("error: exists"));
        let csv = json!({"collection": "orders", "pipeline": [{"$sort": {"_id": 1}}, {"$limit": 2}, {"$project": {"status": 1, "items": 1}}], "path": "orders.csv", "format": "csv"});
        assert!(call(csv).contains(r#""documents":2"#));
        let text = fs::read_to_string(directory.join("orders.csv")).unwrap();
        let expected = "_id,status,items\n1,paid,\"[{\"\"sku\"\":\"\"s1\"\",\"\"count\"\":2}]\"\n2,shipped,\"[{\"\"sku\"\":\"\"s2\"\",\"\"count\"\":3}]\"\n";
        assert_eq!(text, expected);
        let all = json!({"collection": "events", "path": "events.csv", "format": "csv"});
        assert!(call(all).contains(r#""documents":1500"#));
        let text = fs::read_to_string(directory.join("events.csv")).unwrap();
        assert_eq!(text.lines().count(), 1_501);
        let ejson = json!({"collection": "types", "path": "types.json", "format": "ejson"});
        assert!(call(ejson).contains(r#""documents":1"#));
        let text = fs::read_to_string(directory.join("types.json")).unwrap();
        let stored: Vec<Given> = serde_json::from_str(&text).unwrap();
        assert_eq!(stored[0].0.to_vec().unwrap(), types().to_vec().unwrap());
        assert_eq!(listed(&directory), ["events.csv", "orders.csv", "orders.jsonl", "types.json"]);
    }

    #[test]
    fn what_a_call_does_not_finish_goes_on_with_the_next() {
        let Some(shop) = Shop::empty() else { return };
        shop.run(|database| async move {
            let documents = (0..20_000).map(|n| doc! { "_id": n, "text": "x".repeat(200) });
            database.collection::<Document>("many").insert_many(documents).await
        });
        let directory = shop.directory().join("exports");
        fs::create_dir_all(&directory).unwrap();
        // Nearly five megabytes, at less than one a second.
        let proxy = shop.proxy();
        proxy.always(TcpFault::Drip(8_000, Duration::from_millis(10)));
        let uri = format!("mongodb://{}/?directConnection=true", proxy.address());
        let arguments = [&uri, "--database", &shop.database, "--call-budget", "5s", "--export-dir"];
        let arguments = [&arguments[..], &[directory.to_str().unwrap()]].concat();
        let mut client = InProcess::start::<MongoDb>(&arguments, Era::Modern);
        let mut given = json!({"collection": "many", "path": "many.jsonl"});
        let mut calls = 0;
        let record: Value = loop {
            let answer = seen(&client.call("export", given.clone()));
            let record: Value =
                serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
            calls += 1;
            if record["state"] == "done" {
                break record;
            }
            assert!(!directory.join("many.jsonl").exists());
            given["cursor"] = record["next"].clone();
        };
        assert_eq!(record["documents"], 20_000);
        assert!(calls > 1, "{calls}");
        let text = fs::read_to_string(directory.join("many.jsonl")).unwrap();
        assert_eq!(record["bytes"], text.len());
        for (n, line) in text.lines().enumerate() {
            assert!(line.starts_with(&format!("{{\"_id\":{n},")), "{line}");
        }
        let again = seen(&client.call("export", given));
        assert!(again.starts_with("error: cursor_expired"), "{again}");
    }

    #[test]
    fn the_policy_holds_in_files_and_nothing_is_left_of_what_fails() {
        let Some(shop) = Shop::start() else { return };
        let (mut client, directory) = start(&shop, POLICY, &[]);
        let given = json!({"collection": "users", "path": "users.jsonl"});
        let answer = seen(&client.call("export", given));
        assert!(answer.contains("5 fields hidden by the policy; 5 values masked"), "{answer}");
        let text = fs::read_to_string(directory.join("users.jsonl")).unwrap();
        assert!(!text.contains("hash-") && !text.contains("user1@"), "{text}");
        for given in [
            json!({"collection": "employees", "path": "a.jsonl"}),
            json!({"collection": "staff", "path": "a.jsonl"}),
            json!({"collection": "nothing", "path": "a.jsonl"}),
            json!({"collection": "users", "filter": {"email": "x"}, "path": "a.jsonl"}),
            json!({"collection": "users", "filter": {"a": 1}, "pipeline": [], "path": "a.jsonl"}),
            json!({"collection": "users", "pipeline": [{"$out": "x"}], "path": "a.jsonl"}),
            json!({"collection": "users", "pipeline": [{"$set": {"a": {"$divide": [1, 0]}}}], "path": "a.jsonl"}),
            json!({"collection": "users", "path": "../a.jsonl"}),
            json!({"collection": "users", "path": "/tmp/a.jsonl"}),
            json!({"collection": "users", "path": "no/such.jsonl"}),
        ] {
            let answer = seen(&client.call("export", given.clone()));
            assert!(answer.starts_with("error: "), "{given}: {answer}");
        }
        assert_eq!(listed(&directory), ["users.jsonl"]);
    }

    #[test]
    fn it_is_there_only_with_a_directory() {
        let Some(shop) = Shop::start() else { return };
        let given = json!({"collection": "users", "path": "a.jsonl"});
        let answer = seen(&shop.client("", &["--write"]).call("export", given.clone()));
        assert!(answer.contains("unknown"), "{answer}");
        let (mut client, directory) = start(&shop, "[policy]\nwrite = false\n", &[]);
        let answer = seen(&client.call("export", given));
        assert!(answer.contains("unknown"), "{answer}");
        assert!(listed(&directory).is_empty());
    }
}

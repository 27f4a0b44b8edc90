//! `export`: the rows of one statement in a file.

use lockkeeper_core::{
    Add, Altered, Cx, Effect, Export, Exported, Filling as _, Need, Output, Tool, ToolError, count,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::query;
use crate::source::Pg;
use crate::source::exporting::{Lines, Selected, TIMEOUT};

pub(crate) struct ExportRows;

/// Write the rows of one SELECT into a new file of the export directory, all or nothing.
///
/// `running` is not finished: call again within a minute with `next` as `cursor` and all else the same.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    sql: String,
    /// For $1, $2, …
    #[serde(default)]
    params: Vec<Value>,
    database: Option<String>,
    /// In the export directory; nothing is overwritten
    path: String,
    #[serde(default)]
    format: Format,
    cursor: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Csv,
    Jsonl,
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
    rows: u64,
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

impl Tool<Pg> for ExportRows {
    type Effect = Add;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "path", "format"];

    fn plan(args: &Args) -> Need {
        let need = args.database.iter().fold(Need::new(Effect::Add), Need::resource);
        need.resource(format!("file {}", args.path))
    }

    async fn run(cx: Cx<'_, Pg, Add>, args: Args) -> Result<Record, ToolError> {
        let export = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => begin(&cx, &args).await?,
            Some(&[id, _]) => cx.source().exports.take(id).ok_or_else(expired)?,
            Some(_) => return Err(expired()),
        };
        Ok(match export.go_on(&cx).await? {
            Exported::Done(selected, bytes) => {
                let (rows, note) = (selected.count(), note(&selected));
                Record { state: State::Done, rows, bytes, next: None, note }
            }
            Exported::Running(export) => {
                let (rows, bytes) = (export.filling().count(), export.bytes());
                let next = cx.next(&[cx.source().exports.keep(export), rows]);
                Record { state: State::Running, rows, bytes, next: Some(next), note: None }
            }
        })
    }
}

async fn begin(cx: &Cx<'_, Pg, Add>, args: &Args) -> Result<Box<Export<Selected>>, ToolError> {
    let database = cx.source().database(args.database.as_deref())?;
    let checked = database.check(&args.sql).await?;
    let (grant, path) = (cx.grant(), args.path.clone());
    let created = cx.blocking(move |source: &Pg, _| match &source.export_dir {
        Some(directory) => directory.create(grant, &path),
        None => Err(ToolError::new("not_available", "the server has no export directory")
            .hint("the user can name one with --export-dir")),
    });
    let draft = created.await??;
    let rows = database.read(&checked, &args.sql, args.params.clone(), TIMEOUT).await?;
    let lines = match args.format {
        Format::Csv => Lines::Csv,
        Format::Jsonl => Lines::Jsonl,
    };
    let selected = Selected::new(rows, lines, database.masks.clone());
    Ok(Box::new(Export::new(selected, draft)))
}

fn note(selected: &Selected) -> Option<String> {
    let mut notes: Vec<String> = query::omitted(selected.omitted()).into_iter().collect();
    if selected.tally.masked > 0 {
        notes.push(format!("{} masked", count(selected.tally.masked, "value")));
    }
    if selected.tally.unreadable > 0 {
        notes.push(format!("{} unreadable", count(selected.tally.unreadable, "value")));
    }
    if selected.tally.unknown > 0 {
        notes.push(format!("as bytes: {}, cast to text", selected.unknown().join(", ")));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn expired() -> ToolError {
    ToolError::new("cursor_expired", "this export isn't kept any more, and its file is gone")
        .hint("run it again; a WHERE over ranges of a key makes several smaller files")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use lockkeeper_testkit::postgres::Version;
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use crate::testing::{POLICY, Shop, shop};

    fn config(directory: &Path, more: &str) -> String {
        format!("{more}\n[source]\nexport_dir = {:?}\n", directory.to_str().unwrap())
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn export(shop: &Shop, config: &str, arguments: Value) -> String {
        seen(&shop.client(config).call("export", arguments))
    }

    #[test]
    fn csv_is_what_copy_writes() {
        for version in Version::ALL {
            let Some(shop) = Shop::start(version) else { continue };
            let directory = TempDir::new().unwrap();
            let config = config(directory.path(), "");
            for (place, sql) in [
                "SELECT * FROM sales.orders ORDER BY id",
                "SELECT id, name, email, address, tags, created_at FROM public.customers ORDER BY id",
                "SELECT * FROM public.events ORDER BY id",
                "SELECT '' AS empty, NULL::text AS nothing, 'a,b' AS comma, 'say \"x\"' AS quote, \
                 E'two\nlines\ttab\\\\' AS lines, '\\xff00'::bytea AS \"a \"\"b\"\"\", \
                 1.50::numeric AS n, 'NaN'::float8, '-infinity'::date, 'größe' AS ü",
                // What is never quoted.
                "SELECT -1::int2, 7::int8, 5::oid, 1.5::real, 1e300::float8, \
                 'NaN'::numeric, date '0044-03-15 BC', time '01:02:03.4', \
                 timetz '01:02+05:30', 'infinity'::timestamptz, timestamp '2025-01-01 BC', \
                 interval '-1 year 2 days -3.5 seconds', md5('')::uuid",
                "SELECT 1 AS x WHERE false",
            ]
            .into_iter()
            .enumerate()
            {
                let path = format!("{place}.csv");
                let said = export(&shop, &config, json!({"sql": sql, "path": path}));
                let expected = shop.copied(&format!("COPY ({sql}) TO STDOUT (FORMAT csv, HEADER)"));
                let written = fs::read_to_string(directory.path().join(path)).unwrap();
                assert_eq!(written, expected, "{version:?}: {sql}: {said}");
                let said: Value = serde_json::from_str(&said).unwrap();
                assert_eq!(said["state"], "done");
                assert_eq!(said["bytes"], expected.len());
            }
        }
    }

    #[test]
    fn jsonl_is_an_object_a_line() {
        let Some(shop) = shop() else { return };
        let directory = TempDir::new().unwrap();
        let sql = "SELECT id, total, status, placed_at, note, ARRAY[1, 2] AS a, id AS id \
                   FROM sales.orders WHERE id < $1 ORDER BY id";
        let arguments = json!({"sql": sql, "params": [3], "path": "o.jsonl", "format": "jsonl"});
        let said = export(&shop, &config(directory.path(), ""), arguments);
        assert_eq!(said, r#"{"state":"done","rows":2,"bytes":219}"#);
        expect![[r#"
            {"id":"1","total":"2.00","status":"paid","placed_at":"2025-01-01T07:00:00Z","note":"","a":[1,2],"id_2":"1"}
            {"id":"2","total":"3.00","status":"shipped","placed_at":"2025-01-01T14:00:00Z","note":"","a":[1,2],"id_2":"2"}
        "#]]
        .assert_eq(&fs::read_to_string(directory.path().join("o.jsonl")).unwrap());
    }

    #[test]
    fn what_query_hides_is_in_no_file() {
        let Some(shop) = shop() else { return };
        let directory = TempDir::new().unwrap();
        let config = config(directory.path(), POLICY);
        let sql = "SELECT id, email FROM public.customers ORDER BY id LIMIT 1";
        let said = export(&shop, &config, json!({"sql": sql, "path": "a.csv"}));
        assert!(said.contains("1 value masked"), "{said}");
        let written = fs::read_to_string(directory.path().join("a.csv")).unwrap();
        assert!(written.starts_with("id,email\n1,[redacted:hash_"), "{written}");
        for sql in [
            "SELECT password_hash FROM public.customers",
            "SELECT lower(email) FROM public.customers",
            "SELECT * FROM hr.employees",
            "SELECT total FROM sales.orders",
            "SELECT pg_read_file('/etc/passwd')",
            "DELETE FROM public.customers",
            "SELECT 1; SELECT 2",
            "COPY public.customers TO '/tmp/x'",
        ] {
            let said = export(&shop, &config, json!({"sql": sql, "path": "b.csv"}));
            assert!(said.starts_with("error: "), "{sql}: {said}");
            assert_eq!(names(directory.path()), ["a.csv"], "{sql}");
        }
    }

    /// A file holds what the database holds: only masks and denials change it.
    #[test]
    fn credentials_in_values_are_redacted_in_answers_and_not_in_files() {
        let Some(shop) = shop() else { return };
        let directory = TempDir::new().unwrap();
        let config = config(directory.path(), "");
        let sql = "SELECT 'AKIA' || 'Q3EGYXM7R2LWT5ZN' AS key";
        let answer = seen(&shop.client(&config).call("query", json!({"sql": sql})));
        assert!(answer.contains("redacted") && !answer.contains("AKIAQ3"), "{answer}");
        export(&shop, &config, json!({"sql": sql, "path": "keys.csv"}));
        let written = fs::read_to_string(directory.path().join("keys.csv")).unwrap();
        assert_eq!(written, "key\nAKIAQ3EGYXM7R2LWT5ZN\n");
    }

    #[test]
    fn half_a_file_is_no_file() {
        let Some(shop) = shop() else { return };
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("old.csv"), "old").unwrap();
        let config = config(directory.path(), "");
        let sql = "SELECT 1 / (5000 - g) FROM generate_series(1, 10000) g";
        for (sql, path, code) in [
            (sql, "x.csv", "invalid_value"),
            ("SELECT 1", "old.csv", "exists"),
            ("SELECT 1", "../x.csv", "invalid_path"),
            ("SELECT 1", "/tmp/x.csv", "invalid_path"),
            ("SELECT 1", "no/x.csv", "not_found"),
        ] {
            let said = export(&shop, &config, json!({"sql": sql, "path": path}));
            assert!(said.starts_with(&format!("error: {code}")), "{path}: {said}");
        }
        assert_eq!(names(directory.path()), ["old.csv"]);
        assert_eq!(fs::read(directory.path().join("old.csv")).unwrap(), b"old");
    }

    #[test]
    fn what_takes_longer_than_a_call_goes_on_with_the_next() {
        let Some(shop) = shop() else { return };
        let directory = TempDir::new().unwrap();
        let config = config(directory.path(), "[limits]\ncall_budget = \"1s\"\n");
        let mut client = shop.client(&config);
        let sql = "SELECT g, md5(g::text) FROM generate_series(1, 400000) g";
        let mut arguments = json!({"sql": sql, "path": "a.csv"});
        let (mut calls, mut rows) = (0, 0);
        loop {
            let said = seen(&client.call("export", arguments.clone()));
            let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
            calls += 1;
            assert!(said["rows"].as_u64() > Some(rows), "{said}");
            rows = said["rows"].as_u64().unwrap();
            if said["state"] == "done" {
                break;
            }
            assert!(!directory.path().join("a.csv").exists());
            let used = arguments["cursor"].clone();
            arguments["cursor"] = said["next"].clone();
            if !used.is_null() {
                let again = json!({"sql": sql, "path": "a.csv", "cursor": used});
                assert!(seen(&client.call("export", again)).contains("cursor_expired"));
            }
        }
        assert!(calls > 1);
        assert_eq!((rows, names(directory.path())), (400_000, vec!["a.csv".to_owned()]));
        let written = fs::read_to_string(directory.path().join("a.csv")).unwrap();
        assert_eq!(written.lines().count(), 400_001);
        assert!(written.contains("\n400000,"));

        // The wait for a first row goes on as well, and what nobody goes on with is gone.
        let sql = "SELECT count(*) FROM generate_series(1, 20000000) g";
        let said = seen(&client.call("export", json!({"sql": sql, "path": "b.csv"})));
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        assert_eq!(said["state"], "running", "{said}");
        assert_eq!(said["rows"], 0, "{said}");
        drop(client);
        while shop.text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%20000000%'")
            != "1"
        {
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_exists_with_a_directory_and_unless_writing_is_closed() {
        let Some(shop) = shop() else { return };
        let directory = TempDir::new().unwrap();
        let tools = |config: &str| {
            let answer = shop.client(config).request("tools/list", json!({}));
            let tools = answer["result"]["tools"].as_array().unwrap().clone();
            let names: Vec<String> =
                tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
            (names.contains(&"export".to_owned()), names.contains(&"execute".to_owned()))
        };
        assert_eq!(tools(""), (false, false));
        assert_eq!(tools("[policy]\nwrite = true\n"), (false, true));
        assert_eq!(tools(&config(directory.path(), "")), (true, false));
        assert_eq!(tools(&config(directory.path(), "[policy]\nwrite = false\n")), (false, false));
        let denied = config(directory.path(), "[policy.tools]\ndeny = [\"export\"]\n");
        assert_eq!(tools(&denied), (false, false));
    }
}

//! `query`: one statement that reads, its rows a page at a time.

use std::time::Duration;

use lockkeeper_core::{Altered, Cx, Need, Output, Read, Room, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;

use crate::refusal::expired;
use crate::source::Pg;
use crate::source::reading::Rows;
use crate::values::lines::csv_of;
use crate::values::masking::Omitted;
use crate::values::{Columns, Show, Tally};

/// Rows of a page, unless fewer or more are asked for.
const ROWS: u64 = 200;

/// Bytes of one value's text; a longer one is cut, and says so.
const LONGEST: usize = 4_000;

/// Milliseconds that a statement may take, unless it is given less.
pub(super) const TIMEOUT: u64 = 20_000;

pub(crate) struct RunQuery;

/// Run one SELECT, VALUES, TABLE, EXPLAIN or SHOW and return its rows.
///
/// A cut result says `next`: call again within a minute with it as `cursor` and all else the same.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    sql: String,
    /// For $1, $2, …
    #[serde(default)]
    params: Vec<Value>,
    database: Option<String>,
    /// Default 200
    max_rows: Option<u64>,
    cursor: Option<String>,
    /// `columns`: a line a value, for wide rows
    #[serde(default)]
    format: Format,
    timeout_ms: Option<u64>,
}

impl Args {
    /// Those of a query that is none of the agent's own.
    pub(super) fn of(database: Option<String>) -> Self {
        Self {
            sql: String::new(),
            params: Vec::new(),
            database,
            max_rows: None,
            cursor: None,
            format: Format::default(),
            timeout_ms: None,
        }
    }
}

/// How rows are written as text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Rows,
    Columns,
    Csv,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Page {
    columns: Vec<Named>,
    rows: Vec<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    altered: Altered,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Named {
    name: String,
    r#type: String,
}

impl Output for Page {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.text.clone()
    }

    fn truncated(&self) -> bool {
        self.next.is_some()
    }

    fn altered(&self) -> Altered {
        self.altered
    }
}

impl Tool<Pg> for RunQuery {
    type Effect = Read;
    type Args = Args;
    type Output = Page;

    const PLAIN: &'static [&'static str] = &["database", "max_rows", "format", "timeout_ms"];

    fn plan(args: &Args) -> Need {
        let need = Need::new(lockkeeper_core::Effect::Read);
        args.database.iter().fold(need, Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Page, ToolError> {
        let (rows, read) = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => (begin(&cx, &args).await?, 0),
            Some(&[id, read]) => (cx.source().cursors.take(id).ok_or_else(expired)?, read),
            Some(_) => return Err(expired()),
        };
        page(&cx, &args, rows, read).await
    }
}

async fn begin(cx: &Cx<'_, Pg, Read>, args: &Args) -> Result<Rows, ToolError> {
    let database = cx.source().database(args.database.as_deref())?;
    let checked = database.check(&args.sql).await?;
    let timeout = args.timeout_ms.unwrap_or(TIMEOUT).clamp(1, TIMEOUT);
    let timeout = Duration::from_millis(timeout);
    Ok(database.read(&checked, &args.sql, args.params.clone(), timeout).await?)
}

/// Rows until the page, or the answer, is full.
pub(super) async fn page(
    cx: &Cx<'_, Pg, Read>,
    args: &Args,
    mut rows: Rows,
    read: u64,
) -> Result<Page, ToolError> {
    let database = cx.source().database(args.database.as_deref())?;
    let described = rows.statement.columns();
    let columns = Columns::new(described, &rows.masks);
    let names: Vec<String> = described.iter().map(|column| column.name().to_owned()).collect();
    let types = described.iter().map(|column| column.type_().name().to_owned());
    let named = names.iter().cloned().zip(types).map(|(name, r#type)| Named { name, r#type });
    let named: Vec<Named> = named.collect();
    let show = Show { masks: &database.masks, longest: LONGEST.min(cx.max_output() / 2) };
    let writer = Writer { columns: &columns, names: &names, format: args.format, show };
    let most = args.max_rows.unwrap_or(ROWS).max(1);
    let mut room = Room::new(cx.max_output());
    let (mut tally, mut altered) = (Tally::default(), Altered::default());
    let mut data = Vec::new();
    let mut more = false;
    room.push(&writer.head());
    let mut taken = 0;
    while let Some(row) = rows.next().await? {
        let mut text = String::new();
        let mut counted = tally;
        writer.row(&row, read + taken, &mut text, &mut counted);
        let shown = cx.outside().show(&text);
        if taken == most || (taken > 0 && !room.push(&shown.text)) {
            rows.put_back(row);
            more = true;
            break;
        }
        if taken == 0 {
            room.push(&shown.text);
        }
        if cx.wants_data() {
            data.push(columns.json(&row, show, &mut Tally::default()));
        }
        altered += shown.altered();
        tally = counted;
        taken += 1;
    }
    altered.redacted += tally.masked;
    let omitted = omitted(&rows.omitted);
    let next = more.then(|| {
        let read = read + taken;
        cx.next(&[cx.source().cursors.keep(rows), read])
    });
    let mut text = opening(taken, read, next.as_deref(), &tally, &columns);
    if let Some(omitted) = omitted {
        text.push_str(&format!("; {omitted}"));
    }
    text.push_str("]\n");
    text.push_str(&room.into_text());
    Ok(Page { columns: named, rows: data, next, text, altered })
}

fn opening(taken: u64, read: u64, next: Option<&str>, tally: &Tally, columns: &Columns) -> String {
    let mut line = format!("[{}", count(taken, "row"));
    if read > 0 {
        line.push_str(&format!(" from {}", read + 1));
    }
    if let Some(next) = next {
        line.push_str(&format!("; truncated, next: cursor {next}"));
    }
    if tally.cut > 0 {
        line.push_str(&format!("; {} cut: select a part of it", count(tally.cut, "value")));
    }
    if tally.unreadable > 0 {
        line.push_str(&format!("; {} unreadable", count(tally.unreadable, "value")));
    }
    if tally.unknown > 0 {
        let types: Vec<&str> = columns.unknown().collect();
        line.push_str(&format!("; as bytes: {}, cast to text", types.join(", ")));
    }
    line
}

/// What `*` left out. The columns that aren't allowed don't exist, so they are counted and not named.
pub(super) fn omitted(omitted: &[Omitted]) -> Option<String> {
    let tables: Vec<String> = omitted
        .iter()
        .map(|Omitted { relation, columns }| format!("{} of {relation}", count(*columns, "column")))
        .collect();
    (!tables.is_empty()).then(|| format!("omitted, not allowed: {}", tables.join(", ")))
}

/// Writes rows as text.
struct Writer<'a> {
    columns: &'a Columns,
    names: &'a [String],
    format: Format,
    show: Show<'a>,
}

impl Writer<'_> {
    fn head(&self) -> String {
        match self.format {
            Format::Rows => format!("{}\n", self.names.join("\t")),
            Format::Csv => format!("{}\r\n", csv_of(self.names.iter().map(String::as_str))),
            Format::Columns => String::new(),
        }
    }

    fn row(&self, row: &Row, number: u64, text: &mut String, tally: &mut Tally) {
        match self.format {
            Format::Rows => {
                self.columns.write(row, self.show, text, tally);
                text.push('\n');
            }
            Format::Csv => {
                self.columns.csv(row, self.show, text, tally);
                text.push_str("\r\n");
            }
            Format::Columns => {
                let mut line = String::new();
                self.columns.write(row, self.show, &mut line, tally);
                text.push_str(&format!("row {}\n", number + 1));
                // Tabs within values are escaped.
                for (name, value) in self.names.iter().zip(line.split('\t')) {
                    text.push_str(&format!("{name}: {value}\n"));
                }
            }
        }
    }
}
#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use super::*;
    use crate::testing::{all_pages, shop};

    #[test]
    fn reads_rows_in_every_form() {
        let Some(shop) = shop() else { return };
        let sql = "SELECT n, NULLIF(n, 2) AS odd, 'a\tb, \"c\"' AS text \
                   FROM generate_series($1::int, 3) AS n";
        let ask = |format: &str| {
            let call = json!({"sql": sql, "params": [2], "format": format});
            shop.call("postgres", "", &format!("query {call}"))
        };
        expect![[r#"
            [2 rows]
            n	odd	text
            2	\N	a\tb, "c"
            3	3	a\tb, "c"
        "#]]
        .assert_eq(&ask("rows"));
        expect![[r#"
            [2 rows]
            row 1
            n: 2
            odd: \N
            text: a\tb, "c"
            row 2
            n: 3
            odd: 3
            text: a\tb, "c"
        "#]]
        .assert_eq(&ask("columns"));
        expect![[r#"
            [2 rows]
            n,odd,text␍
            2,,"a	b, ""c"""␍
            3,3,"a	b, ""c"""␍
        "#]]
        .assert_eq(&ask("csv").replace('\r', "␍"));
    }

    #[test]
    fn goes_on_where_a_page_ended() {
        let Some(shop) = shop() else { return };
        let mut client = shop.client("");
        let asked = json!({"sql": "SELECT * FROM generate_series(1, 250) AS n", "max_rows": 100});
        let pages = all_pages(&mut client, "query", asked.clone());
        let rows = pages.iter().flat_map(|page| page.lines().skip(2));
        let expected: Vec<String> = (1..=250).map(|n| n.to_string()).collect();
        assert_eq!(rows.collect::<Vec<_>>(), expected);
        expect!["[100 rows from 101; truncated, next: cursor <cursor>]"]
            .assert_eq(pages[1].lines().next().unwrap());

        // A page is read once: its rows are gone then.
        let first = seen(&client.call("query", asked.clone()));
        let (_, cursor) = first.lines().next().unwrap().split_once("cursor ").unwrap();
        let mut again = asked;
        again["cursor"] = cursor.trim_end_matches(']').into();
        assert!(seen(&client.call("query", again.clone())).starts_with("[100 rows from 101"));
        expect![[r#"
            error: cursor_expired: the rows behind this cursor are not kept any more
            next: run it again; ORDER BY a key and WHERE key > $1, with the last one read, goes on from there"#]].assert_eq(&seen(&client.call("query", again)));
    }

    #[test]
    fn what_was_prepared_for_a_table_that_has_changed_is_prepared_again() {
        let Some(shop) = shop() else { return };
        shop.run("CREATE TABLE public.kept AS SELECT 1 AS a");
        let mut client = shop.client("");
        let mut ask = || seen(&client.call("query", json!({"sql": "SELECT * FROM kept"})));
        for _ in 0..3 {
            assert_eq!(ask(), "[1 row]\na\n1\n");
        }
        shop.run("ALTER TABLE public.kept ADD COLUMN b text DEFAULT 'x'");
        for _ in 0..2 {
            assert_eq!(ask(), "[1 row]\na\tb\n1\tx\n");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_statement() {
        let Some(shop) = shop() else { return };
        let said = [
            ("SELECT 1 +", json!([])),
            ("SELECT nme FROM customers", json!([])),
            ("SELECT * FROM custmers", json!([])),
            ("SELECT 1 / (id - 1) FROM customers", json!([])),
            ("SELECT $1::int", json!(["x"])),
            ("SELECT $1::int", json!([])),
            ("DELETE FROM customers", json!([])),
            ("SELECT 1; SELECT 2", json!([])),
            ("SELECT pg_read_file('/etc/passwd')", json!([])),
            ("SELECT repeat('x', 9000000)", json!([])),
            ("SELECT string_agg(repeat('x', 999), '') FROM generate_series(1, 9100)", json!([])),
        ]
        .map(|(sql, params)| {
            let call = json!({"sql": sql, "params": params});
            format!("{sql}\n{}\n", shop.call("postgres", "", &format!("query {call}")))
        });
        expect![[r#"
            SELECT 1 +
            error: invalid_sql: syntax error at byte 10: expected an expression, found EOF
            next: send one statement that PostgreSQL understands
            SELECT nme FROM customers
            error: not_found: column "nme" does not exist (SQLSTATE 42703 at character 8)
            next: Perhaps you meant to reference the column "customers.name".; list_objects and describe show what there is
            SELECT * FROM custmers
            error: not_found: relation "custmers" does not exist (SQLSTATE 42P01 at character 15)
            next: list_objects and describe show what there is
            SELECT 1 / (id - 1) FROM customers
            error: invalid_value: division by zero (SQLSTATE 22012)
            next: correct the values
            SELECT $1::int
            error: invalid_value: invalid input syntax for type integer: "x" (SQLSTATE 22P02)
            next: correct the values
            SELECT $1::int
            error: invalid_arguments: the statement has 1 parameters, and 0 values were given
            next: params has a value for each of $1, $2, …
            DELETE FROM customers
            error: not_allowed: DELETE is not allowed: only SELECT, VALUES, TABLE, EXPLAIN of these and SHOW are
            next: read with SELECT; `execute` writes, if the server was started with --write
            SELECT 1; SELECT 2
            error: invalid_sql: only one statement can be run at a time
            next: send one statement that PostgreSQL understands
            SELECT pg_read_file('/etc/passwd')
            error: not_allowed: function "pg_read_file" can't be called: it may change something
            next: write it without that; the server's owner decides what is allowed
            SELECT repeat('x', 9000000)
            error: too_large: repeat makes too much: the number must be below 10^6
            next: ask for less
            SELECT string_agg(repeat('x', 999), '') FROM generate_series(1, 9100)
            error: too_large: a row of 9090906 bytes is too long to be read
            next: select less of it, such as left(column, 1000) or octet_length(column)
        "#]].assert_eq(&said.concat());
    }

    #[test]
    fn ends_a_statement_that_takes_too_long() {
        let Some(shop) = shop() else { return };
        let sql = "SELECT count(*) FROM generate_series(1, 1000000000000)";
        let call = json!({"sql": sql, "timeout_ms": 100});
        expect![[r#"
            error: timeout: canceling statement due to statement timeout (SQLSTATE 57014)
            next: ask for less, or raise timeout_ms up to the call budget"#]]
        .assert_eq(&shop.call("postgres", "", &format!("query {call}")));
    }

    #[test]
    fn asks_which_database_is_meant() {
        let Some(shop) = shop() else { return };
        let (app, other) = (shop.url("postgres"), shop.cluster.url("postgres"));
        let config = format!(
            "[source.databases.app]\ndsn = \"{app}\"\ndescription = \"the shop\"\n\
             [source.databases.admin]\ndsn = \"{other}\"\n"
        );
        let mut client = shop.client_of(&config);
        let mut ask = |call: Value| seen(&client.call("query", call));
        let sql = "SELECT current_database()";
        expect![[r#"
            error: invalid_arguments: there are several databases
            next: database is one of admin, app (the shop)"#]]
        .assert_eq(&ask(json!({"sql": sql})));
        expect![[r#"
            error: invalid_arguments: there is no database of that name
            next: database is one of admin, app (the shop)"#]]
        .assert_eq(&ask(json!({"sql": sql, "database": "shop"})));
        expect![[r#"
            [1 row]
            current_database
            app
        "#]]
        .assert_eq(&ask(json!({"sql": sql, "database": "app"})));
    }
}

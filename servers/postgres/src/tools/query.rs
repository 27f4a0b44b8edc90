//! `query`: one statement that reads, its rows a page at a time.

use std::time::Duration;

use lockkeeper_core::{Altered, Cx, Need, Output, Read, Room, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;

use crate::source::Pg;
use crate::source::reading::Rows;
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
        args.database.iter().fold(need, |need, database| need.resource(database))
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Page, ToolError> {
        let (rows, read) = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => (begin(&cx, &args).await?, 0),
            Some(&[id, read]) => (cx.source().cursors.take(id, read).ok_or_else(expired)?, read),
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

pub(super) fn expired() -> ToolError {
    ToolError::new("cursor_expired", "the rows behind this cursor are not kept any more").hint(
        "run it again; ORDER BY a key and WHERE key > $1, with the last one read, goes on from there",
    )
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
    let next = more.then(|| {
        let read = read + taken;
        cx.next(&[cx.source().cursors.keep(rows, read), read])
    });
    let mut text = opening(taken, read, next.as_deref(), &tally, &columns);
    text.push_str(&room.into_text());
    Ok(Page { columns: named, rows: data, next, text, altered })
}

fn opening(taken: u64, read: u64, next: Option<&str>, tally: &Tally, columns: &Columns) -> String {
    let mut line = format!("[{}", count(taken, "row"));
    if read > 0 {
        line.push_str(&format!(" from {}", read + 1));
    }
    if let Some(next) = next {
        line.push_str(&format!(", truncated, next: {next}"));
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
    line.push_str("]\n");
    line
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
            Format::Csv => csv(self.names.iter().map(String::as_str)),
            Format::Columns => String::new(),
        }
    }

    fn row(&self, row: &Row, number: u64, text: &mut String, tally: &mut Tally) {
        if self.format == Format::Rows {
            self.columns.write(row, self.show, text, tally);
            text.push('\n');
            return;
        }
        let mut line = String::new();
        self.columns.write(row, self.show, &mut line, tally);
        // Tabs within values are escaped.
        let values = line.split('\t');
        match self.format {
            Format::Csv => {
                let values: Vec<String> = values.map(unescaped).collect();
                text.push_str(&csv(values.iter().map(String::as_str)));
            }
            Format::Rows | Format::Columns => {
                text.push_str(&format!("row {}\n", number + 1));
                for (name, value) in self.names.iter().zip(values) {
                    text.push_str(&format!("{name}: {value}\n"));
                }
            }
        }
    }
}

/// A value as it was before the escapes of COPY; NULL as nothing.
fn unescaped(value: &str) -> String {
    if value == "\\N" {
        return String::new();
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            out.push(c);
            continue;
        };
        out.push(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'b' => '\u{8}',
            'v' => '\u{b}',
            'f' => '\u{c}',
            c => c,
        });
    }
    out
}

/// A line of RFC 4180.
fn csv<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (n, value) in values.enumerate() {
        if n > 0 {
            line.push(',');
        }
        if value.contains([',', '"', '\n', '\r']) {
            line.push('"');
            line.push_str(&value.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(value);
        }
    }
    line.push_str("\r\n");
    line
}

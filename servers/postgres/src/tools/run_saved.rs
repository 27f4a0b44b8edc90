//! `run_saved`: a query that the operator wrote, with values of the agent's.

use std::collections::BTreeMap;
use std::time::Duration;

use lockkeeper_core::{Cx, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::query::{self, Page, TIMEOUT};
use crate::refusal::expired;
use crate::source::Pg;
use crate::source::reading::{Query, Rows};
use crate::source::saved::Saved;
use crate::values::parameter::Parameter;

pub(crate) struct RunSaved;

/// Run a query that the server's owner saved; an unknown name lists them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    name: String,
    #[serde(default)]
    args: BTreeMap<String, Value>,
    cursor: Option<String>,
}

impl Tool<Pg> for RunSaved {
    type Effect = Read;
    type Args = Args;
    type Output = Page;

    const PLAIN: &'static [&'static str] = &["name"];

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Page, ToolError> {
        let saved = cx.source().saved.get(&args.name).ok_or_else(|| unknown(cx.source()))?;
        let (rows, read) = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => (begin(&cx, saved, &args).await?, 0),
            Some(&[id, read]) => (cx.source().cursors.take(id).ok_or_else(expired)?, read),
            Some(_) => return Err(expired()),
        };
        query::page(&cx, &query::Args::of(saved.database.clone()), rows, read).await
    }
}

async fn begin(cx: &Cx<'_, Pg, Read>, saved: &Saved, args: &Args) -> Result<Rows, ToolError> {
    let database = cx.source().database(saved.database.as_deref())?;
    let values = saved.values(args.args.clone()).map_err(|problem| {
        ToolError::invalid_arguments(problem).hint(format!("call {}", saved.signature(&args.name)))
    })?;
    let query = Query {
        sql: saved.sql.clone().into(),
        params: Parameter::all(values),
        timeout: Duration::from_millis(TIMEOUT),
        // Whoever wrote it vouches for it; the transaction only reads all the same.
        judged: None,
    };
    let mut rows = database.pool.read(query).await?;
    rows.masks = database.masks_of_saved(&saved.sql, rows.statement.columns()).await?;
    Ok(rows)
}

fn unknown(source: &Pg) -> ToolError {
    let saved = source.saved.iter().map(|(name, saved)| saved.signature(name));
    let saved: Vec<String> = saved.collect();
    let hint = if saved.is_empty() {
        "the server's owner has saved none: use query".to_owned()
    } else {
        format!("saved are {}", saved.join("; "))
    };
    ToolError::new("not_found", "there is no saved query of that name").hint(hint)
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::shop;

    const SAVED: &str = r#"
[source.saved.orders_of]
sql = "SELECT id, total FROM sales.orders WHERE customer_id = :customer AND total > :least ORDER BY id"
description = "orders of a customer"
params = { customer = "int8", least = "numeric" }
[source.saved.salary]
sql = "SELECT public.salary_of(:employee)"
params = { employee = "int4" }
[source.saved.many]
sql = "SELECT g FROM generate_series(1, 300) g"
[source.saved.writes]
sql = "INSERT INTO sales.products (sku, title) VALUES ('x', 'x') RETURNING id"
[source.saved.two]
sql = "SELECT 1; DELETE FROM sales.order_items"
"#;

    #[test]
    fn the_operators_queries_run_with_typed_values() {
        let Some(shop) = shop() else { return };
        for (call, expected) in [
            (
                r#"run_saved {"name": "orders_of", "args": {"customer": 7, "least": "66.5"}}"#,
                expect![[r#"
                    [2 rows]
                    id	total
                    606	67.00
                    806	87.00
                "#]],
            ),
            (
                r#"run_saved {"name": "salary", "args": {"employee": 2}}"#,
                expect![[r#"
                [1 row]
                salary_of
                3020.00
            "#]],
            ),
            (
                r#"run_saved {"name": "salary", "args": {"employee": "2; DROP TABLE x"}}"#,
                expect![[r#"
                    error: invalid_value: invalid input syntax for type integer: "2; DROP TABLE x" (SQLSTATE 22P02)
                    next: correct the values"#]],
            ),
            (
                r#"run_saved {"name": "salary", "args": {}}"#,
                expect![[r#"
                error: invalid_arguments: args.employee is missing
                next: call salary(employee int4)"#]],
            ),
            (
                r#"run_saved {"name": "many", "args": {"x": 1}}"#,
                expect![[r#"
                error: invalid_arguments: args.x is no parameter of it
                next: call many()"#]],
            ),
            (
                r#"run_saved {"name": "writes"}"#,
                expect![[r#"
                error: read_only: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)
                next: this transaction can't write"#]],
            ),
            (
                r#"run_saved {"name": "two"}"#,
                expect![[r#"
                error: invalid_sql: cannot insert multiple commands into a prepared statement (SQLSTATE 42601)
                next: correct the statement"#]],
            ),
            (
                r#"run_saved {"name": ""}"#,
                expect![[r#"
                error: not_found: there is no saved query of that name
                next: saved are many(); orders_of(customer int8, least numeric): orders of a customer; salary(employee int4); two(); writes()"#]],
            ),
        ] {
            shop.check_as("postgres", SAVED, call, &expected);
        }
        assert_eq!(shop.text("SELECT count(*) FROM sales.order_items"), "2500");
    }

    /// Whoever wrote a query vouches for what it reads; masks hold for whoever calls it.
    #[test]
    fn masked_columns_stay_masked() {
        const MASKED: &str = r#"
[policy.mask]
"**.email" = "redact"
[policy.resources]
deny = ["**.password_hash", "app.hr.employees.salary"]
[source.saved.plain]
sql = "SELECT id, name, email AS contact, password_hash, tags[1] AS tag FROM public.customers WHERE id = :id"
params = { id = "int8" }
[source.saved.computed]
sql = "SELECT id, name, upper(email) AS loud, count(*) OVER () AS n FROM public.customers WHERE email LIKE 'c1@%'"
[source.saved.view]
sql = "SELECT * FROM sales.open_orders ORDER BY id LIMIT 1"
[source.saved.elsewhere]
sql = "SELECT status, count(*) AS n, max(total) FROM sales.orders GROUP BY 1 ORDER BY 1 LIMIT 1"
[source.saved.function]
sql = "SELECT public.salary_of(3) AS salary"
[source.saved.counted]
sql = "SELECT count(*) AS n, max(created_at) AS last FROM public.customers"
"#;
        let Some(shop) = shop() else { return };
        let mut said = String::new();
        let mut client = shop.client(MASKED);
        for (name, args) in [
            ("plain", json!({"id": 7})),
            ("computed", json!({})),
            ("view", json!({})),
            ("elsewhere", json!({})),
            ("function", json!({})),
            ("counted", json!({})),
        ] {
            said.push_str(&seen(&client.call("run_saved", json!({"name": name, "args": args}))));
            said.push('\n');
        }
        expect![[r#"
            [1 row; altered: 3 redacted]
            id	name	contact	password_hash	tag
            7	Customer 7	[redacted:masked]	[redacted:masked]	[redacted:masked]

            [1 row; altered: 2 redacted]
            id	name	loud	n
            1	Customer 1	[redacted:masked]	[redacted:masked]

            [1 row]
            id	name	total
            1	Customer 2	2.00

            [1 row]
            status	n	max
            new	250	89.00

            [1 row]
            salary
            3030.00

            [1 row]
            n	last
            200	2025-01-09 08:00:00+00

        "#]]
        .assert_eq(&said);
    }

    #[test]
    fn they_are_read_in_pages() {
        let Some(shop) = shop() else { return };
        let mut client = shop.client(SAVED);
        let first = seen(&client.call("run_saved", json!({"name": "many"})));
        let cursor = first.split_once("next: cursor ").and_then(|(_, rest)| rest.split_once(']'));
        let (cursor, rows) = cursor.unwrap();
        let rest = seen(&client.call("run_saved", json!({"name": "many", "cursor": cursor})));
        assert!(rows.trim_end().ends_with("200"), "{first}");
        assert!(rest.starts_with("[100 rows from 201]"), "{rest}");
    }
}

//! `explain`: how a statement runs, a line for each node of its plan, and what is wrong with it.

use std::time::Duration;

use lockkeeper_core::{Altered, Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::explain::{How, WishError};
use crate::source::plan::Plan;
use crate::source::{Database, Pg};

/// Milliseconds that a statement may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Indexes that can be wished for at once.
const MOST: usize = 20;

pub(crate) struct Explain;

/// Show the plan of a SELECT and what is slow in it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    sql: String,
    #[serde(default)]
    params: Vec<Value>,
    database: Option<String>,
    /// run it
    #[serde(default)]
    analyze: bool,
    /// schema.table(column, …); needs hypopg
    #[serde(default)]
    hypothetical_indexes: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Explained {
    findings: Vec<String>,
    /// as PostgreSQL gives it
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Value>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    cut: usize,
}

impl Output for Explained {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.text.clone()
    }

    fn truncated(&self) -> bool {
        self.cut > 0
    }

    fn altered(&self) -> Altered {
        Altered::default()
    }
}

impl Tool<Pg> for Explain {
    type Effect = Read;
    type Args = Args;
    type Output = Explained;

    const PLAIN: &'static [&'static str] = &["database", "analyze"];

    fn plan(args: &Args) -> Need {
        args.database.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Explained, ToolError> {
        let database = cx.source().database(args.database.as_deref())?;
        let indexes = args.hypothetical_indexes.as_slice();
        if args.analyze && !indexes.is_empty() {
            let problem = "a plan over indexes that don't exist can't be run";
            return Err(ToolError::invalid_arguments(problem).hint("leave analyze out"));
        }
        if indexes.len() > MOST {
            let problem = format!("at most {MOST} hypothetical indexes");
            return Err(ToolError::invalid_arguments(problem).hint("give fewer"));
        }
        let checked = database.check(&args.sql).await?;
        if !Database::is_explainable(&checked) {
            return Err(ToolError::invalid_arguments("`sql` is no query")
                .hint("give the SELECT itself; analyze says whether it runs"));
        }
        let indexes = database.wishes(indexes).await?.map_err(|error| wish(&error))?;
        let how = How { params: args.params, analyze: args.analyze, indexes, timeout: TIMEOUT };
        let plan = database.explain(&checked, how).await?;
        explained(&cx, database, &plan).await
    }
}

fn wish(error: &WishError) -> ToolError {
    match error {
        WishError::Form(_) => ToolError::invalid_arguments(error.to_string())
            .hint("plain columns in their order, such as sales.orders(customer_id, placed_at)"),
        WishError::Unknown(_) => {
            ToolError::new("not_found", error.to_string()).hint("describe shows the columns")
        }
    }
}

async fn explained(
    cx: &Cx<'_, Pg, Read>,
    database: &Database,
    plan: &Plan,
) -> Result<Explained, ToolError> {
    let seen = database.catalog().see(&plan.relations()).await?;
    let findings = plan.findings(&seen);
    let mut room = Room::new(cx.max_output());
    for finding in &findings {
        room.push(&format!("! {finding}\n"));
    }
    let lines = plan.lines(&seen);
    let fit = lines.iter().take_while(|line| room.push(&format!("{line}\n"))).count();
    let cut = lines.len() - fit;
    let mut opening = format!("[{}", plan.summary());
    if !findings.is_empty() {
        opening.push_str(&format!("; {}", count(findings.len() as u64, "finding")));
    }
    if cut > 0 {
        opening.push_str(&format!("; truncated: {} left out", count(cut as u64, "node")));
    }
    let text = format!("{opening}]\n{}", room.into_text());
    let restricts = database.catalog().restricts();
    let json = (cx.wants_data() && !restricts).then(|| plan.json().clone());
    Ok(Explained { findings, plan: json, text, cut })
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::{InProcess, seen};
    use lockkeeper_testkit::postgres::Version;
    use lockkeeper_testkit::stdio::Era;
    use serde_json::json;

    use crate::Postgres;
    use crate::testing::{POLICY, Shop, shop};

    /// A table that is worth an index.
    const VISITORS: &str = "
        CREATE TABLE public.visitors AS
            SELECT n AS id, n % 5000 AS person, 'a' || n AS name FROM generate_series(1, 20000) n;
        ANALYZE public.visitors";

    #[test]
    fn a_plan_is_a_line_a_node() {
        let Some(shop) = shop() else { return };
        shop.check(
            r#"explain {"sql": "SELECT o.id, c.name FROM sales.orders o JOIN customers c ON c.id = o.customer_id WHERE o.status = 'paid' ORDER BY o.placed_at LIMIT 3"}"#,
            &expect![[r#"
                [cost 1.45]
                Limit rows=3 cost=1.45
                  Nested Loop rows=250 cost=85.28
                    Index Scan sales.orders o using orders_open_idx rows=250 cost=37.02; filter (o.status = 'paid'::sales.order_status)
                    Memoize rows=1 cost=0.28
                      Index Scan public.customers c using customers_pkey rows=1 cost=0.27; cond (c.id = o.customer_id)
            "#]],
        );
        shop.check(
            r#"explain {"sql": "SELECT * FROM sales.products WHERE id = $1", "params": [7]}"#,
            &expect![[r#"
                [cost 1.62]
                Seq Scan sales.products rows=1 cost=1.62; filter (products.id = 7)
            "#]],
        );
    }

    #[test]
    fn what_is_slow_is_said() {
        for version in Version::ALL {
            let Some(shop) = Shop::start(version) else { continue };
            shop.run(VISITORS);
            let text = shop.call(
                "postgres",
                "",
                r#"explain {"sql": "SELECT * FROM visitors WHERE person = 7"}"#,
            );
            let finding = "! seq scan of public.visitors reads 20000 rows to keep 4: an index for \
                its filter may help, see suggest_indexes\n";
            assert!(text.contains(finding), "{text}");
            let text = run(
                &shop,
                r#"explain {"sql": "SELECT * FROM visitors WHERE id + 0 = 7", "analyze": true}"#,
            );
            assert!(text.contains("ran "), "{text}");
            assert!(
                text.contains("! public.visitors") || text.contains("20000 rows to keep 1"),
                "{text}"
            );
            assert!(text.contains("; 19999 removed"), "{text}");
            assert!(text.contains("100 rows were expected, 1 came"), "{text}");
        }
    }

    /// Times differ from era to era.
    fn run(shop: &Shop, call: &str) -> String {
        let (tool, arguments) = call.split_once(' ').unwrap();
        let arguments = serde_json::from_str(arguments).unwrap();
        seen(&shop.client("").call(tool, arguments))
    }

    #[test]
    fn indexes_that_do_not_exist() {
        let Some(shop) = Shop::start(Version::V15) else { return };
        shop.run(VISITORS);
        let call = r#"explain {"sql": "SELECT * FROM visitors WHERE person = 7", "hypothetical_indexes": ["visitors(person)"]}"#;
        shop.check(call, &expect![[r#"
            error: not_available: the database doesn't have the extension hypopg
            next: ask the database's owner: install it on the server and CREATE EXTENSION hypopg"#]]);
        shop.run("CREATE SCHEMA \"Ext\"; CREATE EXTENSION hypopg SCHEMA \"Ext\"");
        let text = shop.call("postgres", "", call);
        assert!(text.contains("Bitmap Heap Scan public.visitors"), "{text}");
        assert!(text.contains("btree_visitors_person"), "{text}");
        // Gone with the call.
        let text = shop.call(
            "postgres",
            "",
            r#"explain {"sql": "SELECT * FROM visitors WHERE person = 7"}"#,
        );
        assert!(text.contains("Seq Scan public.visitors"), "{text}");
        for index in [
            "visitors(lower(name))",
            "visitors(nothing)",
            "nothing(id)",
            "visitors(\\\"id) ; DROP TABLE visitors --\\\")",
        ] {
            let call = call.replace("visitors(person)", index);
            let text = shop.call("postgres", "", &call);
            assert!(text.starts_with("error: "), "{text}");
        }
    }

    #[test]
    fn only_what_may_run_is_explained() {
        let Some(shop) = shop() else { return };
        for sql in [
            "DELETE FROM customers",
            "EXPLAIN SELECT 1",
            "SHOW timezone",
            "SELECT 1; SELECT 2",
            "SELECT pg_read_file('/etc/passwd')",
            "ANALYZE customers",
        ] {
            let text = shop.call(
                "postgres",
                "",
                &format!(r#"explain {{"sql": "{sql}", "analyze": true}}"#),
            );
            assert!(text.starts_with("error: "), "{sql}: {text}");
        }
    }

    #[test]
    fn what_the_policy_hides_is_not_in_a_plan() {
        let Some(shop) = shop() else { return };
        for sql in [
            "SELECT * FROM staff_directory WHERE id = 3",
            "SELECT * FROM hr.employees",
            "SELECT * FROM customers c JOIN staff_directory s ON s.id = c.id",
            "SELECT id, title FROM documents",
            "SELECT * FROM logins WHERE open",
            "SELECT count(*) FROM events WHERE at > '2025-02-01'",
        ] {
            for role in ["postgres", "reader"] {
                let text = shop.call(role, POLICY, &format!(r#"explain {{"sql": "{sql}"}}"#));
                for hidden in ["employees", "password", "events_2025_03"] {
                    let leaks = text.contains(hidden) && !sql.contains(hidden);
                    assert!(!leaks, "{sql}: {text}");
                }
            }
        }
        shop.check_as(
            "postgres",
            POLICY,
            r#"explain {"sql": "SELECT * FROM staff_directory WHERE id = 3"}"#,
            &expect![[r#"
                [cost 1.25]
                (the inside of something, not shown)
            "#]],
        );
    }

    /// EXPLAIN as a statement has no way to leave it out.
    #[test]
    fn an_explain_that_would_name_what_is_hidden_is_refused() {
        let Some(shop) = shop() else { return };
        // So that the policies of rows read what is hidden.
        shop.run(
            "GRANT USAGE ON SCHEMA hr TO reader; GRANT SELECT ON hr.employees, public.documents, \
             public.archived_documents, public.staff_directory, sales.visits TO reader",
        );
        let hidden = r#"query {"sql": "EXPLAIN SELECT * FROM staff_directory"}"#;
        shop.check_as(
            "postgres",
            POLICY,
            hidden,
            &expect![[r#"
            error: not_allowed: the plan names what is not allowed
            next: use the tool explain, which leaves that out"#]],
        );
        let plain = r#"query {"sql": "EXPLAIN (COSTS OFF) SELECT id FROM customers WHERE id = $1", "params": [7]}"#;
        shop.check_as(
            "postgres",
            POLICY,
            plain,
            &expect![[r#"
            [2 rows]
            QUERY PLAN
            Seq Scan on customers
              Filter: (id = '7'::bigint)
        "#]],
        );
        for role in ["postgres", "reader"] {
            let arguments = shop.arguments(role, POLICY);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut client = InProcess::start::<Postgres>(&arguments, Era::Modern);
            for sql in [
                "SELECT * FROM staff_directory WHERE id = 3",
                "SELECT * FROM customers c JOIN staff_directory s ON s.id = c.id",
                "SELECT id, title FROM documents",
                "SELECT id FROM logins WHERE open",
                "SELECT count(*) FROM events WHERE at > '2025-02-01'",
            ] {
                for options in ["", "(ANALYZE, VERBOSE, FORMAT JSON)", "(COSTS OFF)"] {
                    let asked = json!({"sql": format!("EXPLAIN {options} {sql}")});
                    let text = seen(&client.call("query", asked)).to_lowercase();
                    for hidden in ["employees", "password", "events_2025_03", "current_user"] {
                        assert!(!text.contains(hidden), "{role} {options} {sql}: {text}");
                    }
                }
            }
        }
    }
}

//! `execute`: statements that change rows, all or none.

use lockkeeper_core::{Add, Cx, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::guard::ddl::Ddl;
use crate::guard::{self, Name, Refusal, Statement};
use crate::source::error::PgError;
use crate::source::writing::{Ceiling, Finish, Permit, Write, Written};
use crate::source::{Database, Pg};
use crate::values::parameter::Parameter;
use crate::values::{Columns, Show, Tally};

/// Rows that one statement may change, unless it is said how many there are.
const MOST_ROWS: u64 = 1_000;

/// Statements of one call.
const MOST_STATEMENTS: usize = 100;

/// Bytes of one value's text; a longer one is cut.
const LONGEST: usize = 1_000;

/// Characters of a statement in the question to a person.
const QUOTED: usize = 200;

pub(crate) struct Execute;

/// Run INSERT, UPDATE, DELETE, MERGE or TRUNCATE in one transaction: all or nothing.
///
/// More than 1000 rows by a statement are undone, unless `expect_rows` says how many all change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    statements: Vec<Given>,
    database: Option<String>,
    expect_rows: Option<u64>,
    /// Run, report and undo
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Given {
    sql: String,
    /// For $1, $2, …
    #[serde(default)]
    params: Vec<Value>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    committed: bool,
    statements: Vec<Done>,
}

#[derive(Serialize, JsonSchema)]
struct Done {
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

impl Output for Record {
    fn truncated(&self) -> bool {
        self.statements.iter().any(|done| done.truncated)
    }
}

impl Args {
    fn finish(&self) -> Finish {
        if self.dry_run { Finish::Rollback } else { Finish::Commit }
    }
}

impl Tool<Pg> for Execute {
    type Effect = Add;
    const MOST: Effect = Effect::Destroy;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "expect_rows", "dry_run"];

    fn plan(args: &Args) -> Need {
        let mut effect = Effect::Add;
        let mut loses = Vec::new();
        let mut targets = Vec::new();
        for given in &args.statements {
            // What isn't understood is refused before anything runs.
            if let Ok(ddl) = Ddl::parse(&given.sql) {
                effect = effect.max(args.finish().needs(Ddl::EFFECT));
                loses.push(given.sql.chars().take(QUOTED).collect::<String>());
                targets.extend(ddl.relations.iter().map(dotted));
                continue;
            }
            let Ok(statement) = Statement::parse_write(&given.sql) else { continue };
            let Some(writes) = statement.writes() else { continue };
            let needed = args.finish().needs(writes.effect);
            effect = effect.max(needed);
            if needed == Effect::Destroy {
                loses.push(given.sql.chars().take(QUOTED).collect::<String>());
            }
            targets.extend(writes.targets.iter().map(dotted));
        }
        targets.sort_unstable();
        targets.dedup();
        let need = targets.into_iter().fold(Need::new(effect), Need::resource);
        let need = args.database.iter().cloned().fold(need, Need::resource);
        if loses.is_empty() || effect != Effect::Destroy {
            return need;
        }
        need.loses(format!("what these change: {}", loses.join("; ")))
    }

    async fn run(cx: Cx<'_, Pg, Add>, args: Args) -> Result<Record, ToolError> {
        let finish = args.finish();
        let database = cx.source().database(args.database.as_deref())?;
        if args.statements.is_empty() || args.statements.len() > MOST_STATEMENTS {
            let problem = format!("statements: from 1 to {MOST_STATEMENTS}");
            return Err(ToolError::invalid_arguments(problem));
        }
        let mut writes = Vec::new();
        let mut sources = Vec::new();
        for (at, given) in args.statements.into_iter().enumerate() {
            let judged = if Ddl::is_meant(&given.sql) {
                judge_ddl(cx.source(), database, &given).map(|write| (write, None))
            } else {
                judge(database, given).await.map(|(write, source)| (write, Some(source)))
            };
            let (write, source) =
                judged.map_err(|error| error.about(&format!("statements[{at}]")))?;
            writes.push(write);
            sources.push(source);
        }
        let needed = writes.iter().map(|write| finish.needs(write.effect)).max();
        let permit = match needed.unwrap_or(Effect::Destroy) {
            Effect::Read | Effect::Add => Permit::Add(cx.grant()),
            Effect::Change => Permit::Change(cx.grant_of()?),
            Effect::Destroy => Permit::Destroy(cx.grant_of()?),
        };
        let ceiling = args.expect_rows.map_or(Ceiling::Most(MOST_ROWS), Ceiling::Exactly);
        let written = database.pool.write(permit, writes, ceiling, finish).await;
        let written = written.map_err(|mut failed| {
            if let Some(Some((checked, sql))) = failed.at.and_then(|at| sources.get(at)) {
                failed.error = checked.placed(failed.error, sql);
            }
            if database.hides() {
                failed.error = failed.error.without_rows();
            }
            ToolError::from(failed)
        })?;
        let room = cx.max_output() / written.len().max(1);
        let statements = written.iter().map(|written| shown(database, written, room)).collect();
        Ok(Record { committed: finish == Finish::Commit, statements })
    }
}

type Source = (crate::source::checked::Checked, String);

async fn judge(database: &Database, given: Given) -> Result<(Write, Source), ToolError> {
    let checked = database.check_write(&given.sql).await?;
    let writes = checked.statement.writes();
    let write = Write {
        sql: checked.statement.text().to_owned(),
        params: Parameter::all(given.params),
        effect: writes.map_or(Effect::Destroy, |writes| writes.effect),
        is_nested: writes.is_none_or(|writes| writes.is_nested),
        judged: checked.unproven(),
    };
    Ok((write, (checked, given.sql)))
}

/// A change of the schema, where that is open: of relations that the policy admits, and only while it
/// hides nothing of any, since a new name for a column would be none of the policy's.
fn judge_ddl(source: &Pg, database: &Database, given: &Given) -> Result<Write, ToolError> {
    let refused = |refusal| Err(PgError::NotAllowed(refusal).into());
    if !source.ddl {
        let first = given.sql.split_whitespace().next().unwrap_or_default();
        return refused(Refusal::NotWriting(first.to_ascii_uppercase()));
    }
    let ddl = Ddl::parse(&given.sql).map_err(PgError::NotAllowed)?;
    if !given.params.is_empty() {
        return Err(ToolError::invalid_arguments("a change of the schema takes no parameters"));
    }
    if !database.shows_all_columns() {
        return refused(Refusal::Schema(
            "anything, while the policy masks or denies something,".to_owned(),
        ));
    }
    for relation in &ddl.relations {
        let schema = relation.schema.as_deref().unwrap_or_default();
        if database.admits(&[schema, &relation.name]).is_err() {
            return refused(Refusal::Relation(relation.to_string()));
        }
    }
    if ddl.is_beyond_rules && database.hides() {
        return refused(Refusal::Schema("what no rule of the policy speaks of".to_owned()));
    }
    Ok(Write {
        sql: ddl.text,
        params: Vec::new(),
        effect: Ddl::EFFECT,
        is_nested: false,
        judged: Some(guard::nothing()),
    })
}

/// As the audit log names a relation.
fn dotted(name: &Name) -> String {
    let schema = name.schema.iter().map(|schema| format!("{schema}."));
    format!("{}{}", schema.collect::<String>(), name.name)
}

/// What a statement did, its rows as TSV under a line of names.
fn shown(database: &Database, written: &Written, room: usize) -> Done {
    let described = written.statement.columns();
    if described.is_empty() {
        return Done { rows: written.rows, returned: None, truncated: false };
    }
    // Of tables with hidden columns nothing is returned.
    let columns = Columns::new(described, &vec![None; described.len()]);
    let show = Show { masks: &database.masks, longest: LONGEST.min(room / 2) };
    let names: Vec<&str> = described.iter().map(tokio_postgres::Column::name).collect();
    let mut text = format!("{}\n", names.join("\t"));
    let (mut tally, mut count) = (Tally::default(), 0);
    for row in &written.returned {
        let mut line = String::new();
        columns.write(row, show, &mut line, &mut tally);
        if text.len() + line.len() > room {
            break;
        }
        text.push_str(&line);
        text.push('\n');
        count += 1;
    }
    let truncated = count < written.all || tally.cut > 0;
    Done { rows: written.rows, returned: Some(text), truncated }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use lockkeeper_testkit::postgres::Version;
    use serde_json::{Value, json};

    use crate::testing::{Shop, shop};

    const WRITE: &str = "[policy]\nwrite = true\n";
    const DESTROY: &str = "[policy]\nwrite = true\ndestroy = \"allow\"\n";
    const LIMITED: &str = r#"
[policy]
write = true
destroy = "allow"
[policy.resources]
allow = ["app.sales.orders", "app.sales.products", "app.public.customers", "app.public.scratch"]
deny = ["app.sales.products.price"]
[policy.mask]
"**.email" = "hash"
"#;

    /// What rows there are, for proof that nothing was changed.
    const STATE: &str = "SELECT (SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM sales.orders o) \
    || (SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM public.customers c) \
    || (SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM sales.products p) \
    || (SELECT md5(string_agg(e::text, ',' ORDER BY id)) FROM hr.employees e)";

    fn execute(shop: &Shop, config: &str, arguments: Value) -> String {
        seen(&shop.client(config).call("execute", arguments))
    }

    fn one(shop: &Shop, config: &str, sql: &str) -> String {
        execute(shop, config, json!({"statements": [{"sql": sql}]}))
    }

    #[test]
    fn statements_hold_together() {
        for version in Version::ALL {
            let Some(shop) = Shop::start(version) else { continue };
            let said = execute(
                &shop,
                WRITE,
                json!({"statements": [
                    {"sql": "INSERT INTO sales.products (sku, title, price) VALUES ($1, $2, $3) RETURNING sku, price",
                     "params": ["NEW-1", "tab\there", "12345678.90"]},
                    {"sql": "UPDATE sales.orders SET status = 'paid', note = $2 WHERE id = $1", "params": [7, "x"]},
                    {"sql": "WITH old AS (DELETE FROM sales.order_items WHERE order_id = 8 RETURNING *) \
                             INSERT INTO public.scratch (bits) SELECT NULL FROM old"},
                ]}),
            );
            assert_eq!(
                said,
                r#"{"committed":true,"statements":[{"rows":1,"returned":"sku\tprice\nNEW-1\t12345678.90\n"},{"rows":1},{"rows":6}]}"#,
                "{version:?}"
            );
            let found = "SELECT title || (SELECT status::text || note FROM sales.orders WHERE id = 7) \
            || (SELECT count(*) FROM public.scratch) FROM sales.products WHERE sku = 'NEW-1'";
            assert_eq!(shop.text(found), "tab\therepaidx3");
        }
    }

    #[test]
    fn it_exists_only_where_writing_is_on() {
        let Some(shop) = shop() else { return };
        let said = one(&shop, "", "INSERT INTO public.scratch DEFAULT VALUES");
        assert!(said.contains("unknown tool") || said.contains("not_found"), "{said}");
    }

    #[test]
    fn a_failure_undoes_what_came_before_it() {
        let Some(shop) = shop() else { return };
        let before = shop.text(STATE);
        let first = json!({"sql": "UPDATE sales.orders SET note = 'changed' WHERE id < 10"});
        let mut failures = String::new();
        for (second, more) in [
            (
                json!({"sql": "INSERT INTO sales.products (sku, title) VALUES ('SKU-1', 'again')"}),
                json!({}),
            ),
            (json!({"sql": "UPDATE sales.orders SET nothing = 1 WHERE id = 1"}), json!({})),
            (
                json!({"sql": "UPDATE sales.orders SET total = $1 WHERE id = 1", "params": ["much"]}),
                json!({}),
            ),
            (
                json!({"sql": "UPDATE sales.order_items SET quantity = 3 WHERE quantity > 0"}),
                json!({}),
            ),
            (
                json!({"sql": "UPDATE sales.orders SET note = 'b' WHERE id = 1"}),
                json!({"expect_rows": 11}),
            ),
            (
                json!({"sql": "UPDATE sales.orders SET note = 'b' WHERE id = 1"}),
                json!({"dry_run": true}),
            ),
            (json!({"sql": "SELECT 1"}), json!({})),
        ] {
            let mut arguments = json!({"statements": [first, second]});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            failures.push_str(&execute(&shop, WRITE, arguments));
            failures.push_str("\n\n");
            assert_eq!(shop.text(STATE), before, "{failures}");
        }
        expect![[r#"
        error: constraint: statements[1]: duplicate key value violates unique constraint "products_sku_key"; Key (sku)=(SKU-1) already exists. (SQLSTATE 23505)
        next: nothing was changed

        error: not_found: statements[1]: column "nothing" of relation "orders" does not exist (SQLSTATE 42703 at character 25)
        next: list_objects and describe show what there is

        error: invalid_value: statements[1]: invalid input syntax for type numeric: "much" (SQLSTATE 22P02)
        next: correct the values

        error: too_many_rows: statements[1]: it changes 2500 rows, and may change 1000; nothing was changed
        next: narrow the condition, or say expect_rows: 2500 in all if that is meant

        error: other_rows: 10 rows would have changed, not 11; nothing was changed
        next: query what the conditions match, then correct them or expect_rows

        {"committed":false,"statements":[{"rows":9},{"rows":1}]}

        error: not_allowed: statements[1]: SELECT is not allowed: only INSERT, UPDATE, DELETE, MERGE and TRUNCATE are
        next: query runs what reads; all else is done by the user, or by migrations

    "#]].assert_eq(&failures);
    }

    #[test]
    fn what_with_changes_is_counted() {
        let Some(shop) = shop() else { return };
        let before = shop.text(STATE);
        let sql = "WITH all_of_them AS (UPDATE sales.order_items SET quantity = 3 WHERE quantity > 0 \
        RETURNING 1) SELECT count(*) FROM all_of_them";
        let said = one(&shop, WRITE, sql);
        assert!(
            said.starts_with("error: too_many_rows: statements[0]: it changes 2500 rows"),
            "{said}"
        );
        assert_eq!(shop.text(STATE), before);
        let said =
            execute(&shop, WRITE, json!({"statements": [{"sql": sql}], "expect_rows": 2500}));
        assert!(said.contains(r#""rows":2500"#), "{said}");
    }

    #[test]
    fn what_may_lose_all_rows_is_asked_for() {
        let Some(shop) = shop() else { return };
        let before = shop.text(STATE);
        for sql in [
            "DELETE FROM sales.order_items",
            "UPDATE sales.orders SET note = 'x' WHERE true",
            "UPDATE sales.orders SET note = 'x' WHERE 1 = 1",
            "UPDATE sales.orders SET note = 'x' WHERE id BETWEEN 1 AND 2 OR true",
            "WITH gone AS (DELETE FROM sales.order_items RETURNING 1) INSERT INTO public.scratch (bits) SELECT NULL FROM gone",
            "TRUNCATE public.scratch",
        ] {
            let said = one(&shop, WRITE, sql);
            assert!(said.starts_with("error: confirmation"), "{sql}: {said}");
        }
        assert_eq!(shop.text(STATE), before);
        assert!(one(&shop, DESTROY, "TRUNCATE public.scratch").contains("\"committed\":true"));
        let tried = json!({"statements": [{"sql": "DELETE FROM sales.refunds"}], "dry_run": true});
        assert!(execute(&shop, WRITE, tried).contains("\"committed\":false"));
    }

    #[test]
    fn the_schema_changes_only_where_that_is_open() {
        let Some(shop) = shop() else { return };
        let open = format!("{DESTROY}[source]\nddl = true\n");
        let create = "CREATE TABLE public.made (id bigint PRIMARY KEY, note text DEFAULT 'x')";
        let tables = "SELECT count(*) FROM pg_class WHERE relname = 'made'";
        assert!(one(&shop, DESTROY, create).starts_with("error: not_allowed"));
        let asks = format!("{WRITE}[source]\nddl = true\n");
        assert!(one(&shop, &asks, create).starts_with("error: confirmation"));
        let tried = json!({"statements": [{"sql": create}], "dry_run": true});
        assert!(execute(&shop, &open, tried).contains("\"committed\":false"));
        assert_eq!(shop.text(tables), "0");
        let said = execute(
            &shop,
            &open,
            json!({"statements": [
                {"sql": create},
                {"sql": "CREATE INDEX made_note ON public.made (note)"},
                {"sql": "COMMENT ON TABLE public.made IS 'made by an agent'"},
                {"sql": "ALTER TABLE public.customers ADD COLUMN nick varchar(20)"},
            ]}),
        );
        assert_eq!(
            said,
            r#"{"committed":true,"statements":[{"rows":0},{"rows":0},{"rows":0},{"rows":0}]}"#
        );
        assert_eq!(shop.text(tables), "1");
        // All or nothing.
        let said = execute(
            &shop,
            &open,
            json!({"statements": [
                {"sql": "ALTER TABLE public.made DROP COLUMN note"},
                {"sql": "DROP TABLE public.nothing"},
            ]}),
        );
        assert!(said.starts_with("error: not_found: statements[1]"), "{said}");
        let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.made'::regclass AND attname = 'note'";
        assert_eq!(shop.text(columns), "1");
        for sql in [
            "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE EXTENSION dblink",
            "CREATE ROLE evil SUPERUSER",
            "ALTER SYSTEM SET fsync = off",
            "ALTER ROLE postgres PASSWORD 'x'",
            "ALTER TABLE hr.employees OWNER TO reader",
            "DROP SCHEMA hr CASCADE",
            "DROP TABLE public.customers CASCADE",
            "CREATE TABLE public.t AS SELECT * FROM hr.employees",
            "CREATE VIEW public.v AS SELECT * FROM hr.employees",
            "DROP TABLE public.made; DROP TABLE hr.employees",
        ] {
            assert!(one(&shop, &open, sql).starts_with("error: not_allowed"), "{sql}");
        }
        let limited = "[policy]\nwrite = true\ndestroy = \"allow\"\n\
            [policy.resources]\nallow = [\"app.public.made\"]\n[source]\nddl = true\n";
        for sql in [
            "DROP TABLE hr.visits",
            "DROP TABLE hr.nothings",
            "DROP INDEX public.made_note",
            "CREATE SCHEMA x",
        ] {
            assert!(one(&shop, limited, sql).starts_with("error: not_"), "{sql}");
        }
        assert!(one(&shop, limited, "DROP TABLE public.made").contains("\"committed\":true"));
        let masked = format!("{open}[policy.mask]\n\"**.email\" = \"redact\"\n");
        let rename = "ALTER TABLE public.customers RENAME COLUMN email TO open_email";
        assert!(one(&shop, &masked, rename).starts_with("error: not_allowed"));
    }

    #[test]
    fn attacks_change_nothing() {
        let Some(shop) = shop() else { return };
        let before = shop.text(STATE);
        for sql in [
            "INSERT INTO public.scratch DEFAULT VALUES; DELETE FROM hr.employees",
            "INSERT INTO public.scratch DEFAULT VALUES; COMMIT",
            "COPY sales.orders TO PROGRAM 'touch /tmp/x'",
            "COPY sales.orders FROM '/etc/passwd'",
            "SET ROLE reader",
            "DO $$ BEGIN DELETE FROM hr.employees; END $$",
            "CALL sales.close_orders()",
            "SELECT public.salary_of(1)",
            "DELETE FROM hr.employees WHERE id = public.salary_of(1)",
            "INSERT INTO public.scratch (bits) SELECT NULL FROM pg_catalog.pg_read_file('/etc/passwd')",
            "INSERT INTO public.scratch (bits) SELECT NULL WHERE pg_terminate_backend(1)",
            "UPDATE sales.orders SET note = pg_read_file('/etc/passwd') WHERE id = 1",
            "UPDATE sales.orders SET note = (SELECT passwd FROM pg_shadow LIMIT 1) WHERE id = 1",
            "INSERT INTO sales.orders (customer_id, total) VALUES (1, 1) RETURNING pg_read_file('/etc/passwd')",
            "DELETE FROM sales.orders USING pg_authid a WHERE orders.id = a.oid",
            "UPDATE pg_catalog.pg_class SET relname = 'x' WHERE relname = 'orders'",
            "DELETE FROM pg_catalog.pg_proc WHERE oid = 1",
            "INSERT INTO pg_catalog.pg_authid (rolname) VALUES ('x')",
            "DELETE FROM sales.open_orders WHERE id = 1",
            "DROP TABLE hr.employees",
            "CREATE TABLE public.x (a int)",
            "GRANT ALL ON hr.employees TO reader",
        ] {
            let said = one(&shop, DESTROY, sql);
            assert!(
                said.starts_with("error: not_allowed") || said.starts_with("error: invalid_sql"),
                "{sql}: {said}"
            );
            assert_eq!(shop.text(STATE), before, "{sql}");
        }
    }

    #[test]
    fn what_the_policy_hides_is_neither_changed_nor_told() {
        let Some(shop) = shop() else { return };
        let before = shop.text(STATE);
        let hidden = [
            "DELETE FROM hr.employees WHERE id = 1",
            "INSERT INTO public.scratch (bits) SELECT NULL FROM hr.employees",
            "WITH e AS (SELECT * FROM hr.employees) UPDATE sales.orders SET note = 'x' WHERE id IN (SELECT id FROM e)",
            "WITH e AS (DELETE FROM hr.employees WHERE id = 1 RETURNING name) INSERT INTO public.scratch (bits) SELECT NULL FROM e",
            "UPDATE public.customers SET name = email WHERE id = 1",
            "UPDATE public.customers SET name = 'x' WHERE email = 'c1@example.org'",
            "UPDATE public.customers SET name = 'x' WHERE id = 1 RETURNING *",
            "INSERT INTO public.customers (name) VALUES ('x') RETURNING email",
            "INSERT INTO public.customers (name, email) VALUES ('x', 'c1@example.org') ON CONFLICT DO NOTHING",
            "INSERT INTO public.scratch (bits) SELECT NULL FROM public.customers WHERE email = 'c1@example.org'",
            "DELETE FROM sales.products WHERE price > 10",
            "INSERT INTO public.customers (name, email) VALUES ('x', 'c1@example.org')",
            "INSERT INTO public.customers (name, \"email\") VALUES ('x', 'c1@example.org')",
            r#"INSERT INTO public.customers (name, U&"em\0061il") VALUES ('x', 'c1@example.org')"#,
            "INSERT INTO public.customers (name, EMAIL) VALUES ('x', 'c1@example.org')",
            "INSERT INTO public.customers OVERRIDING SYSTEM VALUE VALUES (9999, 'x')",
            "INSERT INTO sales.products (sku, title, price) VALUES ('x', 'x', 1)",
        ];
        for sql in hidden {
            let said = one(&shop, LIMITED, sql);
            assert!(said.starts_with("error: not_"), "{sql}: {said}");
            assert!(!said.contains("employees") || !said.contains("example.org"), "{sql}: {said}");
            assert_eq!(shop.text(STATE), before, "{sql}");
        }
        let said = one(&shop, LIMITED, "UPDATE sales.orders SET total = -1 WHERE id = 1");
        assert!(said.starts_with("error: constraint") && !said.contains("Failing row"), "{said}");
        assert_eq!(shop.text(STATE), before);
        let said = one(
            &shop,
            LIMITED,
            "UPDATE sales.orders SET note = 'seen' WHERE id = 1 RETURNING id, note",
        );
        assert!(said.contains(r"id\tnote\n1\tseen\n"), "{said}");
        let said = one(&shop, LIMITED, "INSERT INTO public.customers (name) VALUES ('x')");
        assert!(said.contains("\"committed\":true"), "{said}");
    }

    #[test]
    fn a_connection_that_breaks_in_the_middle_leaves_everything_as_it_was() {
        let Some(shop) = shop() else { return };
        shop.run(
        "CREATE FUNCTION sales.slow() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$; \
         CREATE TRIGGER slow BEFORE UPDATE ON sales.products FOR EACH ROW EXECUTE FUNCTION sales.slow()",
    );
        let before = shop.text(STATE);
        thread::scope(|scope| {
            scope.spawn(|| {
                let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE wait_event = 'PgSleep'";
                while shop.text(kill) == "0" {
                    thread::sleep(Duration::from_millis(20));
                }
            });
            let said = execute(
                &shop,
                WRITE,
                json!({"statements": [
                    {"sql": "UPDATE sales.orders SET note = 'changed' WHERE id < 10"},
                    {"sql": "UPDATE sales.products SET title = 'x' WHERE id = 1"},
                ]}),
            );
            assert!(said.starts_with("error: connection_lost: statements[1]"), "{said}");
            assert!(said.contains("nothing was changed"), "{said}");
        });
        assert_eq!(shop.text(STATE), before);
    }

    #[test]
    fn an_unanswered_commit_is_said_to_be_one() {
        let Some(shop) = shop() else { return };
        shop.run(
            "CREATE FUNCTION sales.die() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON sales.products DEFERRABLE \
         INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sales.die()",
        );
        let said = one(&shop, WRITE, "UPDATE sales.products SET title = 'x' WHERE id = 1");
        expect![[r#"
        error: outcome_unknown: the connection broke while the changes were made final: they hold as a whole or not at all
        next: query the rows that it would have changed before trying again"#]].assert_eq(&said);
        // What COMMIT itself refuses is certain.
        let said =
            one(&shop, WRITE, "INSERT INTO sales.refunds (order_id, position) VALUES (999999, 1)");
        assert!(said.starts_with("error: constraint"), "{said}");
    }
}

//! Masked and denied columns against a real database: every way to what is behind them, and the
//! statements beside them that must go on working.

use lockkeeper_testkit::in_process;
use serde_json::json;

use crate::testing::{self, Shop};

/// One column of `customers` is masked, another is denied; all else is open.
const RULES: &str = r#"[policy.resources]
deny = ["app.public.customers.password_hash", "app.public.events.payload"]
[policy.mask]
"app.public.customers.email" = "redact"
"app.public.events.kind" = "redact"
"app.sales.orders.total" = "redact"
"#;

const SECRETS: &str = "
    UPDATE public.customers SET password_hash = 'pw-secret-' || id;
    UPDATE public.customers SET email = 'em-secret-' || id || '@example.org';
    INSERT INTO public.events (at, kind, payload)
        VALUES ('2025-01-05', 'kind-secret', '{\"a\": \"payload-secret\"}');
    UPDATE sales.orders SET total = 98765.43;
    CREATE VIEW public.v_email AS SELECT id, email FROM public.customers;
    CREATE VIEW public.v_hash AS SELECT id, password_hash AS h FROM public.customers;
    CREATE VIEW public.v_view AS SELECT h FROM public.v_hash;
    CREATE MATERIALIZED VIEW public.m_email AS SELECT email AS e FROM public.customers;
    ALTER TABLE public.customers
        ADD hash_copy text GENERATED ALWAYS AS (password_hash || '!') STORED;
    ANALYZE;";

/// Parts of what must never be seen: 0.19 × 98765.43 is of the generated column `vat`.
const NEVER: &[&str] = &["-secret", "98765", "18765.43"];

/// What tries to get at a column `COL`: once the masked one, once the denied.
const ATTACKS: &[&str] = &[
    // Oracles.
    "SELECT id FROM customers WHERE COL LIKE '%7%'",
    "SELECT id FROM customers c WHERE c.COL > 'a'",
    "SELECT id FROM customers ORDER BY COL",
    "SELECT id FROM customers ORDER BY (COL) DESC",
    "SELECT id FROM customers ORDER BY lower(COL)",
    "SELECT id, COL AS x FROM customers ORDER BY x",
    "SELECT id, COL x FROM customers ORDER BY (x)",
    "SELECT id, COL FROM customers ORDER BY 2",
    "SELECT id, COL FROM customers ORDER BY (2)",
    "SELECT COL, count(*) FROM customers GROUP BY 1",
    "SELECT COL AS x, count(*) FROM customers GROUP BY x",
    "SELECT COL AS x, count(*) FROM customers GROUP BY ROLLUP (x)",
    "SELECT COL, count(*) FROM customers GROUP BY CUBE (1)",
    "SELECT COL, count(*) FROM customers GROUP BY GROUPING SETS ((1), ())",
    "SELECT count(*) FROM customers GROUP BY COL",
    "SELECT id FROM customers GROUP BY id HAVING max(COL) > 'a'",
    "SELECT DISTINCT COL FROM customers",
    "SELECT DISTINCT ON (COL) id FROM customers",
    "SELECT DISTINCT ON (x) COL AS x FROM customers",
    "SELECT c.id FROM customers c JOIN customers d ON c.COL = d.COL AND c.id < d.id",
    "SELECT 1 FROM customers c JOIN customers d USING (COL)",
    "SELECT c.id FROM customers c NATURAL JOIN customers d",
    "SELECT 1 FROM (VALUES ('a')) v(COL) NATURAL JOIN customers",
    "SELECT row_number() OVER (ORDER BY COL), id FROM customers",
    "SELECT id, rank() OVER w FROM customers WINDOW w AS (PARTITION BY COL)",
    "SELECT count(*) FILTER (WHERE COL LIKE 'a%') FROM customers",
    "SELECT CASE WHEN COL LIKE 'a%' THEN 1 ELSE 2 END FROM customers",
    "SELECT id FROM customers LIMIT (SELECT length(min(COL)) FROM customers)",
    "SELECT id FROM customers WHERE EXISTS (SELECT 1 FROM customers d WHERE d.COL LIKE 'a%')",
    // Ways around the name of the output.
    "SELECT COL::text FROM customers",
    "SELECT CAST(COL AS varchar(90)) FROM customers",
    "SELECT (COL) FROM customers",
    "SELECT COL || '' FROM customers",
    "SELECT COL collate \"C\" FROM customers",
    "SELECT upper(COL), md5(c.COL) FROM customers c",
    "SELECT coalesce(COL, ''), nullif(COL, '') FROM customers",
    "SELECT string_agg(COL, ',') FROM customers",
    "SELECT ARRAY[COL], ROW(COL) FROM customers",
    "SELECT ARRAY(SELECT COL FROM customers)",
    "SELECT (SELECT COL FROM customers LIMIT 1)",
    "SELECT (SELECT c.COL) FROM customers c",
    "SELECT x FROM (SELECT COL AS x FROM customers) s",
    "SELECT x FROM (SELECT COL FROM customers) s(x)",
    "WITH c AS (SELECT COL AS x FROM customers) SELECT x FROM c",
    "WITH c(x) AS MATERIALIZED (SELECT COL FROM customers) SELECT x || '' FROM c",
    "WITH RECURSIVE c AS (SELECT COL AS x FROM customers UNION SELECT x FROM c) SELECT * FROM c",
    "SELECT 'a' UNION ALL SELECT COL FROM customers",
    "SELECT COL FROM customers EXCEPT SELECT 'a'",
    "(SELECT COL FROM customers) ORDER BY 1",
    "VALUES ((SELECT COL FROM customers LIMIT 1))",
    "SELECT x FROM customers c, LATERAL (SELECT c.COL AS x) s",
    "SELECT x FROM customers c, LATERAL upper(c.COL) x",
    "SELECT x FROM customers c CROSS JOIN LATERAL (VALUES (c.COL)) v(x)",
    "SELECT j.COL || '' FROM (customers c JOIN sales.products p ON true) j",
    "SELECT j FROM (customers c JOIN sales.products p ON true) j",
    "SELECT to_json(j) FROM (customers c CROSS JOIN sales.products p) AS j",
    "SELECT x FROM customers AS c (i, n, x, y, z, p, q, r)",
    "SELECT c.p FROM customers c (i, n, k, x, y, z, p, q)",
    "SELECT c FROM customers c",
    "SELECT customers FROM customers",
    "SELECT c::text FROM customers c",
    "SELECT row_to_json(c) FROM customers c",
    "SELECT to_jsonb(customers) FROM public.customers",
    "SELECT c.row_to_json FROM customers c",
    "SELECT c.to_jsonb ->> 'COL' FROM customers c",
    "SELECT json_agg(c) FROM customers c",
    "SELECT (c).COL || '' FROM customers c",
    "SELECT (c).COL FROM customers c",
    "SELECT (c).* FROM customers c",
    "SELECT (x).* FROM (SELECT c AS x FROM customers c) s",
    "SELECT COL(c) FROM customers c",
    "SELECT ROW(c.*) FROM customers c",
    "SELECT to_json(ROW(c.*)) FROM customers c",
    "SELECT s FROM (SELECT * FROM customers) s",
    "SELECT s FROM (TABLE customers) s",
    "SELECT count(c.*) FROM customers c WHERE c.* IS DISTINCT FROM NULL",
    "SELECT * FROM customers ORDER BY 4",
    "TABLE customers ORDER BY 7",
    "SELECT * FROM customers c, LATERAL jsonb_each_text(to_jsonb(c)) e",
    "SELECT jsonb_path_query(to_jsonb(c), '$.COL') FROM customers c",
    "SELECT \"COL\" || '' FROM \"customers\"",
    "SELECT U&\"\\0043\".COL || '' FROM customers \"C\"",
    "SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers'",
    "SELECT * FROM pg_catalog.pg_statistic",
    "EXPLAIN SELECT id FROM customers WHERE COL = 'a'",
    "EXPLAIN ANALYZE SELECT id FROM customers WHERE COL LIKE 'em-secret-1%'",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT upper(COL) FROM customers",
];

/// The same for what isn't a column of `customers`.
const OTHERS: &[&str] = &[
    "SELECT * FROM v_email",
    "SELECT id FROM v_email WHERE email LIKE 'a%'",
    "SELECT h FROM v_hash",
    "SELECT * FROM v_view",
    "SELECT e FROM m_email",
    "SELECT hash_copy FROM customers",
    "SELECT vat + 1 FROM sales.orders",
    "SELECT id FROM sales.orders WHERE vat > 10",
    "SELECT month, total FROM sales.revenue",
    "SELECT total FROM sales.open_orders",
    "SELECT id FROM events WHERE kind = 'kind-secret'",
    "SELECT id FROM events_2025_01 WHERE kind = 'kind-secret'",
    "SELECT payload FROM events_2025_01",
    "SELECT payload ->> 'a' FROM events",
    "SELECT e FROM events_2025_01 e",
    "SELECT password_hash FROM customers",
    "EXPLAIN VERBOSE SELECT count(*) FROM customers",
];

/// What must go on working.
const LEGITIMATE: &[&str] = &[
    "SELECT id, name FROM customers ORDER BY id LIMIT 2",
    "SELECT id, name, email FROM customers ORDER BY 1 LIMIT 2",
    "SELECT email FROM customers WHERE id = 7",
    "SELECT c.email AS contact FROM public.customers AS c WHERE c.id < 3 ORDER BY c.name",
    "SELECT public.customers.email, app.public.customers.id FROM public.customers LIMIT 1",
    "SELECT count(*) FROM customers",
    "SELECT count(*), max(created_at) FROM customers WHERE name LIKE 'Customer 1%'",
    "SELECT o.id, c.name, c.email FROM sales.orders o JOIN customers c ON c.id = o.customer_id \
     ORDER BY o.id LIMIT 3",
    "SELECT o.*, c.name FROM sales.orders o JOIN customers c ON c.id = o.customer_id LIMIT 1",
    "SELECT c.id, c.email, count(*) AS orders FROM customers c JOIN sales.orders o \
     ON o.customer_id = c.id GROUP BY c.id ORDER BY orders DESC, c.id LIMIT 2",
    "SELECT DISTINCT status FROM sales.orders ORDER BY 1",
    "SELECT status, count(*) FROM sales.orders GROUP BY 1 ORDER BY 2 DESC",
    "WITH c AS (SELECT id, name FROM customers WHERE id < 5) SELECT * FROM c ORDER BY 1",
    "SELECT s.name FROM (SELECT id, name FROM customers) s WHERE s.id = 3",
    "SELECT id FROM customers WHERE id IN (SELECT customer_id FROM sales.orders) LIMIT 1",
    "SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM sales.orders o \
     WHERE o.customer_id = c.id) ORDER BY name LIMIT 1",
    "SELECT id, row_number() OVER (ORDER BY created_at) FROM customers LIMIT 1",
    "SELECT (c.address).city, c.tags[1] FROM customers c LIMIT 1",
    "SELECT name FROM customers UNION SELECT title FROM sales.products ORDER BY 1 LIMIT 1",
    "SELECT id, name_key FROM customers WHERE tags @> ARRAY['t1'] LIMIT 1",
    "SELECT id, kind, at FROM events ORDER BY at LIMIT 1",
    "SELECT kind FROM events_2025_01 WHERE at < '2025-02-01'",
    "SELECT id, total, vat FROM sales.orders WHERE status = 'new' ORDER BY placed_at LIMIT 1",
    "SELECT id, 2 * 3 AS total_of_it FROM sales.orders LIMIT 1",
    "SELECT to_jsonb(p) FROM sales.products p LIMIT 1",
    "SELECT * FROM sales.products ORDER BY 1 LIMIT 1",
    "SELECT id AS email FROM sales.products LIMIT 1",
    "SELECT date_trunc('month', created_at) AS month, count(*) FROM customers GROUP BY 1 ORDER BY 1",
    "SELECT c.ctid, c.tableoid FROM customers c LIMIT 1",
    "EXPLAIN SELECT email FROM customers WHERE id = 1",
    "EXPLAIN (ANALYZE, COSTS OFF) SELECT count(*) FROM customers WHERE id < 9",
    "SELECT name, setting FROM pg_settings WHERE name = 'work_mem'",
    "SELECT rolname FROM pg_roles LIMIT 1",
    "SELECT * FROM (SELECT id, name FROM customers) s ORDER BY 2, 1 LIMIT 1",
    "SHOW server_version",
    "VALUES (1, 'a')",
];

fn secretive() -> Option<Shop> {
    let shop = testing::shop()?;
    shop.run(SECRETS);
    Some(shop)
}

fn is_refused(text: &str) -> bool {
    !text.starts_with('[')
}

#[test]
fn nothing_leads_to_a_masked_or_denied_column() {
    let Some(shop) = secretive() else { return };
    let mut client = shop.client(RULES);
    let mut ask = |sql: &str| in_process::seen(&client.call("query", json!({ "sql": sql })));
    let mut wrong = Vec::new();
    for attack in ATTACKS.iter().chain(OTHERS) {
        for column in ["email", "password_hash"] {
            let sql = attack.replace("COL", column);
            let text = ask(&sql);
            let shows = NEVER.iter().any(|secret| text.contains(secret) && !sql.contains(secret));
            if shows || !is_refused(&text) {
                wrong.push(format!("{sql}\n  {text}"));
            }
            // Refused for what it does, not because it can't be read.
            if text.contains("42601") || text.contains("syntax error") {
                wrong.push(format!("{sql}\n  {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} in all:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn statements_beside_them_are_answered() {
    let Some(shop) = secretive() else { return };
    let mut client = shop.client(RULES);
    let mut wrong = Vec::new();
    for sql in LEGITIMATE {
        let text = in_process::seen(&client.call("query", json!({ "sql": sql })));
        let shows = NEVER.iter().any(|secret| text.contains(secret));
        let outputs = sql.split("FROM").next().unwrap_or_default();
        let masked =
            ["email", "kind", "total,", "o.*"].iter().any(|column| outputs.contains(column))
                && !sql.contains("EXPLAIN")
                && !sql.contains("AS email");
        if is_refused(&text) || shows || masked != text.contains("[redacted:masked]") {
            wrong.push(format!("{sql}\n  {text}"));
        }
    }
    assert!(wrong.is_empty(), "{} in all:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_denied_column_is_refused_like_one_that_does_not_exist() {
    let Some(shop) = secretive() else { return };
    let mut client = shop.client(RULES);
    let mut ask = |sql: &str| in_process::seen(&client.call("query", json!({ "sql": sql })));
    for sql in [
        "SELECT id, COL FROM customers",
        "SELECT c.id FROM customers c WHERE c.COL = 'x'",
        "SELECT id FROM customers ORDER BY upper(COL)",
    ] {
        let [denied, absent] = ["password_hash", "password_haso"]
            .map(|column| ask(&sql.replace("COL", column)).replace(column, "COL"));
        assert_eq!(denied, absent);
    }
    let star = ask("SELECT ROW(c.*) FROM customers c");
    let expected = "the columns are: id, name, name_key, email, address, tags, created_at";
    assert!(star.contains(expected), "{star}");
}

#[test]
fn a_star_omits_denied_columns_and_says_so() {
    let Some(shop) = secretive() else { return };
    let mut client = shop.client(RULES);
    let mut ask = |sql: &str| in_process::seen(&client.call("query", json!({ "sql": sql })));
    let customers = "id\tname\tname_key\temail\taddress\ttags\tcreated_at";
    let products = "id\tsku\ttitle\tprice\tattributes\tdiscontinued";
    for (sql, header) in [
        ("SELECT * FROM customers LIMIT 1", customers.to_owned()),
        ("SELECT *, 1 AS one FROM public.customers LIMIT 1", format!("{customers}\tone")),
        ("SELECT c.* FROM customers c WHERE c.id = 3", customers.to_owned()),
        (
            "SELECT c.*, c.id + 1 AS n FROM customers AS c ORDER BY id LIMIT 1",
            format!("{customers}\tn"),
        ),
        ("TABLE customers LIMIT 1", customers.to_owned()),
        ("SELECT * FROM ONLY customers ORDER BY name LIMIT 1", customers.to_owned()),
        (
            "SELECT * FROM events_2025_01 ORDER BY at LIMIT 1",
            "id\tat\tkind\tcustomer_id".to_owned(),
        ),
        (
            "SELECT * FROM customers c JOIN sales.products p ON p.id = c.id LIMIT 1",
            format!("{customers}\t{products}"),
        ),
        (
            "SELECT * FROM sales.products p, customers, LATERAL (SELECT 5 AS five) x LIMIT 1",
            format!("{products}\t{customers}\tfive"),
        ),
        (
            "SELECT x.*, c.* FROM generate_series(1, 2) x(n), customers c LIMIT 1",
            format!("n\t{customers}"),
        ),
        ("SELECT name FROM (SELECT id, name, tags FROM customers) x LIMIT 1", "name".to_owned()),
    ] {
        let text = ask(sql);
        let mut lines = text.lines();
        let opening = lines.next().unwrap_or_default();
        assert_eq!(lines.next().unwrap_or_default(), header, "{sql}: {text}");
        let says = opening.contains("omitted, not allowed: ")
            || !sql.contains('*') && !sql.contains("TABLE");
        assert!(says, "{sql}: {text}");
        assert!(!text.contains("-secret"), "{sql}: {text}");
    }
    // What has masked columns beside the denied ones stays refused where it isn't an output.
    for sql in [
        "SELECT name FROM (SELECT * FROM customers) x",
        "WITH c AS (SELECT * FROM customers) SELECT id FROM c",
        "SELECT * FROM customers UNION SELECT * FROM customers",
        "SELECT * FROM customers a JOIN customers b USING (id)",
        "SELECT count(c.*) FROM customers c",
        "SELECT c.* IS NULL FROM customers c",
        "SELECT (c.*) FROM customers c",
        "SELECT c.* FROM customers c, LATERAL (SELECT c.* FROM customers c) x",
    ] {
        let text = ask(sql);
        assert!(is_refused(&text) && !text.contains("-secret"), "{sql}: {text}");
    }
    let rules = "[policy.resources]\ndeny = [\"app.public.customers.password_hash\"]\n";
    let mut client = shop.client(rules);
    let mut ask = |sql: &str| in_process::seen(&client.call("query", json!({ "sql": sql })));
    for sql in [
        "SELECT count(*) FROM (SELECT * FROM customers) x",
        "WITH c AS (SELECT * FROM customers WHERE id < 5) SELECT * FROM c",
        "SELECT * FROM customers WHERE id = 1 UNION ALL SELECT * FROM customers WHERE id = 2",
        "SELECT x.name FROM sales.orders o, LATERAL (SELECT c.* FROM customers c WHERE c.id = o.customer_id) x LIMIT 1",
        "SELECT DISTINCT * FROM customers LIMIT 2",
    ] {
        let text = ask(sql);
        assert!(!is_refused(&text) && !text.contains("pw-secret"), "{sql}: {text}");
        assert!(text.contains("omitted"), "{sql}: {text}");
    }
}

#[test]
fn what_is_denied_is_not_read_through_anything_else() {
    let Some(shop) = secretive() else { return };
    let ask = |rules: &str, sql: &str| {
        let config = format!("[policy.resources]\n{rules}\n");
        in_process::seen(&shop.client(&config).call("query", json!({ "sql": sql })))
    };
    let partition = r#"deny = ["app.public.events_2025_03"]"#;
    for (rules, sql) in [
        (partition, "SELECT count(*) FROM events"),
        (partition, "SELECT count(*) FROM events WHERE at < '2025-02-01'"),
        ("allow = [\"app.public.events\"]\ndeny = [\"**.events_2025_03\"]", "SELECT 1 FROM events"),
        (r#"deny = ["app.hr.events_2025_12_rest"]"#, "SELECT 1 FROM events_2025_12"),
        (r#"deny = ["app.public.archived_documents"]"#, "SELECT 1 FROM documents"),
        (r#"deny = ["app.hr"]"#, "SELECT * FROM staff_directory"),
        (r#"deny = ["app.sales.orders"]"#, "SELECT * FROM sales.open_orders"),
        (r#"deny = ["app.sales.orders"]"#, "SELECT * FROM sales.revenue"),
        (r#"deny = ["app.public.customers"]"#, "SELECT h FROM v_view"),
        (r#"deny = ["app.public.customers"]"#, "SELECT * FROM m_email"),
    ] {
        let text = ask(rules, sql);
        assert!(text.contains("denied"), "{rules}: {sql}: {text}");
    }
    assert!(!is_refused(&ask(partition, "SELECT count(*) FROM events_2025_02")), "{partition}");
    let listed = "allow = [\"app.public.staff_directory\"]\ndeny = [\"app.hr\"]";
    assert!(!is_refused(&ask(listed, "SELECT * FROM staff_directory LIMIT 1")), "{listed}");
}

/// Where something is denied, the catalogues tell of nothing: neither what it is called nor what is
/// in it.
#[test]
fn the_catalogues_are_closed_where_something_is_denied() {
    let Some(shop) = secretive() else { return };
    let mut client = shop.client(RULES);
    let mut ask = |sql: &str| in_process::seen(&client.call("query", json!({ "sql": sql })));
    for sql in [
        "SELECT attname FROM pg_attribute",
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'customers'",
        "SELECT * FROM information_schema.column_privileges",
        "SELECT * FROM pg_stats",
        "SELECT histogram_bounds FROM pg_stats WHERE attname = 'password_hash'",
        "SELECT * FROM pg_statistic",
        "SELECT indexdef FROM pg_indexes",
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index",
        "SELECT pg_get_indexdef('customers_password_idx'::regclass)",
        "SELECT 'customers_password_idx'::regclass",
        "SELECT to_regclass('customers_password_idx')",
        "SELECT col_description(c.tableoid, 7) FROM customers c",
        "SELECT has_column_privilege('customers', 'password_hash', 'select')",
        "SELECT description FROM pg_description",
        "SELECT pg_get_viewdef('v_hash'::regclass)",
        "SELECT definition FROM pg_views",
        "SELECT query FROM pg_stat_activity",
        "SELECT * FROM pg_stat_get_activity(NULL)",
        "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef",
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint",
        "SELECT prosrc FROM pg_proc",
        "SELECT conname FROM pg_constraint",
        "SELECT * FROM pg_class",
    ] {
        let text = ask(sql);
        assert!(is_refused(&text), "{sql}: {text}");
        assert!(!text.contains("-secret") && !text.contains("argon2"), "{sql}: {text}");
    }
}

#[test]
fn masks_hold_on_the_next_page() {
    let Some(shop) = secretive() else { return };
    let mut client = shop.client(RULES);
    let sql = "SELECT id, email FROM customers WHERE id <= 6 ORDER BY id";
    let mut arguments = json!({ "sql": sql, "max_rows": 2 });
    for last in [false, false, true] {
        let page = in_process::seen(&client.call("query", arguments.clone()));
        let next =
            page.split_once("next: cursor ").and_then(|(_, rest)| rest.split([';', ']']).next());
        assert_eq!(next.is_none(), last, "{page}");
        arguments["cursor"] = next.into();
        assert_eq!(page.matches("[redacted:masked]").count(), 2, "{page}");
        assert!(!page.contains("-secret"), "{page}");
    }
}

#[test]
fn a_partition_is_denied_with_its_table_and_by_its_own_name() {
    let Some(shop) = secretive() else { return };
    let config = |rules: &str| format!("[policy.resources]\n{rules}\n");
    for (rules, sql) in [
        (r#"deny = ["app.public.events"]"#, "SELECT id FROM events_2025_01"),
        (
            "allow = [\"app.public.events\"]\ndeny = [\"app.public.events_2025_01\"]",
            "SELECT id FROM events_2025_01",
        ),
    ] {
        let mut client = shop.client(&config(rules));
        let text = in_process::seen(&client.call("query", json!({ "sql": sql })));
        assert!(text.contains("does not exist or is not allowed"), "{rules}: {text}");
    }
}

//! The whole server against statements that were written by an attacker and by an analyst, each on all
//! versions of PostgreSQL, logged in as a superuser: judged by what came back and by what another
//! session sees afterwards.

use std::time::Instant;

use lockkeeper_testkit::in_process::seen;
use lockkeeper_testkit::postgres::Version;
use serde_json::{Value, json};

use crate::testing::Shop;

const TRAPS: &str = include_str!("testing/traps.sql");
const ANALYST: &[&str] =
    &[include_str!("../testdata/analyst.sql"), include_str!("../testdata/analyst_more.sql")];
const ATTACKS: &[&str] =
    &[include_str!("../testdata/attacks.sql"), include_str!("../testdata/attacks_more.sql")];
const BEYOND: &[&str] =
    &[include_str!("../testdata/beyond.sql"), include_str!("../testdata/beyond_more.sql")];

/// An allow-list of two tables.
const TWO: &str = "[policy.resources]\nallow = [\"app.public.customers\", \"app.sales.orders\"]\n";

/// Parts of what must never be seen.
const NEVER: &[&str] = &["CANARY", "root:x", "SCRAM-SHA", "Employee 1"];

/// What could have been changed, seen by another session.
const EFFECTS: &str = "
select concat_ws(' ',
  (select md5(string_agg(c::text, '' order by id)) from public.customers c),
  (select count(*) from public.audit_trail),
  (select last_value::text || is_called from public.trap_seq),
  (select count(*) from pg_class where relpersistence <> 't'), (select count(*) from pg_proc),
  (select string_agg(rolname || rolsuper || coalesce(rolpassword, ''), ',' order by rolname)
   from pg_authid),
  (select count(*) from pg_extension), (select count(*) from pg_namespace where nspname !~ '^pg_'),
  (select md5(string_agg(data, '' order by loid, pageno)) from pg_largeobject),
  (select count(*) from pg_largeobject_metadata), (select count(*) from pg_description),
  (select count(*) from pg_locks where locktype = 'advisory'),
  (select count(*) from pg_replication_slots), (select count(*) from pg_prepared_xacts),
  (select count(*) from pg_replication_origin), (select count(*) from pg_collation),
  (select string_agg(relacl::text, '') from pg_class where relnamespace = 'vault'::regnamespace),
  (select string_agg(name, ',' order by name) from pg_ls_dir('.') d(name) where name like 'trace%'),
  (select count(*) from pg_ls_dir('/tmp') d(name) where name like 'lockkeeper-trace-%'))";

fn statements(lists: &'static [&str]) -> impl Iterator<Item = &'static str> {
    lists
        .iter()
        .flat_map(|list| list.lines())
        .filter(|line| !line.starts_with("--") && !line.is_empty())
}

fn trapped(version: Version) -> Option<Shop> {
    let shop = Shop::start(version)?;
    shop.run(TRAPS);
    Some(shop)
}

/// Each statement is refused, shows nothing, changes nothing and takes no time.
fn refuses(shop: &Shop, config: &str, lists: &'static [&str], wrong: &mut Vec<String>) {
    let mut client = shop.client(config);
    let before = shop.text(EFFECTS);
    for sql in statements(lists) {
        let since = Instant::now();
        let said = seen(&client.call("query", json!({"sql": sql})));
        let is_slow = since.elapsed().as_secs() > 5;
        let shows = NEVER.iter().any(|part| said.contains(part));
        if !said.starts_with("error: ") || shows || is_slow {
            wrong.push(format!("{sql}\n    {said}"));
        }
    }
    let after = shop.text(EFFECTS);
    if after != before {
        wrong.push(format!("before {before}\nafter  {after}"));
    }
}

#[test]
fn attacks_have_no_effect_and_show_nothing() {
    for version in Version::ALL {
        let Some(shop) = trapped(version) else { continue };
        let mut wrong = Vec::new();
        refuses(&shop, "", ATTACKS, &mut wrong);
        refuses(&shop, TWO, ATTACKS, &mut wrong);
        refuses(&shop, TWO, BEYOND, &mut wrong);
        assert!(wrong.is_empty(), "{version:?}, {}:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn what_analysts_ask_is_answered() {
    const OTHERS: &[&str] =
        &["events", "products", "order_items", "open_orders", "revenue", "regclass", "version()"];
    for version in Version::ALL {
        // A trap on the name of a common function closes that one.
        let Some(shop) = Shop::start(version) else { continue };
        let mut wrong = Vec::new();
        for config in ["", TWO] {
            let mut client = shop.client(config);
            for line in statements(ANALYST) {
                if !config.is_empty() && OTHERS.iter().any(|other| line.contains(other)) {
                    continue;
                }
                let (sql, params) = line.split_once('\t').unwrap_or((line, "[]"));
                let params: Value = serde_json::from_str(params).unwrap();
                let asked = json!({"sql": sql, "params": params, "max_rows": 5});
                let said = seen(&client.call("query", asked));
                if !said.starts_with('[') || said.contains("unreadable") {
                    wrong.push(format!("{config}: {sql}\n    {said}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{version:?}, {}:\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// What everybody asks of settings and roles is told, without what may be a secret in it.
#[test]
fn settings_and_roles_are_told_in_part() {
    const VIEWS: &str = "
        create view all_settings as select * from pg_settings;
        create view app_roles as select rolname, rolconfig from pg_roles;
        alter system set primary_conninfo = 'host=example.org password=CANARY-CONNINFO';
        alter role postgres set custom.secret2 = 'CANARY-GUC2'";
    for version in Version::ALL {
        let Some(shop) = Shop::start(version) else { continue };
        for statement in VIEWS.split(';') {
            shop.run(statement);
        }
        shop.run("select pg_reload_conf()");
        for config in ["", "[policy.resources]\ndeny = [\"app.hr\"]\n"] {
            let mut client = shop.client(config);
            let mut ask = |sql: &str| seen(&client.call("query", json!({"sql": sql})));
            for (sql, expected) in [
                ("select name, setting from pg_settings where name = 'work_mem'", "work_mem\t4096"),
                ("select s.setting from pg_catalog.pg_settings s where s.name = 'TimeZone'", "UTC"),
                ("select pg_settings.name from pg_settings limit 1", "name\n"),
                ("select count(*) from pg_settings where name ~ 'mem'", "\n"),
                (
                    "with s as (select * from pg_settings) select count(*) from s, pg_settings t",
                    "\n",
                ),
                (
                    "select rolname, rolconfig from pg_roles where rolname = 'postgres'",
                    "postgres\t\\N",
                ),
                ("select r.rolsuper from pg_roles as r where r.rolname = 'postgres'", "true"),
            ] {
                let said = ask(sql);
                assert!(
                    said.starts_with('[') && said.contains(expected),
                    "{version:?} {sql}: {said}"
                );
            }
            for sql in [
                "select * from pg_settings where name = 'primary_conninfo'",
                "select setting from pg_settings where name in ('data_directory', 'config_file')",
                "select sourcefile from pg_settings where sourcefile is not null",
                "select * from pg_roles where rolconfig is not null",
            ] {
                let said = ask(sql);
                assert!(said.starts_with("[0 rows]"), "{version:?} {sql}: {said}");
            }
            for sql in [
                "table pg_settings",
                "select * from all_settings",
                "select rolconfig from app_roles",
                "select * from only pg_settings",
                "select current_setting('primary_conninfo')",
                "select useconfig from pg_user",
                "select * from pg_settings",
                "select * from pg_roles",
            ] {
                let said = ask(sql);
                assert!(!said.contains("CANARY") && !said.contains("postgresql"), "{sql}: {said}");
            }
        }
    }
}

/// What asks for much gets an answer within its time, and neither this process nor the database's
/// grows with what was asked for.
#[test]
fn what_asks_for_much_is_answered_in_time() {
    let Some(shop) = Shop::start(Version::V16) else { return };
    let mut client = shop.client("");
    for sql in [
        "select pg_sleep(3600)",
        "select repeat('x', 1000000000)",
        "explain select repeat('x', 1000000000)",
        "select length(repeat('x', n)) from (values (1000000000)) v(n)",
        "select lpad('x', 1000000000, 'y')",
        "select array_fill(0, array[100000000])",
        "select count(*) from generate_series(1, 1000000000000)",
        "select count(*) from sales.orders a, sales.orders b, sales.orders c, sales.orders d",
        "with recursive t(n) as (select 1 union all select n + 1 from t) select sum(n) from t",
        "with recursive t(s) as (select 'x' union all select s || s from t) select max(length(s)) from t",
        "select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' ~ '((a{1,100}){1,100}){1,10}b'",
        "select factorial(30000) * factorial(30000) / factorial(29000)",
        "select string_agg(repeat('x', 900000), '') from generate_series(1, 2000)",
        "select cardinality(array_agg(repeat('x', 99999))) from generate_series(1, 1000000)",
        "select cardinality(array(select lpad('x', 99999) from generate_series(1, 1000000)))",
        "select jsonb_array_length(jsonb_agg(repeat('x', 1000 * n))) from generate_series(1, 100000) n",
        "select count(distinct a.id * b.id * c.id) from sales.orders a, sales.orders b, sales.orders c",
    ] {
        let since = Instant::now();
        let said = seen(&client.call("query", json!({"sql": sql, "timeout_ms": 1500})));
        assert!(said.len() < 2_000, "{sql}: {} bytes", said.len());
        // What is collected in memory is short.
        if sql.contains("_agg") || sql.contains("array(") {
            assert!(said.contains("makes too much") || said.contains("overflow"), "{sql}: {said}");
        }
        assert!(since.elapsed().as_secs() < 20, "{sql}: {:?}", since.elapsed());
    }
    // Endless, but for the pages that are asked for.
    for sql in [
        "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t",
        "select a.id, b.id, c.id from sales.orders a, sales.orders b, sales.orders c",
        "select generate_series(1, 1000000000000)",
    ] {
        let said = seen(&client.call("query", json!({"sql": sql, "max_rows": 3})));
        assert!(said.starts_with("[3 rows; truncated"), "{sql}: {said}");
    }
    // Rows of megabytes: what is in memory are a few of them.
    let large = ["repeat('x', 999999)"; 8].join(" || ");
    let sql = format!("select g, {large} as large from generate_series(1, 200) g");
    let said = seen(&client.call("query", json!({"sql": sql})));
    assert!(said.starts_with("[5 rows; truncated") && said.contains("values cut"), "{said:.200}");
}

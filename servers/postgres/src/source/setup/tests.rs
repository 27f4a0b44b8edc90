//! The printed statements are run, and the role that they make is served.

use lockkeeper_core::{Environment, Server as _};
use lockkeeper_testkit::expect;
use lockkeeper_testkit::in_process::{InProcess, seen};
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::testing::shop;
use crate::{Options, Postgres};

fn printed(dsn: &str, environment: &Environment, search_path: &[&str]) -> String {
    let search_path = search_path.iter().map(|schema| (*schema).to_owned()).collect();
    let dsn = Some(dsn.to_owned());
    let options = Options { dsn, search_path, print_setup_sql: true, ..Options::default() };
    let print = Postgres::printed(&options).unwrap();
    print(&Postgres::open(options, environment).unwrap())
}

#[test]
fn nothing_is_printed_unasked() {
    assert!(Postgres::printed(&Options::default()).is_none());
}

#[test]
fn the_role_that_is_made_reads_and_is_safe() {
    let Some(shop) = shop() else { return };
    let sql = printed(&shop.url("postgres"), &Environment::default(), &["public", "sales"]);
    expect![[r#"
        -- A role for this server. Run this as a superuser, then give the role a password
        -- (in psql: \password lockkeeper_reader) and put that where --credential finds it.
        CREATE ROLE lockkeeper_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
          CONNECTION LIMIT 10;
        ALTER ROLE lockkeeper_reader SET default_transaction_read_only = on;
        ALTER ROLE lockkeeper_reader SET statement_timeout = '30s';
        ALTER ROLE lockkeeper_reader SET idle_in_transaction_session_timeout = '2min';
        ALTER ROLE lockkeeper_reader SET temp_file_limit = '1GB';
        -- top_queries and health see more with it:
        -- GRANT pg_monitor TO lockkeeper_reader;

        -- The rest is run in the database "app".
        GRANT CONNECT ON DATABASE "app" TO lockkeeper_reader;
        -- Before PostgreSQL 15 everybody may make tables here:
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA "public" TO lockkeeper_reader;
        GRANT USAGE ON SCHEMA "sales" TO lockkeeper_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO lockkeeper_reader;
        -- Tables to come; say FOR ROLE … if others make them:
        ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT SELECT ON TABLES TO lockkeeper_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA "sales" TO lockkeeper_reader;
        -- Tables to come; say FOR ROLE … if others make them:
        ALTER DEFAULT PRIVILEGES IN SCHEMA "sales" GRANT SELECT ON TABLES TO lockkeeper_reader;
    "#]].assert_eq(&sql);
    shop.run(&sql);
    shop.run("CREATE TABLE sales.later AS SELECT 1 AS n");
    let url = shop.url("lockkeeper_reader");
    let arguments = [&url, "--require-safe-role", "--search-path", "public,sales"];
    let mut client = InProcess::start::<Postgres>(&arguments, Era::Modern);
    let mut ask = |sql: &str| seen(&client.call("query", json!({ "sql": sql })));
    assert_eq!(ask("SELECT count(*) FROM orders"), "[1 row]\ncount\n1000\n");
    assert_eq!(ask("SELECT n FROM later"), "[1 row]\nn\n1\n");
    assert!(ask("SELECT * FROM hr.employees").starts_with("error: permission_denied"));
}

#[test]
fn the_role_that_is_made_for_writing_writes() {
    let Some(shop) = shop() else { return };
    let environment = Environment { write: true, ..Environment::default() };
    let sql = printed(&shop.url("postgres"), &environment, &["public", "sales"]);
    expect![[r#"
        -- A role for this server. Run this as a superuser, then give the role a password
        -- (in psql: \password lockkeeper_writer) and put that where --credential finds it.
        CREATE ROLE lockkeeper_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
          CONNECTION LIMIT 10;
        ALTER ROLE lockkeeper_writer SET statement_timeout = '30s';
        ALTER ROLE lockkeeper_writer SET idle_in_transaction_session_timeout = '2min';
        ALTER ROLE lockkeeper_writer SET temp_file_limit = '1GB';
        -- top_queries and health see more with it:
        -- GRANT pg_monitor TO lockkeeper_writer;

        -- The rest is run in the database "app".
        GRANT CONNECT ON DATABASE "app" TO lockkeeper_writer;
        -- Before PostgreSQL 15 everybody may make tables here:
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA "public" TO lockkeeper_writer;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA "public" TO lockkeeper_writer;
        GRANT USAGE ON SCHEMA "sales" TO lockkeeper_writer;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA "sales" TO lockkeeper_writer;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "public" TO lockkeeper_writer;
        -- Tables to come; say FOR ROLE … if others make them:
        ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lockkeeper_writer;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "sales" TO lockkeeper_writer;
        -- Tables to come; say FOR ROLE … if others make them:
        ALTER DEFAULT PRIVILEGES IN SCHEMA "sales" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lockkeeper_writer;
    "#]].assert_eq(&sql);
    shop.run(&sql);
    let url = shop.url("lockkeeper_writer");
    let arguments = [&url, "--require-safe-role", "--write"];
    let mut client = InProcess::start::<Postgres>(&arguments, Era::Modern);
    let mut execute = |sql: &str| {
        let statements: Value = json!([{ "sql": sql }]);
        seen(&client.call("execute", json!({ "statements": statements })))
    };
    let done = execute("INSERT INTO sales.products (sku, title, price) VALUES ('new', 'New', 1)");
    assert!(!done.starts_with("error"), "{done}");
    let refused = execute("INSERT INTO hr.employees (name) VALUES ('Eve')");
    assert!(refused.starts_with("error"), "{refused}");
}

//! `--print-setup-sql` of the real binary.

use std::fs;

use lockkeeper_testkit::expect;
use lockkeeper_testkit::stdio::Launch;

const CONFIG: &str = r#"
[policy.resources]
allow = ["app.public.customers", "app.sales.*", "other.public.x", "app.public.log_*"]
deny = ["app.sales.refunds", "**.password_hash"]
"#;

#[test]
fn the_policy_says_what_the_role_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.toml");
    fs::write(&config, CONFIG).unwrap();
    let state = directory.path().join("state");
    let launch = Launch::new(env!("CARGO_BIN_EXE_lockkeeper-postgres"))
        .args(["postgresql://u@127.0.0.1:1/app", "--print-setup-sql", "--config"])
        .args([config.to_str().unwrap(), "--state-dir", state.to_str().unwrap()]);
    let mut launch = launch;
    let output = launch.command().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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
        GRANT SELECT ON TABLE "public"."customers" TO lockkeeper_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA "sales" TO lockkeeper_reader;
        -- Tables to come; say FOR ROLE … if others make them:
        ALTER DEFAULT PRIVILEGES IN SCHEMA "sales" GRANT SELECT ON TABLES TO lockkeeper_reader;
        -- The policy allows "app.public.log_*": grant what that means by hand.
        REVOKE ALL ON TABLE "sales"."refunds" FROM lockkeeper_reader;
        -- The policy denies "**.password_hash": the server holds it; grant columns or views in place
        -- of tables if the database shall hold it as well.
    "#]].assert_eq(&String::from_utf8(output.stdout).unwrap());
    // It served nobody.
    assert!(!state.exists());
}

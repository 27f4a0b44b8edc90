//! `check` before databases of all kinds, and roles that are served or not.

use lockkeeper_core::{Environment, Finding, Server as _};
use lockkeeper_testkit::expect;
use lockkeeper_testkit::in_process::{InProcess, seen};
use lockkeeper_testkit::postgres::{Cluster, Version};
use lockkeeper_testkit::stdio::Era;
use serde_json::json;
use tokio::runtime::Builder;

use crate::testing::{Shop, shop};
use crate::{Options, Postgres};

/// The lines of `check` for these settings, without what differs from run to run.
fn checked(options: Options, cluster: &Cluster) -> String {
    let environment = Environment::default();
    let pg = Postgres::open(options, &environment).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let findings = runtime.block_on(Postgres::report(&pg));
    let line = |finding: &Finding| {
        let mark = if finding.ok { "ok" } else { "FAIL" };
        let state = finding.state.replace(&cluster.port().to_string(), "PORT");
        format!("{mark} {}: {state}\n", finding.subject)
    };
    findings.iter().map(line).collect()
}

fn check(dsn: &str, cluster: &Cluster) -> String {
    checked(Options { dsn: Some(dsn.to_owned()), ..Options::default() }, cluster)
}

/// Roles of all kinds, in a shop.
fn roles() -> Option<Shop> {
    let shop = shop()?;
    shop.run(
        "CREATE ROLE good LOGIN;
         GRANT USAGE ON SCHEMA sales TO good;
         GRANT SELECT ON ALL TABLES IN SCHEMA public, sales TO good;
         CREATE ROLE writer LOGIN;
         GRANT UPDATE (note) ON sales.orders TO writer;
         CREATE ROLE admin SUPERUSER;
         CREATE ROLE climber LOGIN NOINHERIT;
         GRANT admin TO climber;
         CREATE ROLE files LOGIN;
         GRANT pg_read_server_files TO files;
         CREATE ROLE everything LOGIN CREATEROLE CREATEDB BYPASSRLS REPLICATION;",
    );
    Some(shop)
}

#[test]
fn check_says_how_a_role_stands() {
    let Some(shop) = roles() else { return };
    let said = ["good", "postgres", "writer", "climber", "files", "everything"]
        .map(|role| check(&shop.url(role), &shop.cluster));
    expect![[r#"
        ok app database: PostgreSQL 16.14, no TLS, role good
        ok app database: PostgreSQL 16.14, no TLS, role postgres
        ok app role: SUPERUSER, CREATEROLE, BYPASSRLS, REPLICATION, CREATEDB; use a role of its own (--print-setup-sql writes one)
        ok app role: could write 30 tables; the server won't, but a role that can't is safer
        ok app database: PostgreSQL 16.14, no TLS, role writer
        ok app role: could write 1 table; the server won't, but a role that can't is safer
        ok app database: PostgreSQL 16.14, no TLS, role climber
        ok app role: SUPERUSER through admin; use a role of its own (--print-setup-sql writes one)
        ok app role: could write 30 tables; the server won't, but a role that can't is safer
        ok app database: PostgreSQL 16.14, no TLS, role files
        ok app role: pg_read_server_files; use a role of its own (--print-setup-sql writes one)
        ok app database: PostgreSQL 16.14, no TLS, role everything
        ok app role: CREATEROLE, BYPASSRLS, REPLICATION, CREATEDB; use a role of its own (--print-setup-sql writes one)
    "#]].assert_eq(&said.concat());
}

#[test]
fn only_safe_roles_are_served_if_that_is_asked_for() {
    let Some(shop) = roles() else { return };
    let mut said = String::new();
    for role in ["good", "postgres", "writer", "climber", "files", "everything"] {
        let dsn = Some(shop.url(role));
        let options = Options { dsn, require_safe_role: true, ..Options::default() };
        said.push_str(&checked(options, &shop.cluster));
    }
    expect![[r#"
        ok app database: PostgreSQL 16.14, no TLS, role good
        FAIL app role: postgres: SUPERUSER, CREATEROLE, BYPASSRLS, REPLICATION, CREATEDB; use a role of its own (--print-setup-sql writes one)
        FAIL app role: writer: could write 1 table; use a role of its own (--print-setup-sql writes one)
        FAIL app role: climber: SUPERUSER through admin; use a role of its own (--print-setup-sql writes one)
        FAIL app role: files: pg_read_server_files; use a role of its own (--print-setup-sql writes one)
        FAIL app role: everything: CREATEROLE, BYPASSRLS, REPLICATION, CREATEDB; use a role of its own (--print-setup-sql writes one)
    "#]].assert_eq(&said);

    let call = |role: &str, more: &[&str]| {
        let url = shop.url(role);
        let arguments = [&[url.as_str(), "--require-safe-role"], more].concat();
        let mut client = InProcess::start::<Postgres>(&arguments, Era::Modern);
        let answer = client.call("query", json!({"sql": "SELECT 1 AS one"}));
        seen(&answer)
    };
    expect![[r#"
        error: unsafe_role: the database's role has more rights than the server's owner allows it
        next: ask the user to run this server's `check`, which says what is wrong"#]]
    .assert_eq(&call("files", &[]));
    assert!(call("writer", &[]).starts_with("error: unsafe_role"));
    // Who may write has to be able to.
    assert_eq!(call("writer", &["--write"]), "[1 row]\none\n1\n");
    assert!(call("climber", &["--write"]).starts_with("error: unsafe_role"));
    assert_eq!(call("good", &[]), "[1 row]\none\n1\n");
    // A role is given rights at any time: the next connection sees them.
    shop.run("GRANT UPDATE ON sales.orders TO good");
    assert!(call("good", &[]).starts_with("error: unsafe_role"));
}

#[test]
fn check_says_what_is_wrong_and_what_to_do() {
    let Some(mut cluster) = Cluster::start(Version::V16) else { return };
    let dsn = |rest: &str, cluster: &Cluster| {
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres {rest}", cluster.port())
    };
    let mut said = Vec::new();
    let mut look = |rest: &str, cluster: &Cluster| {
        said.push(format!("{rest}\n  {}", check(&dsn(rest, cluster), cluster)));
    };
    look("dbname=nowhere", &cluster);
    look("user=nobody", &cluster);
    look("sslmode=require", &cluster);
    look("sslmode=verify-full sslrootcert=/does/not/exist.pem", &cluster);
    look("host=no-such-host.invalid", &cluster);
    look("target_session_attrs=read-only", &cluster);
    look("sslmode=always", &cluster);
    cluster.put("pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n");
    cluster.restart();
    look("", &cluster);
    look("password=wrong", &cluster);
    cluster.put("pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n");
    cluster.restart();
    look("", &cluster);
    cluster.crash();
    look("", &cluster);
    expect![[r#"
        dbname=nowhere
          FAIL nowhere database: 127.0.0.1:PORT refused the login: db error: FATAL: database "nowhere" does not exist; name a database that exists: psql -l lists them
        user=nobody
          FAIL postgres database: 127.0.0.1:PORT refused the login: db error: FATAL: role "nobody" does not exist; if the role exists, pg_hba.conf doesn't let it in from here, or not without TLS
        sslmode=require
          FAIL postgres database: 127.0.0.1:PORT doesn't speak TLS, which sslmode=require asks for; switch ssl on at the server, or give sslmode=prefer if the network is yours alone
        sslmode=verify-full sslrootcert=/does/not/exist.pem
          FAIL postgres database: /does/not/exist.pem: No such file or directory (os error 2); correct the file; if only a credential names it, so must PGSSLROOTCERT, PGSSLCERT or PGSSLKEY
        host=no-such-host.invalid
          FAIL postgres database: no-such-host.invalid has no address; correct the host's name
        target_session_attrs=read-only
          FAIL postgres database: no host is as target_session_attrs asks for; correct target_session_attrs, or name all hosts
        sslmode=always
          FAIL db database: the connection string can't be used: `sslmode` has a value that it can't have; correct the connection string

          FAIL postgres database: 127.0.0.1:PORT refused the login: invalid configuration: password missing; it asks for a password: see --credential, PGPASSWORD or the password file
        password=wrong
          FAIL postgres database: 127.0.0.1:PORT refused the login: db error: FATAL: password authentication failed for user "postgres"; the password is wrong: see --credential, PGPASSWORD or the password file

          FAIL postgres database: 127.0.0.1:PORT refused the login: db error: FATAL: no pg_hba.conf entry for host "127.0.0.1", user "postgres", database "postgres", no encryption; if the role exists, pg_hba.conf doesn't let it in from here, or not without TLS

          FAIL postgres database: 127.0.0.1:PORT can't be reached: Connection refused (os error 111); is the server running, listening on this address, and no firewall between?
    "#]].assert_eq(&said.concat());
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let Some(cluster) = Cluster::start(Version::V16) else { return };
    // It takes the connection and no more.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let dsn = format!("postgresql://postgres@127.0.0.1:{port}/postgres?connect_timeout=1");
    let said = check(&dsn, &cluster).replace(&port.to_string(), "SILENT");
    expect![[r#"
        FAIL postgres database: 127.0.0.1:SILENT doesn't answer; is the server running, listening on this address, and no firewall between?
    "#]].assert_eq(&said);
    // The next host is tried.
    let dsn = format!(
        "postgresql://postgres@127.0.0.1:{port},127.0.0.1:{}/postgres?connect_timeout=1",
        cluster.port()
    );
    assert!(check(&dsn, &cluster).starts_with("ok postgres database: PostgreSQL 16."), "{dsn}");
}

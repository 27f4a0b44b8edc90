//! Lists of statements, held against the guard and a real server: what must never be sent, what
//! an allow-list must stop, and what must run.

use lockkeeper_testkit::postgres::Version;

use super::scratch::{Everything, Only, Outcome, Scratch, TWO_TABLES};
use super::{Policy, Scope};

const DENIED: &str = include_str!("../../testdata/denied.sql");
const LIMITED: &str = include_str!("../../testdata/limited.sql");
const ALLOWED: &str = include_str!("../../testdata/allowed.sql");

/// The statements of a list: one a line, after the comment at its head.
fn statements(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().skip_while(|line| line.starts_with("--")).filter(|line| !line.is_empty())
}

fn policy(scope: &dyn Scope) -> Policy<'_> {
    Policy { scope, functions: &[] }
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn what_is_denied_is_never_sent_under_any_policy() {
    for version in Version::ALL {
        let Some(scratch) = Scratch::start(version) else { continue };
        let before = scratch.effects();
        let (mut problems, mut unknown) = (Vec::new(), Vec::new());
        for sql in statements(DENIED) {
            for scope in [&Everything as &dyn Scope, &TWO_TABLES] {
                let outcome = scratch.run(sql, &policy(scope));
                let is_limited = scope.is_limited();
                // What the database does not understand is no danger to it.
                if let Outcome::Unknown(error) = outcome {
                    unknown.push(format!("{sql}\n    {error}"));
                } else if !matches!(outcome, Outcome::Refused(_)) {
                    problems
                        .push(format!("{version:?} limited {is_limited}: {sql}\n    {outcome}"));
                }
            }
        }
        report(&problems);
        // Functions of later versions, once under each policy.
        assert!(unknown.len() <= 4, "{version:?}:\n{}", unknown.join("\n"));
        assert_eq!(scratch.effects(), before, "{version:?}");
    }
}

#[test]
fn an_allow_list_stops_what_else_would_run() {
    for version in Version::ALL {
        let Some(scratch) = Scratch::start(version) else { continue };
        let before = scratch.effects();
        let mut problems = Vec::new();
        for sql in statements(LIMITED) {
            let open = scratch.run(sql, &policy(&Everything));
            if !matches!(open, Outcome::Ran(_)) {
                problems.push(format!("{version:?}, no allow-list: {sql}\n    {open}"));
            }
            let limited = scratch.run(sql, &policy(&TWO_TABLES));
            if !matches!(limited, Outcome::Refused(_)) {
                problems.push(format!("{version:?}, allow-list: {sql}\n    {limited}"));
            }
        }
        report(&problems);
        assert_eq!(scratch.effects(), before, "{version:?}");
    }
}

#[test]
fn ordinary_statements_run() {
    for version in Version::ALL {
        let Some(scratch) = Scratch::start(version) else { continue };
        let before = scratch.effects();
        let mut problems = Vec::new();
        for sql in statements(ALLOWED) {
            for scope in [&Everything as &dyn Scope, &TWO_TABLES] {
                let outcome = scratch.run(sql, &policy(scope));
                let is_limited = scope.is_limited();
                match outcome {
                    Outcome::Ran(text) if !text.contains("SECRET") => {}
                    // Not a matter of the guard.
                    Outcome::Failed(error) | Outcome::Unknown(error)
                        if error.contains("unsupported XML feature") => {}
                    other => problems
                        .push(format!("{version:?} limited {is_limited}: {sql}\n    {other}")),
                }
            }
        }
        report(&problems);
        assert_eq!(scratch.effects(), before, "{version:?}");
    }
}

#[test]
fn a_policy_opens_what_it_names_and_no_more() {
    let Some(scratch) = Scratch::start(Version::V18) else { return };
    let functions =
        [("app".to_owned(), "full_name".to_owned()), ("app".to_owned(), "harmless".to_owned())];
    let ran = |sql: &str, scope: &dyn Scope, functions: &[(String, String)]| {
        matches!(scratch.run(sql, &Policy { scope, functions }), Outcome::Ran(_))
    };
    for sql in [
        "select app.harmless(1)",
        "select u.full_name, full_name(u), (u).full_name from app.users u",
        "select * from app.v_names",
    ] {
        assert!(!ran(sql, &Everything, &[]), "{sql}");
        assert!(ran(sql, &Everything, &functions), "{sql}");
    }
    assert!(!ran("select app.trace('x')", &Everything, &functions));

    // Whoever lists a view vouches for what it reads and runs; for nothing else of that.
    let listed = Only(&[("app", "users"), ("app", "v_names"), ("app", "v_salaries")]);
    assert!(ran("select * from app.v_names", &listed, &[]));
    assert!(ran("select note from app.v_salaries", &listed, &[]));
    assert!(!ran("select note from app.salaries", &listed, &[]));
    assert!(!ran("select v.note from app.v_salaries v, app.salaries s", &listed, &[]));
    assert!(!ran("select full_name(u) from app.users u", &listed, &[]));

    // A table brings its partitions along, a partition nothing.
    let part = Only(&[("app", "orders_2025")]);
    assert!(ran("select * from app.orders_2025_h1", &part, &[]));
    assert!(!ran("select * from app.orders", &part, &[]));
    assert!(!ran("select * from app.orders_2024", &part, &[]));
}

#[test]
fn under_an_allow_list_what_is_denied_looks_like_what_does_not_exist() {
    let Some(scratch) = Scratch::start(Version::V16) else { return };
    let says = |sql: &str| scratch.run(sql, &policy(&TWO_TABLES)).to_string();
    let pairs = [
        ("select * from app.salaries", "select * from app.nothings"),
        ("select * from vault.api_keys", "select * from vault.nothings"),
        ("select null::app.salaries", "select null::app.nothings"),
        ("select * from pg_catalog.pg_class", "select * from pg_catalog.nothings"),
    ];
    for (denied, unknown) in pairs {
        let name = |sql: &str| sql.rsplit(['.', ':']).next().unwrap().to_owned();
        let (denied_name, unknown_name) = (name(denied), name(unknown));
        assert_eq!(
            says(denied).replace(&denied_name, "X"),
            says(unknown).replace(&unknown_name, "X")
        );
    }
}

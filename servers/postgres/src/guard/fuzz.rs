//! Whatever the guard is given, it answers: without a panic, without an overflow of the stack, in
//! bounded time. What it lets through it would let through again, as the same.

use std::time::{Duration, Instant};

use super::generator::Generator;
use super::mutation::{mutated, written};
use super::{Refusal, Statement};

#[test]
fn what_is_written_anew_means_the_same() {
    let written = written();
    let mut random = Generator::new(3);
    let count = std::env::var("LOCKKEEPER_FUZZ").map_or(4000, |count| count.parse().unwrap());
    let mut passed = 0;
    for i in 0..count {
        let sql = match written.get(i) {
            Some(sql) => (*sql).to_owned(),
            None => mutated(&mut random, &written),
        };
        let Ok(statement) = Statement::parse(&sql) else { continue };
        passed += 1;
        let again = Statement::parse(statement.text());
        let again = again.unwrap_or_else(|e| panic!("{sql}\n{}\n{e}", statement.text()));
        assert_eq!(again.text(), statement.text(), "{sql}");
        assert_eq!(again.uses(), statement.uses(), "{sql}\n{}", statement.text());
        assert_eq!(again.kind(), statement.kind(), "{sql}");
        for at in 0..=statement.text().len() {
            assert!(sql.get(statement.place(at)..).is_some(), "{sql}: {at}");
        }
    }
    assert!(passed * 10 > count, "only {passed} of {count} statements were let through");
}

#[test]
fn deep_and_long_statements_are_answered() {
    let parts = [
        ("(", "1", ")"),
        ("not ", "true", ""),
        ("- ", "1", ""),
        ("~", "1", ""),
        ("case when ", "1", " then 1 end"),
        ("select (", "1", ")"),
        ("select * from (", "select 1", ") x"),
        ("", "1", " union select 1"),
        ("", "* from a", " cross join a"),
        ("", "* from a", " natural join a"),
        ("", "1", " + 1"),
        ("", "1", " = 1"),
        ("", "1", " or a = 1"),
        ("", "1", "::int"),
        ("", "a", ".a"),
        ("f(", "1", ")"),
        ("", "a", "[1]"),
        ("", "a", " collate \"C\""),
        ("", "a", " between a and a"),
        ("", "a", " at time zone a"),
        ("explain ", "select 1", ""),
        ("with a as (", "select 1", ") select 1"),
        ("array[", "1", "]"),
        ("/*", "1", "*/"),
        ("", "1", ",1"),
        ("row(", "1", ")"),
        ("exists (select ", "1", ")"),
        ("$a$", "1", "$a$"),
        ("\"", "1", "\""),
        ("'", "1", "'"),
        ("[", "1", ""),
        ("{", "1", ""),
        ("\\", "1", ""),
    ];
    let start = Instant::now();
    for (before, middle, after) in parts {
        for times in [60, 99, 3000, 100_000] {
            for head in ["", "select "] {
                let sql = format!("{head}{}{middle}{}", before.repeat(times), after.repeat(times));
                // Either answer will do.
                drop(Statement::parse(&sql));
            }
        }
    }
    // Seconds in a debug build; without bounds, it would be hours or a crash.
    assert!(start.elapsed() < Duration::from_mins(2), "{:?}", start.elapsed());
}

#[test]
fn a_long_list_is_not_too_long() {
    let list: Vec<String> = (0..4000).map(|i| i.to_string()).collect();
    let sql = format!("select * from t where id in ({})", list.join(","));
    Statement::parse(&sql).unwrap();
    let list: Vec<String> = (0..1500).map(|i| format!("id = {i}")).collect();
    Statement::parse(&format!("select * from t where {}", list.join(" or "))).unwrap();
    assert!(matches!(Statement::parse(&" ".repeat(300_000)), Err(Refusal::TooLarge(_))));
}

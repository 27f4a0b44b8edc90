//! The parser is not `PostgreSQL`'s own, so it is held against it: a view is made of each query,
//! and every relation, function, operator and cast in the tree that `PostgreSQL` stores must be
//! among what the walker found. One that is missing would be a hole.
//!
//! `LOCKKEEPER_ORACLE=20000` makes that many queries instead of a few.

use std::collections::BTreeSet;

use lockkeeper_testkit::postgres::Version;

use super::Statement;
use super::generator::Generator;
use super::mutation;
use super::names::Name;
use super::scratch::Scratch;

/// What `PostgreSQL` stored of a query.
#[derive(Debug, Default)]
struct Stored {
    relations: BTreeSet<u32>,
    /// Functions, with how they are written: 1 is a cast, 2 an implicit one.
    functions: BTreeSet<(u32, u32)>,
    operators: BTreeSet<u32>,
    /// Types that something is cast to where the query says so.
    types: BTreeSet<u32>,
}

impl Stored {
    fn read(tree: &str, view: u32) -> Self {
        let mut stored = Self::default();
        let words: Vec<&str> =
            tree.split([' ', '(', ')', '{', '}', '\n']).filter(|w| !w.is_empty()).collect();
        let mut function = None;
        let mut result = 0;
        for (i, word) in words.iter().enumerate() {
            let number = words.get(i + 1).and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
            match *word {
                ":relid" if number > 0 && number != view => drop(stored.relations.insert(number)),
                ":funcid" => function = Some(number),
                ":funcformat" => drop(stored.functions.insert((function.take().unwrap(), number))),
                ":aggfnoid" | ":winfnoid" => drop(stored.functions.insert((number, 0))),
                ":opno" => drop(stored.operators.insert(number)),
                ":opnos" => {
                    let list = words.iter().skip(i + 2).map_while(|word| word.parse::<u32>().ok());
                    stored.operators.extend(list);
                }
                ":tsmhandler" => drop(stored.functions.insert((number, 0))),
                ":resulttype" => result = number,
                ":relabelformat" | ":coerceformat" | ":coercionformat" | ":convertformat"
                    if number == 1 =>
                {
                    stored.types.insert(result);
                }
                _ => {}
            }
        }
        stored
    }
}

/// Names of what `PostgreSQL` stored, and the elements of array types.
const NAMES: &str = "\
select 'operator', o.oid, n.nspname::text, o.oprname::text, 0::oid
from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where o.oid = any ($1)
union all
select 'cast', c.castfunc, '', '', c.casttarget from pg_cast c where c.castfunc = any ($2)
union all
select 'type', t.oid, n.nspname::text, t.typname::text, t.typelem
from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.oid = any ($3)
union all
select 'coerced', t.oid, '', '', t.typbasetype from pg_type t where t.oid = any ($3)";

impl Scratch {
    /// What the walker missed in a query; none if `PostgreSQL` does not take it for a view.
    fn missed(&self, sql: &str) -> Option<Vec<String>> {
        let statement = match Statement::parse(sql) {
            Ok(statement) => statement,
            Err(refusal) => return Some(vec![format!("all, since it is refused: {refusal}")]),
        };
        if statement.uses().parameters > 0 {
            return None;
        }
        let create =
            format!("begin; create view app.oracle as select exists ({})", statement.text());
        let stored = self.runtime.block_on(async {
            let is_taken = self.client.batch_execute(&create).await.is_ok();
            let mut tree = None;
            if is_taken {
                let query = "select ev_action::text, ev_class from pg_rewrite \
                    where ev_class = 'app.oracle'::regclass";
                let row = self.client.query_one(query, &[]).await.unwrap();
                tree = Some(Stored::read(row.get(0), row.get(1)));
            }
            self.client.batch_execute("rollback").await.unwrap();
            tree
        })?;
        Some(self.compare(&statement, &stored))
    }

    fn compare(&self, statement: &Statement, stored: &Stored) -> Vec<String> {
        let facts = self.facts(statement);
        let uses = statement.uses();
        let relations: BTreeSet<u32> =
            facts.relations.iter().map(|relation| relation.oid).collect();
        let calls: BTreeSet<u32> = facts.calls.iter().map(|(_, oid)| *oid).collect();
        let named: BTreeSet<u32> = facts.types.iter().map(|(_, _, oid)| *oid).collect();
        let operators: Vec<u32> = stored.operators.iter().copied().collect();
        let functions: Vec<u32> = stored.functions.iter().map(|(oid, _)| *oid).collect();
        let types: Vec<u32> = stored.types.iter().copied().collect();
        let rows = self
            .runtime
            .block_on(self.client.query(NAMES, &[&operators, &functions, &types]))
            .unwrap();

        let mut missed = Vec::new();
        let mut casts = Vec::new();
        for row in &rows {
            let (kind, oid, other): (&str, u32, u32) = (row.get(0), row.get(1), row.get(4));
            let (schema, name): (String, String) = (row.get(2), row.get(3));
            match kind {
                "operator" => {
                    let plain = Name { schema: None, name: name.clone() };
                    let full = Name { schema: Some(schema), name };
                    if !uses.operators.contains(&plain) && !uses.operators.contains(&full) {
                        missed.push(format!("operator {full}"));
                    }
                }
                "cast" => casts.push((oid, other)),
                "type" if !named.contains(&oid) && !named.contains(&other) => {
                    missed.push(format!("cast to {schema}.{name}"));
                }
                _ => {}
            }
        }
        for oid in stored.relations.difference(&relations) {
            missed.push(format!("relation {oid}"));
        }
        for (oid, format) in &stored.functions {
            let is_cast = casts.iter().any(|(function, target)| {
                function == oid && (*format == 2 || *format == 1 && named.contains(target))
            });
            if !calls.contains(oid) && !is_cast {
                missed.push(format!("function {oid}, written as {format}"));
            }
        }
        missed
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "figures, for whoever runs the long form")]
fn the_walker_sees_what_postgres_sees() {
    let queries = include_str!("../../testdata/queries.sql");
    let lists = [
        queries,
        include_str!("../../testdata/allowed.sql"),
        include_str!("../../testdata/limited.sql"),
    ];
    let count = std::env::var("LOCKKEEPER_ORACLE").map_or(100, |count| count.parse().unwrap());
    for version in Version::ALL {
        let Some(scratch) = Scratch::start(version) else { continue };
        let mut problems = Vec::new();
        let (mut taken, mut generated) = (0, 0);
        let written = lists.iter().flat_map(|list| list.lines()).filter(|line| {
            let query = line.trim_start_matches(' ');
            !["--", "/*", "explain", "show", ""].iter().any(|start| {
                if start.is_empty() { query.is_empty() } else { query.starts_with(start) }
            })
        });
        for sql in written {
            if let Some(missed) = scratch.missed(sql) {
                taken += 1;
                problems.extend(
                    missed.into_iter().map(|missed| format!("{version:?}: {missed}: {sql}")),
                );
            }
        }
        let mut generator = Generator::new(7);
        for _ in 0..count {
            let sql = generator.query();
            if let Some(missed) = scratch.missed(&sql) {
                generated += 1;
                problems.extend(
                    missed.into_iter().map(|missed| format!("{version:?}: {missed}: {sql}")),
                );
            }
        }
        let written = mutation::written();
        let mut mutants = 0;
        for _ in 0..count {
            let sql = mutation::mutated(&mut generator, &written);
            if Statement::parse(&sql).is_ok()
                && let Some(missed) = scratch.missed(&sql)
            {
                mutants += 1;
                problems.extend(
                    missed.into_iter().map(|missed| format!("{version:?}: {missed}: {sql}")),
                );
            }
        }
        eprintln!("{version:?}: {mutants} mutants compared");
        eprintln!(
            "{version:?}: {taken} written queries, {generated} of {count} generated ones compared"
        );
        assert!(problems.is_empty(), "{} missed\n{}", problems.len(), problems.join("\n"));
        assert!(taken > 230, "{version:?}: only {taken} of the written queries are taken");
        assert!(generated * 10 > count * 7, "{version:?}: only {generated} of {count} are taken");
    }
}

//! `suggest_indexes`: indexes that would make statements faster, as SQL that is never run.

use std::collections::BTreeSet;

use lockkeeper_core::{Altered, Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::render;
use crate::source::error::PgError;
use crate::source::indexes::{Suggestion, Worth};
use crate::source::plan::number;
use crate::source::statements::Sort;
use crate::source::{Database, Pg};

/// Statements that are looked at.
const MOST: usize = 10;

pub(crate) struct SuggestIndexes;

/// Suggest indexes for up to 10 statements, or for the top queries with `workload`; creates none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    #[serde(default)]
    sql: Vec<String>,
    #[serde(default)]
    workload: bool,
}

#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Suggested {
    indexes: Vec<Item>,
    /// indexes that are there already
    existing: BTreeSet<String>,
    /// statements that could not be planned
    failed: Vec<String>,
    /// statements that were looked at
    statements: usize,
    #[serde(skip)]
    lines: String,
    #[serde(skip)]
    altered: Altered,
}

#[derive(Serialize, JsonSchema)]
struct Item {
    sql: String,
    /// `measured` or `estimate`
    by: &'static str,
    worth: String,
    /// numbers of the statements it helps, from 1
    statements: Vec<usize>,
}

impl Output for Suggested {
    const BULK: bool = true;

    fn text(&self) -> String {
        let statements = count(self.statements as u64, "statement");
        let mut indexes = count(self.indexes.len() as u64, "index");
        if indexes.ends_with("indexs") {
            indexes = format!("{} indexes", self.indexes.len());
        }
        format!("[{indexes} for {statements}]\n{}", self.lines)
    }

    fn altered(&self) -> Altered {
        self.altered
    }
}

impl Tool<Pg> for SuggestIndexes {
    type Effect = Read;
    type Args = Args;
    type Output = Suggested;

    const PLAIN: &'static [&'static str] = &["database", "workload"];

    fn plan(args: &Args) -> Need {
        args.database.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Suggested, ToolError> {
        let database = cx.source().database(args.database.as_deref())?;
        if args.sql.is_empty() != args.workload || args.sql.len() > MOST {
            let problem = format!("give 1 to {MOST} statements as `sql`, or `workload`");
            return Err(ToolError::invalid_arguments(problem).hint("not both, and no more"));
        }
        let statements = if args.workload { database.heaviest(MOST).await? } else { args.sql };
        let mut combined = database.advise_all(&statements).await?;
        // Whoever gave only one wants to know why.
        if statements.len() == 1
            && !args.workload
            && let Some((_, error)) = combined.failed.pop()
        {
            return Err(error.into());
        }
        let failed = combined.failed.iter();
        let mut suggested = Suggested {
            indexes: combined.suggestions.into_iter().map(item).collect(),
            existing: combined.existing,
            failed: failed.map(|(place, error)| format!("statement {place}: {error}")).collect(),
            statements: statements.len(),
            ..Suggested::default()
        };
        suggested.write(&cx, &statements, args.workload);
        Ok(suggested)
    }
}

impl Database {
    /// The statements that took most time, as far as they may be told of.
    async fn heaviest(&self, limit: usize) -> Result<Vec<String>, PgError> {
        let top = self.top(Sort::TotalTime, limit).await?;
        Ok(top.statements.into_iter().map(|counted| counted.query).collect())
    }
}

fn item((suggestion, statements): (Suggestion, Vec<usize>)) -> Item {
    // A partitioned table takes none that way.
    let concurrently = if suggestion.is_partitioned { "" } else { " CONCURRENTLY" };
    let (by, worth) = match suggestion.worth {
        Worth::Measured { before, after } => {
            ("measured", format!("cost {} to {}", number(before), number(after)))
        }
        Worth::Estimated { share } => {
            ("estimate", format!("leaves {} % of the rows", number((share * 100.0).max(0.01))))
        }
    };
    let sql = format!("CREATE INDEX{concurrently} ON {}", suggestion.wished.on());
    Item { sql, by, worth, statements }
}

impl Suggested {
    fn write(&mut self, cx: &Cx<'_, Pg, Read>, statements: &[String], is_workload: bool) {
        let mut lines = Room::new(cx.max_output());
        for Item { sql, by, worth, statements } in &self.indexes {
            let places: Vec<String> = statements.iter().map(usize::to_string).collect();
            let sql = render::line(sql);
            lines.push(&format!("{sql};\t{by}: {worth}\tstatement {}\n", places.join(", ")));
        }
        if !self.existing.is_empty() {
            let names: Vec<String> = self.existing.iter().map(|name| render::name(name)).collect();
            lines.push(&format!("there already: {}\n", names.join(", ")));
        }
        for failed in &self.failed {
            lines.push(&format!("{}\n", render::line(failed)));
        }
        if is_workload {
            for (place, sql) in statements.iter().enumerate() {
                let shown = cx.outside().show(sql);
                if lines.push(&format!("{}: {}\n", place + 1, render::comment(&shown.text))) {
                    self.altered += shown.altered();
                }
            }
        }
        self.lines = lines.into_text();
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use lockkeeper_testkit::postgres::Version;
    use serde_json::json;

    use crate::testing::{POLICY, Shop, shop};

    /// A table that is worth indexes.
    const VISITORS: &str = "
        CREATE TABLE public.visitors (id bigint PRIMARY KEY, person integer, kind text, at date);
        INSERT INTO public.visitors
            SELECT n, n % 5000, 'kind ' || n % 3, '2025-01-01'::date + n % 700
            FROM generate_series(1, 20000) n;
        ANALYZE public.visitors";

    const CALL: &str = r#"suggest_indexes {"sql": [
        "SELECT * FROM visitors WHERE person = $1 AND kind = 'kind 1'",
        "SELECT c.name FROM customers c JOIN visitors v ON v.person = c.id WHERE c.id = 7",
        "SELECT * FROM visitors WHERE id = 7",
        "SELECT * FROM nothing"
    ]}"#;

    #[test]
    fn an_estimate_without_hypopg() {
        let Some(shop) = shop() else { return };
        shop.run(VISITORS);
        shop.check(CALL, &expect![[r#"
            [1 index for 4 statements]
            CREATE INDEX CONCURRENTLY ON "public"."visitors" ("person");	estimate: leaves 0.02 % of the rows	statement 1, 2
            statement 4: relation "nothing" does not exist
        "#]]);
    }

    #[test]
    fn a_measurement_with_it() {
        let Some(shop) = Shop::start(Version::V15) else { return };
        shop.run(VISITORS);
        shop.run("CREATE EXTENSION hypopg");
        let text = shop.call("postgres", "", CALL);
        let index = "CREATE INDEX CONCURRENTLY ON \"public\".\"visitors\" (\"person\", \"kind\");";
        assert!(text.contains(index), "{text}");
        assert!(text.contains("\tmeasured: cost "), "{text}");
        assert!(text.contains("\tstatement 1, 2\n"), "{text}");
        // They are only asked for.
        let listed = shop.call("postgres", "", r#"describe {"objects": ["visitors"]}"#);
        assert!(!listed.contains("person_idx"), "{listed}");
    }

    #[test]
    fn for_what_the_database_does() {
        let preloaded = [("shared_preload_libraries", "pg_stat_statements")];
        let Some(shop) = Shop::start_with(Version::V15, &preloaded) else { return };
        shop.run(VISITORS);
        shop.run(
            "CREATE EXTENSION pg_stat_statements;
            CREATE TABLE hr.secrets AS SELECT n % 5000 AS n FROM generate_series(1, 20000) n;
            ANALYZE hr.secrets;
            SELECT pg_stat_statements_reset();
            SELECT count(*) FROM public.visitors WHERE person = 7;
            SELECT count(*) FROM hr.secrets WHERE n = 7;",
        );
        let arguments = json!({"workload": true});
        let text = seen(&shop.client("").call("suggest_indexes", arguments.clone()));
        assert!(text.contains("\"visitors\" (\"person\");\testimate: "), "{text}");
        assert!(text.contains("\"secrets\" (\"n\")"), "{text}");
        let allowed = "[policy.resources]\nallow = [\"app.public.visitors\"]";
        let text = seen(&shop.client(allowed).call("suggest_indexes", arguments));
        assert!(text.contains("\"visitors\" (\"person\")"), "{text}");
        assert!(!text.contains("secrets"), "{text}");
    }

    #[test]
    fn what_the_policy_hides_gets_no_index() {
        let Some(shop) = shop() else { return };
        shop.run(
            "INSERT INTO hr.employees (name, salary) SELECT 'e' || n, n FROM generate_series(1, 20000) n;
            ANALYZE hr.employees",
        );
        let call = r#"suggest_indexes {"sql": ["SELECT * FROM staff_directory WHERE name = 'x'"]}"#;
        shop.check_as(
            "postgres",
            POLICY,
            call,
            &expect![[r#"
            [0 indexes for 1 statement]
        "#]],
        );
        let call = r#"suggest_indexes {"sql": ["SELECT * FROM hr.employees WHERE name = 'x'"]}"#;
        let text = shop.call("postgres", POLICY, call);
        assert!(text.starts_with("error: not_found"), "{text}");
        for call in [r#"{}"#, r#"{"sql": ["SELECT 1"], "workload": true}"#] {
            let text = shop.call("postgres", "", &format!("suggest_indexes {call}"));
            assert!(text.starts_with("error: invalid_arguments"), "{text}");
        }
    }
}

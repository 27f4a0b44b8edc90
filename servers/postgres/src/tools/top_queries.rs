//! `top_queries`: the statements that the database spends most on.

use lockkeeper_core::{Altered, Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Pg;
use crate::source::plan::number;
use crate::source::statements::{Counted, Sort};

/// Statements, unless fewer or more are asked for.
const LIMIT: usize = 10;

/// Bytes of a statement in a line.
const LONGEST: usize = 500;

pub(crate) struct TopQueries;

/// List the statements that took most, as counted by `pg_stat_statements`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    #[serde(default)]
    sort: Sort,
    /// Default 10
    limit: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    statements: Vec<Counted>,
    /// statements of others that are not shown
    left_out: u64,
    #[serde(skip)]
    lines: String,
    #[serde(skip)]
    altered: Altered,
}

impl Output for Listed {
    const BULK: bool = true;

    fn text(&self) -> String {
        let mut opening = format!("[{}", count(self.statements.len() as u64, "statement"));
        if self.left_out > 0 {
            opening.push_str(&format!(
                "; {} not shown: of other roles, or of more than may be read",
                self.left_out
            ));
        }
        if self.statements.is_empty() {
            return format!("{opening}]\n");
        }
        format!(
            "{opening}]\ntotal_ms\tcalls\tmean_ms\trows\treads\ttemporary\tquery\n{}",
            self.lines
        )
    }

    fn altered(&self) -> Altered {
        self.altered
    }
}

impl Tool<Pg> for TopQueries {
    type Effect = Read;
    type Args = Args;
    type Output = Listed;

    const PLAIN: &'static [&'static str] = &["database", "sort", "limit"];

    fn plan(args: &Args) -> Need {
        args.database.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Listed, ToolError> {
        let database = cx.source().database(args.database.as_deref())?;
        let top = database.top(args.sort, args.limit.unwrap_or(LIMIT).clamp(1, 100)).await?;
        let mut lines = Room::new(cx.max_output());
        let mut listed = Listed {
            statements: Vec::new(),
            left_out: top.left_out,
            lines: String::new(),
            altered: Altered::default(),
        };
        for mut counted in top.statements {
            // Shown before it is cut, so that nothing is cut in two that hides something.
            let shown = cx.outside().show(&counted.query);
            let altered = shown.altered();
            let mut query = shown.text.into_owned();
            if query.len() > LONGEST {
                query.truncate(query.floor_char_boundary(LONGEST));
                query.push('…');
            }
            counted.query = query;
            if !lines.push(&line(&counted)) {
                break;
            }
            listed.altered += altered;
            listed.statements.push(counted);
        }
        listed.lines = lines.into_text();
        Ok(listed)
    }
}

fn line(counted: &Counted) -> String {
    let Counted { calls, total_ms, mean_ms, rows, reads, temporary, query } = counted;
    let (total, mean) = (number(*total_ms), number(*mean_ms));
    format!("{total}\t{calls}\t{mean}\t{rows}\t{reads}\t{temporary}\t{query}\n")
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use lockkeeper_testkit::postgres::Version;
    use serde_json::json;

    use crate::testing::{POLICY, Shop, shop};

    /// A shop that counts its statements.
    fn counting() -> Option<Shop> {
        let shop =
            Shop::start_with(Version::V15, &[("shared_preload_libraries", "pg_stat_statements")])?;
        shop.run("CREATE EXTENSION pg_stat_statements");
        Some(shop)
    }

    const WORK: &str = "
        SELECT pg_stat_statements_reset();
        SELECT count(*) FROM public.customers WHERE name = 'Customer 7';
        SELECT count(*) FROM public.customers WHERE password_hash = 'locked';
        SELECT count(*) FROM hr.employees WHERE salary > 3000;
        UPDATE hr.employees SET name = 'secret' WHERE false;
        CREATE ROLE someone PASSWORD 'sesame-open';";

    /// The statements alone.
    fn queries(text: &str) -> Vec<&str> {
        let lines = text.lines().skip(2).map(|line| line.rsplit('\t').next().unwrap());
        let mut queries: Vec<&str> = lines.collect();
        queries.sort_unstable();
        queries
    }

    #[test]
    fn statements_without_what_they_compare_with() {
        let Some(shop) = counting() else { return };
        shop.run(WORK);
        let text = seen(&shop.client("").call("top_queries", json!({"limit": 50})));
        assert_eq!(
            queries(&text),
            [
                "CREATE ROLE someone PASSWORD ?",
                "SELECT count(*) FROM hr.employees WHERE salary > $1",
                "SELECT count(*) FROM public.customers WHERE name = $1",
                "SELECT count(*) FROM public.customers WHERE password_hash = $1",
                "SELECT pg_stat_statements_reset()",
                "UPDATE hr.employees SET name = $1 WHERE $2",
            ],
            "{text}"
        );
        for sort in ["total_time", "mean_time", "calls", "rows", "reads", "temporary"] {
            let text =
                seen(&shop.client("").call("top_queries", json!({"sort": sort, "limit": 2})));
            assert!(text.starts_with("[2 statements"), "{text}");
        }
    }

    #[test]
    fn only_statements_over_what_may_be_read() {
        let Some(shop) = counting() else { return };
        shop.run(WORK);
        let text = seen(&shop.client(POLICY).call("top_queries", json!({"limit": 50})));
        assert_eq!(
            queries(&text),
            ["SELECT count(*) FROM public.customers WHERE name = $1"],
            "{text}"
        );
        assert!(text.contains("not shown"), "{text}");
        // Without the right to see what others do.
        let text = shop.call("reader", "", r#"top_queries {"sort": "calls", "limit": 1}"#);
        assert!(text.starts_with("[0 statements; "), "{text}");
    }

    #[test]
    fn what_is_missing_is_said() {
        let Some(shop) = shop() else { return };
        shop.check("top_queries {}", &expect![[r#"
            error: not_available: the database doesn't have the extension pg_stat_statements
            next: ask the database's owner: add pg_stat_statements to shared_preload_libraries in postgresql.conf, restart, and CREATE EXTENSION pg_stat_statements"#]]);
    }

    #[test]
    fn an_extension_that_was_not_loaded() {
        let Some(shop) = Shop::start(Version::V15) else { return };
        shop.run("CREATE EXTENSION pg_stat_statements");
        let text = shop.call("postgres", "", "top_queries {}");
        assert!(text.contains("shared_preload_libraries"), "{text}");
    }
}

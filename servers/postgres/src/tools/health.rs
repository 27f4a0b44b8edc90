//! `health`: what is wrong with a database, worst first, and what to do about it.

use lockkeeper_core::{Altered, Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::render;
use crate::source::Pg;
use crate::source::health::{Check, Finding};

pub(crate) struct Health;

/// Check a database for problems, worst first, each with its remedy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    /// default: all
    #[serde(default)]
    checks: Vec<Check>,
}

#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Report {
    findings: Vec<Finding>,
    /// findings in all
    total: usize,
    #[serde(skip)]
    checks: usize,
    #[serde(skip)]
    lines: String,
    #[serde(skip)]
    altered: Altered,
}

impl Output for Report {
    const BULK: bool = true;

    fn text(&self) -> String {
        let found = count(self.total as u64, "finding");
        let mut opening = format!("[{found} in {}", count(self.checks as u64, "check"));
        if self.truncated() {
            opening.push_str("; truncated: name fewer checks");
        }
        format!("{opening}]\n{}", self.lines)
    }

    fn truncated(&self) -> bool {
        self.findings.len() < self.total
    }

    fn altered(&self) -> Altered {
        self.altered
    }
}

impl Tool<Pg> for Health {
    type Effect = Read;
    type Args = Args;
    type Output = Report;

    const PLAIN: &'static [&'static str] = &["database", "checks"];

    fn plan(args: &Args) -> Need {
        args.database.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Report, ToolError> {
        let database = cx.source().database(args.database.as_deref())?;
        let all = args.checks.is_empty();
        let checks = if all { Check::ALL.to_vec() } else { args.checks };
        let checks = checks.into_iter().collect();
        let findings = database.health(&checks).await?;
        let mut report =
            Report { total: findings.len(), checks: checks.len(), ..Report::default() };
        let mut lines = Room::new(cx.max_output());
        for mut finding in findings {
            let Finding { severity, check, problem, remedy } = &finding;
            let (severity, check) = (severity.as_str(), check.as_str());
            let line = render::line(&format!("{severity} {check}: {problem}; {remedy}"));
            let shown = cx.outside().show(&line);
            if !lines.push(&format!("{}\n", shown.text)) {
                break;
            }
            report.altered += shown.altered();
            finding.problem = cx.outside().show(problem).text.into_owned();
            report.findings.push(finding);
        }
        report.lines = lines.into_text();
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use lockkeeper_testkit::postgres::Version;
    use serde_json::json;
    use tokio::runtime::Builder;
    use tokio_postgres::NoTls;

    use crate::testing::{POLICY, Shop, shop};

    #[test]
    fn what_is_wrong_with_the_shop() {
        let Some(shop) = shop() else { return };
        shop.check(
            r#"health {"checks": ["foreign_keys", "constraints", "settings"]}"#,
            &expect![[r#"
                [10 findings in 3 checks]
                bad settings: autovacuum is off: tables bloat, and writing stops at last; switch it on
                bad settings: fsync is off: a crash can destroy the data; switch it on
                warning settings: full_page_writes is off: a crash can destroy pages; switch it on
                note foreign_keys: the foreign key of hr.employees (customer_id) has no index: deletes where it points read all of it; CREATE INDEX CONCURRENTLY ON hr.employees (customer_id)
                note foreign_keys: the foreign key of sales.order_items (product_id) has no index: deletes where it points read all of it; CREATE INDEX CONCURRENTLY ON sales.order_items (product_id)
                note foreign_keys: the foreign key of sales.refunds (order_id, "position") has no index: deletes where it points read all of it; CREATE INDEX CONCURRENTLY ON sales.refunds (order_id, "position")
                note foreign_keys: the foreign key of sales.visits (customer_id) has no index: deletes where it points read all of it; CREATE INDEX CONCURRENTLY ON sales.visits (customer_id)
                note foreign_keys: the foreign key of sales.visits (employee_id) has no index: deletes where it points read all of it; CREATE INDEX CONCURRENTLY ON sales.visits (employee_id)
                note settings: data_checksums is off: damage on disk is not noticed; pg_checksums --enable
                note constraints: constraint note_is_short of sales.orders was never validated: old rows may break it; ALTER TABLE sales.orders VALIDATE CONSTRAINT note_is_short
            "#]],
        );
    }

    #[test]
    fn every_check_runs_on_every_version() {
        for version in Version::ALL {
            let Some(shop) = Shop::start(version) else { continue };
            shop.run(
                "CREATE INDEX orders_again_idx ON sales.orders (customer_id);
                SELECT setval('hr.employees_id_seq', 2000000000);
                CREATE TABLE public.worn AS SELECT n FROM generate_series(1, 50000) n;
                ALTER TABLE public.worn SET (autovacuum_enabled = off);
                CREATE INDEX worn_idx ON public.worn (n);
                DELETE FROM public.worn WHERE n % 2 = 0;
                ANALYZE public.worn;
                SELECT pg_create_physical_replication_slot('forgotten', true)",
            );
            let text = seen(&shop.client("").call("health", json!({})));
            for finding in [
                "bad sequences: sequence hr.employees_id_seq has used 93 % of its values;",
                "warning indexes: index sales.orders_again_idx is the same as orders_customer_id_idx; \
                    DROP INDEX CONCURRENTLY sales.orders_again_idx\n",
                "note indexes: index public.worn_idx (1 MB) was never used",
                "note foreign_keys: the foreign key of sales.refunds (order_id, \"position\") has no index",
                "note constraints: constraint note_is_short of sales.orders",
                "bad settings: fsync is off",
                "warning replication: replication slot forgotten is not in use",
            ] {
                assert!(text.contains(finding), "{finding} in {text}");
            }
            // Worst first.
            let bad = text.rfind("\nbad ").unwrap();
            assert!(bad < text.find("\nwarning ").unwrap(), "{text}");
        }
    }

    #[test]
    fn who_waits_for_whom() {
        let Some(shop) = shop() else { return };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let url = shop.cluster.url("app");
        let (first, waiting) = runtime.block_on(async {
            let connect = async || {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
                tokio::spawn(connection);
                client
            };
            let (first, second, watch) = (connect().await, connect().await, connect().await);
            first.batch_execute("BEGIN; LOCK TABLE sales.orders").await.unwrap();
            let waiting =
                tokio::spawn(async move { second.batch_execute("TABLE sales.orders").await });
            let waits = "SELECT FROM pg_locks WHERE NOT granted";
            while watch.query(waits, &[]).await.unwrap().is_empty() {}
            (first, waiting)
        });
        let call =
            |config: &str| seen(&shop.client(config).call("health", json!({"checks": ["locks"]})));
        let text = call("");
        assert!(text.contains("AccessShareLock on sales.orders, behind"), "{text}");
        assert!(text.contains("is at the head of the queue"), "{text}");
        let hidden = "[policy.resources]\nallow = [\"app.public.customers\"]";
        assert_eq!(call(hidden), "[0 findings in 1 check]\n");
        runtime.block_on(async {
            first.batch_execute("ROLLBACK").await.unwrap();
            waiting.await.unwrap().unwrap();
        });
    }

    #[test]
    fn what_the_policy_hides_is_not_found() {
        let Some(shop) = shop() else { return };
        shop.run(
            "SELECT setval('hr.employees_id_seq', 2000000000);
            CREATE INDEX hidden_idx ON hr.employees (customer_id);
            CREATE INDEX hidden_too_idx ON hr.employees (customer_id);
            CREATE INDEX hash_idx ON public.customers (password_hash);
            CREATE INDEX hash_too_idx ON public.customers (password_hash)",
        );
        let call = r#"health {"checks": ["foreign_keys", "constraints", "indexes", "sequences", "vacuum", "bloat"]}"#;
        shop.check_as("postgres", POLICY, call, &expect![[r#"
            [2 findings in 6 checks]
            note foreign_keys: the foreign key of sales.visits (customer_id) has no index: deletes where it points read all of it; CREATE INDEX CONCURRENTLY ON sales.visits (customer_id)
            note constraints: constraint note_is_short of sales.orders was never validated: old rows may break it; ALTER TABLE sales.orders VALIDATE CONSTRAINT note_is_short
        "#]]);
    }
}

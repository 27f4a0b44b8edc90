//! A real cluster with the schema of `testdata/schema.sql`, and statements guarded as the server
//! guards them. Only for tests.

use std::fmt;

use lockkeeper_testkit::postgres::{Cluster, Version};
use tokio::runtime::Runtime;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{
    FACTS, FACTS_SETTINGS, Facts, LOCKED, Policy, Refusal, Scope, Standing, Statement, Verdict,
    judge,
};

/// The search path of all statements, as the server fixes it.
const PATH: &str = "pg_catalog, app, public";

pub(super) struct Scratch {
    pub(super) cluster: Cluster,
    pub(super) runtime: Runtime,
    pub(super) client: Client,
    facts: tokio_postgres::Statement,
    locked: tokio_postgres::Statement,
}

/// No allow-list.
pub(super) struct Everything;

impl Scope for Everything {
    fn is_limited(&self) -> bool {
        false
    }

    fn denies(&self, _: &str, _: &str) -> bool {
        false
    }

    fn standing(&self, _: &str, _: &str) -> Standing {
        Standing::Open
    }
}

/// An allow-list.
pub(super) struct Only(pub(super) &'static [(&'static str, &'static str)]);

impl Scope for Only {
    fn is_limited(&self) -> bool {
        true
    }

    fn denies(&self, _: &str, _: &str) -> bool {
        false
    }

    fn standing(&self, schema: &str, name: &str) -> Standing {
        if self.0.contains(&(schema, name)) { Standing::Listed } else { Standing::Denied }
    }
}

/// The allow-list that the lists of statements are about.
pub(super) const TWO_TABLES: Only = Only(&[("app", "users"), ("app", "orders")]);

/// What became of a statement.
pub(super) enum Outcome {
    Refused(Refusal),
    /// The database does not understand it: nothing ran.
    Unknown(String),
    /// It ran, and failed.
    Failed(String),
    /// It ran, and this is all that came back.
    Ran(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Unknown(error) => write!(f, "unknown: {error}"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Ran(text) => write!(f, "ran: {text}"),
        }
    }
}

impl Scratch {
    pub(super) fn start(version: Version) -> Option<Self> {
        let cluster = Cluster::start_with(version, &[("max_prepared_transactions", "5")])?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = connect(&runtime, &cluster);
        runtime.block_on(client.batch_execute(include_str!("../../testdata/schema.sql"))).unwrap();
        runtime.block_on(client.batch_execute(&format!("set search_path = {PATH}"))).unwrap();
        let (facts, locked) = runtime.block_on(async {
            let types = [Type::TEXT, Type::TEXT_ARRAY];
            (
                client.prepare_typed(FACTS, &types).await.unwrap(),
                client.prepare(LOCKED).await.unwrap(),
            )
        });
        Some(Self { cluster, runtime, client, facts, locked })
    }

    /// What the guard says of a statement.
    pub(super) fn guard(
        &self,
        sql: &str,
        policy: &Policy<'_>,
    ) -> Result<(Statement, Verdict), Refusal> {
        let statement = Statement::parse(sql)?;
        let facts = self.facts(&statement);
        let verdict = judge(&statement, &facts, policy)?;
        Ok((statement, verdict))
    }

    pub(super) fn facts(&self, statement: &Statement) -> Facts {
        let question = Facts::question(statement.uses());
        self.runtime.block_on(async {
            let prelude = format!("begin read only; {FACTS_SETTINGS}");
            self.client.batch_execute(&prelude).await.unwrap();
            let row = self.client.query_one(&self.facts, &[&question, &Facts::EXTENSIONS]).await;
            let row = row.unwrap_or_else(|e| panic!("{question}: {e:?}"));
            self.client.batch_execute("commit").await.unwrap();
            Facts::decode(row.get(0)).unwrap()
        })
    }

    /// Guards a statement and runs it as the server does: in a transaction that only reads and
    /// has a snapshot, by the extended protocol, rolled back whatever happens.
    pub(super) fn run(&self, sql: &str, policy: &Policy<'_>) -> Outcome {
        let (statement, verdict) = match self.guard(sql, policy) {
            Ok(passed) => passed,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        self.runtime.block_on(async {
            let prelude = "begin read only; select set_config('statement_timeout', '5s', true)";
            self.client.batch_execute(prelude).await.unwrap();
            let prepared = self.client.prepare(statement.text()).await;
            let outcome = if let Err(e) = prepared {
                Outcome::Unknown(format!("{e:?}"))
            } else {
                let locked = self.client.query_one(&self.locked, &[]).await.unwrap();
                let locked: Vec<u32> = locked.get(0);
                assert!(
                    verdict.covers(&locked),
                    "{sql}: the guard saw {:?}, PostgreSQL {locked:?}",
                    verdict.relations()
                );
                self.result(&statement).await
            };
            self.client.batch_execute("rollback").await.unwrap();
            outcome
        })
    }

    /// The text of all values, asked for in a way that needs no knowledge of their types. Only
    /// what has parameters is not run but prepared.
    async fn result(&self, statement: &Statement) -> Outcome {
        if statement.uses().parameters > 0 {
            return Outcome::Ran(String::new());
        }
        match self.client.simple_query(statement.text()).await {
            Err(e) => Outcome::Failed(format!("{e:?}")),
            Ok(messages) => {
                let mut text = String::new();
                for message in messages {
                    if let SimpleQueryMessage::Row(row) = message {
                        for i in 0..row.len() {
                            text.push_str(row.get(i).unwrap_or_default());
                            text.push('\t');
                        }
                    }
                }
                Outcome::Ran(text)
            }
        }
    }

    /// What could have been changed, seen by another session.
    pub(super) fn effects(&self) -> String {
        const WATCHED: &str = "\
select concat_ws(' ',
  (select md5(string_agg(u::text, '|' order by id)) from app.users u),
  (select md5(string_agg(s::text, '|' order by user_id)) from app.salaries s),
  (select count(*) from pg_class), (select count(*) from pg_proc), (select count(*) from pg_roles),
  (select count(*) from pg_extension), (select count(*) from pg_largeobject_metadata),
  (select count(*) from pg_locks where locktype = 'advisory'),
  (select count(*) from pg_replication_slots), (select count(*) from pg_prepared_xacts),
  (select count(*) from pg_replication_origin), (select last_value from app.counter),
  (select rolpassword from pg_authid where rolname = 'postgres'),
  (select string_agg(name, ',' order by name) from pg_ls_dir('.') d(name) where name like 'trace%'))";
        let watcher = connect(&self.runtime, &self.cluster);
        let row = self.runtime.block_on(watcher.query_one(WATCHED, &[])).unwrap();
        row.get(0)
    }
}

fn connect(runtime: &Runtime, cluster: &Cluster) -> Client {
    runtime.block_on(async {
        let url = cluster.url("postgres");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        runtime.handle().spawn(connection);
        client
    })
}

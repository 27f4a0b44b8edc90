//! How PostgreSQL would run a statement, or has run it. The statement is one that may run; so is its
//! EXPLAIN, which is written around the text that was judged.

use std::error::Error;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::types::{FromSql, Type};

use super::Database;
use super::checked::Checked;
use super::error::PgError;
use super::plan::Plan;
use super::reading::{Around, Query};
use crate::catalog::names::{Asked, Part};
use crate::catalog::seen::{Named, Seen};
use crate::guard::Kind;
use crate::values::parameter::Parameter;

/// How a statement is explained.
#[derive(Debug, Default)]
pub(crate) struct How {
    pub(crate) params: Vec<Value>,
    /// It is run.
    pub(crate) analyze: bool,
    /// Indexes that the planner is to believe in.
    pub(crate) indexes: Vec<Wished>,
    pub(crate) timeout: Duration,
}

/// An index that doesn't exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wished {
    pub(crate) table: Named,
    pub(crate) columns: Vec<String>,
}

/// What is wrong with an index that somebody wishes for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WishError {
    #[error("`{0}` isn't written as schema.table(column, …)")]
    Form(String),
    #[error("there is no such table, or no such column of it: `{0}`")]
    Unknown(String),
}

/// Where the extension is.
const EXTENSION: &str = "SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_extension e \
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
    WHERE e.extname = $1::pg_catalog.text::pg_catalog.name";

impl Wished {
    /// As DDL.
    pub(crate) fn on(&self) -> String {
        let (schema, name) = &self.table;
        let columns: Vec<String> = self.columns.iter().map(|column| quoted(column)).collect();
        format!("{}.{} ({})", quoted(schema), quoted(name), columns.join(", "))
    }
}

impl Database {
    /// Explains a statement.
    pub(crate) async fn explain(&self, checked: &Checked, how: How) -> Result<Plan, PgError> {
        let options = if how.analyze { "VERBOSE, ANALYZE, BUFFERS" } else { "VERBOSE" };
        let sql = format!("EXPLAIN (FORMAT JSON, {options}) {}", checked.statement.text());
        let around = match how.indexes.as_slice() {
            [] => None,
            indexes => Some(self.believing(indexes).await?),
        };
        let query = Query {
            sql: sql.into(),
            params: Parameter::all(how.params),
            timeout: how.timeout,
            judged: checked.unproven(),
        };
        let plan = self.plan(query, around).await?;
        checked.proven();
        Ok(plan)
    }

    /// Refuses an EXPLAIN that would name what the policy hides: what a view reads, the conditions of
    /// row-level security, an index on a column. It has no way to leave that out.
    pub(crate) async fn plan_is_told(
        &self,
        checked: &Checked,
        params: Vec<Value>,
        timeout: Duration,
    ) -> Result<(), PgError> {
        let Some((options, query)) = checked.statement.explained() else { return Ok(()) };
        let generic = if options.contains("generic_plan") { ", GENERIC_PLAN" } else { "" };
        let query = Query {
            sql: format!("EXPLAIN (FORMAT JSON, VERBOSE{generic}) {query}").into(),
            params: Parameter::all(params),
            timeout,
            judged: checked.unproven(),
        };
        let plan = self.plan(query, None).await?;
        let seen = self.catalog().see(&plan.relations()).await?;
        if plan.is_told(&seen) { Ok(()) } else { Err(PgError::HiddenPlan) }
    }

    /// Reads the plan that an EXPLAIN of ours gives.
    async fn plan(&self, query: Query, around: Option<Around>) -> Result<Plan, PgError> {
        let mut rows = self.pool.read_within(query, around).await?;
        let row = rows.next().await?.ok_or(PgError::Closed)?;
        let Json(text) = row.try_get(0).map_err(PgError::Driver)?;
        Plan::decode(text).map_err(PgError::Catalog)
    }

    /// The schema of an extension, if the database has it.
    pub(crate) async fn extension(&self, name: &'static str) -> Result<Option<String>, PgError> {
        let rows = self.ask(EXTENSION, vec![Box::new(name)]).await?;
        rows.first().map(|row| row.try_get(0).map_err(PgError::Driver)).transpose()
    }

    /// A session in which the planner believes in indexes.
    async fn believing(&self, indexes: &[Wished]) -> Result<Around, PgError> {
        let missing = PgError::NoExtension { name: "hypopg", preloaded: false };
        let schema = quoted(&self.extension("hypopg").await?.ok_or(missing)?);
        let reset = format!("SELECT {schema}.hypopg_reset()");
        let mut before = format!("{reset};");
        for index in indexes {
            let ddl = literal(&format!("CREATE INDEX ON {}", index.on()));
            before.push_str(&format!(
                "SELECT FROM {schema}.hypopg_create_index({ddl}::pg_catalog.text);"
            ));
        }
        Ok(Around { before, after: reset })
    }

    /// Reads the indexes that somebody wishes for: plain columns of tables that exist for agents.
    pub(crate) async fn wishes(
        &self,
        texts: &[String],
    ) -> Result<Result<Vec<Wished>, WishError>, PgError> {
        let mut wishes = Vec::new();
        for text in texts {
            let Some((asked, columns)) = asked(text) else {
                return Ok(Err(WishError::Form(text.clone())));
            };
            let schemas = match &asked.schema {
                Some(schema) => vec![schema.folded.clone()],
                None => self.search_path.clone(),
            };
            let name = &asked.name.folded;
            let places = schemas.iter().map(|schema| (schema.clone(), name.clone())).collect();
            let seen = self.catalog().see(&places).await?;
            let table = schemas.into_iter().find(|schema| seen.get(schema, name).is_some());
            let Some(schema) = table else { return Ok(Err(WishError::Unknown(text.clone()))) };
            let wished = Wished { table: (schema, name.clone()), columns };
            if !wished.exists(&seen) {
                return Ok(Err(WishError::Unknown(text.clone())));
            }
            wishes.push(wished);
        }
        Ok(Ok(wishes))
    }

    /// Whether a statement can be explained.
    pub(crate) fn is_explainable(checked: &Checked) -> bool {
        checked.statement.kind() == Kind::Query
    }
}

impl Wished {
    /// Whether its table and columns exist for agents.
    pub(crate) fn exists(&self, seen: &Seen) -> bool {
        let Some(table) = seen.get(&self.table.0, &self.table.1) else { return false };
        self.columns.iter().all(|column| table.columns.iter().any(|known| known.name == *column))
    }
}

fn asked(text: &str) -> Option<(Asked, Vec<String>)> {
    let asked = Asked::parse(text).ok()?;
    let inside = asked.arguments.as_deref()?;
    let column = |text: &str| match Asked::parse(text).ok()? {
        Asked { database: None, schema: None, name: Part { folded, .. }, arguments: None } => {
            Some(folded)
        }
        _ => None,
    };
    let columns = inside.split(',').map(column).collect::<Option<Vec<String>>>()?;
    (asked.database.is_none()).then_some((asked, columns))
}

/// A name in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL, whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The text of a value of type `json`.
struct Json<'a>(&'a str);

impl<'a> FromSql<'a> for Json<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(type_: &Type) -> bool {
        *type_ == Type::JSON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_tables_with_columns() {
        let asked = |text| {
            let (asked, columns) = asked(text)?;
            Some(Wished { table: (asked.schema?.folded, asked.name.folded), columns }.on())
        };
        assert_eq!(
            asked("Sales.orders(id, \"A\"\"b\")").unwrap(),
            r#""sales"."orders" ("id", "A""b")"#
        );
        for text in [
            "sales.orders",
            "sales.orders()",
            "sales.orders(lower(note))",
            "sales.orders(id,)",
            "a.b.c.d(id)",
            "other.sales.orders(id)",
            "sales.orders(o.id)",
        ] {
            assert_eq!(asked(text), None, "{text}");
        }
        // Whatever is in a name stays a name.
        assert_eq!(
            asked("a.b(id desc; drop table x)").unwrap(),
            r#""a"."b" ("id desc; drop table x")"#
        );
        assert_eq!(literal(r"a'\'); DROP"), r"E'a\'\\\'); DROP'");
    }
}

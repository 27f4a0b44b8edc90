//! What may be told of the relations that somebody else named: those of a plan, of a statement, of
//! an index that is wished for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use tokio_postgres::Row;

use super::names::qualified;
use super::sql::lineage;
use super::visible::Lineage;
use super::{Catalog, get, json};
use crate::source::error::PgError;

static SEEN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
            ({lineage})::pg_catalog.text, c.reltuples::pg_catalog.float8, c.relkind = 'p',
            (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
                'name', a.attname, 'distinct', s.n_distinct) ORDER BY a.attnum), '[]')
             FROM pg_catalog.pg_attribute a
             LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname
                AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
             WHERE a.attrelid = c.oid AND a.attnum > 0::pg_catalog.int2 AND NOT a.attisdropped
            )::pg_catalog.text,
            (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
                'name', ic.relname, 'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
                    FROM pg_catalog.generate_series(0, i.indnkeyatts::pg_catalog.int4 - 1) k (place)
                    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
                        AND a.attnum = i.indkey[k.place]))), '[]')
             FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
             JOIN pg_catalog.pg_am m ON m.oid = ic.relam AND m.amname = 'btree'
             WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
            )::pg_catalog.text
        FROM pg_catalog.json_array_elements($1::pg_catalog.text::pg_catalog.json) AS asked (pair)
        JOIN pg_catalog.pg_namespace n ON n.nspname = (asked.pair ->> 0)::pg_catalog.name
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
            AND c.relname = (asked.pair ->> 1)::pg_catalog.name",
        lineage = lineage("c", "n")
    )
});

/// A relation by schema and name.
pub(crate) type Named = (String, String);

/// What may be told of some relations.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    relations: BTreeMap<Named, Relation>,
    /// Columns of theirs that don't exist for agents.
    hidden_columns: BTreeSet<String>,
    /// Whether one that was asked for doesn't exist for agents.
    hides: bool,
}

/// One that exists.
#[derive(Debug)]
pub(crate) struct Relation {
    /// The table that this is a partition of.
    pub(crate) root: Named,
    /// As the last ANALYZE counted.
    pub(crate) rows: f64,
    pub(crate) is_partitioned: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Distinct values; negative: the share of rows that have one of their own.
    pub(crate) distinct: Option<f64>,
}

/// A whole b-tree.
#[derive(Debug, Deserialize)]
pub(crate) struct Index {
    pub(crate) name: String,
    /// None is an expression.
    pub(crate) columns: Vec<Option<String>>,
}

impl Seen {
    /// Whether a relation exists for agents.
    pub(crate) fn get(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations.get(&(schema.to_owned(), name.to_owned()))
    }

    /// Whether all that was asked for exists for agents.
    pub(crate) fn is_whole(&self) -> bool {
        !self.hides
    }

    /// Whether a text that PostgreSQL wrote about these relations may be told. What stands in it
    /// may come from views and policies of theirs.
    pub(crate) fn tells(&self, text: &str) -> bool {
        !self.hides && !self.hidden_columns.iter().any(|column| text.contains(column.as_str()))
    }
}

impl Catalog<'_> {
    /// Looks at relations by their exact names.
    pub(crate) async fn see(&self, names: &BTreeSet<Named>) -> Result<Seen, PgError> {
        let mut seen = Seen::default();
        if names.is_empty() {
            return Ok(seen);
        }
        let asked = serde_json::to_string(names).map_err(PgError::Catalog)?;
        let rows = self.ask(&SEEN, vec![Box::new(asked)], row).await?;
        for (name, lineage, mut relation) in rows {
            if !self.visible.relation(&lineage) {
                continue;
            }
            let is_hidden = |column: &Column| !self.visible.column(&lineage, &column.name);
            let hidden = relation.columns.extract_if(.., |column| is_hidden(column));
            seen.hidden_columns.extend(hidden.map(|column| column.name));
            let known: BTreeSet<String> =
                relation.columns.iter().map(|column| column.name.clone()).collect();
            relation.indexes.retain(|index| {
                index.columns.iter().flatten().all(|column| known.contains(column))
            });
            seen.relations.insert(name, relation);
        }
        seen.hides = self.visible.restricts() && seen.relations.len() < names.len();
        Ok(seen)
    }

    /// Whether what a finding is about exists for agents: tables by lineage, columns of the first of
    /// them, or an object of its own.
    pub(crate) fn exists(
        &self,
        lineages: &[Lineage],
        columns: &[String],
        object: Option<(&str, &str)>,
    ) -> bool {
        if !self.visible.restricts() {
            return true;
        }
        let known = |lineage: &Lineage| columns.iter().all(|c| self.visible.column(lineage, c));
        lineages.iter().all(|lineage| self.visible.relation(lineage))
            && lineages.first().is_none_or(known)
            && (!lineages.is_empty() || object.is_none_or(|(s, n)| self.visible.object(s, n)))
    }

    /// Whether anything may be hidden.
    pub(crate) fn restricts(&self) -> bool {
        self.visible.restricts()
    }
}

fn row(row: &Row) -> Result<(Named, Lineage, Relation), PgError> {
    let name: Named = (get(row, 0)?, get(row, 1)?);
    let lineage: Lineage = json(row, 2)?;
    let root = lineage.0.last().cloned().unwrap_or_else(|| name.clone());
    let relation = Relation {
        root,
        rows: get::<f64>(row, 3)?.max(0.0),
        is_partitioned: get(row, 4)?,
        columns: json(row, 5)?,
        indexes: json(row, 6)?,
    };
    Ok((name, lineage, relation))
}

/// A relation as it is shown.
pub(crate) fn shown(name: &Named) -> String {
    super::render::line(&qualified(&name.0, &name.1))
}

//! Which objects a name means: along the search path, or wherever it is if nothing else has it.

use tokio_postgres::Row;

use super::names::{Asked, Part, qualified};
use super::visible::Lineage;
use super::{Catalog, Parameter, get, json};
use crate::source::error::PgError;

/// Where an object's description is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Relation,
    Function,
    Type,
    Extension,
}

/// An object that has a name that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) class: Class,
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Of a function.
    arguments: Option<String>,
    /// Its schema's place on the search path.
    place: Option<i32>,
}

/// What a name means.
#[derive(Debug)]
pub(crate) enum Meaning {
    Objects(Vec<Found>),
    /// It is in several schemas, none of which is on the search path: their names.
    Ambiguous(Vec<String>),
    Nothing,
}

impl Catalog<'_> {
    /// Looks all these names up at once.
    pub(crate) async fn resolve(&self, asked: &[Asked]) -> Result<Vec<Meaning>, PgError> {
        let spellings = |part: &Part| [part.folded.clone(), part.written.clone()];
        let names: Vec<String> = asked.iter().flat_map(|asked| spellings(&asked.name)).collect();
        let schemas = asked.iter().filter_map(|asked| asked.schema.as_ref());
        let schemas: Vec<String> = schemas.flat_map(spellings).collect();
        let params: Vec<Parameter> = vec![Box::new(names), Box::new(schemas)];
        let found = self.ask(NAMED, params, named).await?;
        let visible = found.into_iter().filter(|(found, lineage)| match found.class {
            Class::Relation => self.visible.relation(lineage),
            _ => self.visible.object(&found.schema, &found.name),
        });
        let found: Vec<Found> = visible.map(|(found, _)| found).collect();
        Ok(asked.iter().map(|asked| self.meaning(asked, &found)).collect())
    }

    fn meaning(&self, asked: &Asked, found: &[Found]) -> Meaning {
        let database = asked.database.as_ref();
        if database.is_some_and(|database| !database.may_be(self.visible.database)) {
            return Meaning::Nothing;
        }
        // As PostgreSQL reads it, or else as those meant it who forget quotes.
        let exact = candidates(found, asked, Part::is);
        let candidates =
            if exact.is_empty() { candidates(found, asked, Part::may_be) } else { exact };
        if asked.schema.is_some() {
            return objects(candidates);
        }
        let first = candidates.iter().filter_map(|found| found.place).min();
        if first.is_some() {
            return objects(candidates.into_iter().filter(|found| found.place == first).collect());
        }
        let mut places: Vec<String> =
            candidates.iter().map(|found| qualified(&found.schema, &found.name)).collect();
        places.sort();
        places.dedup();
        if places.len() > 1 { Meaning::Ambiguous(places) } else { objects(candidates) }
    }
}

fn objects(found: Vec<&Found>) -> Meaning {
    if found.is_empty() {
        return Meaning::Nothing;
    }
    Meaning::Objects(found.into_iter().cloned().collect())
}

fn candidates<'f>(
    found: &'f [Found],
    asked: &Asked,
    is: impl Fn(&Part, &str) -> bool,
) -> Vec<&'f Found> {
    let fits = |found: &&Found| {
        is(&asked.name, &found.name)
            && asked.schema.as_ref().is_none_or(|schema| is(schema, &found.schema))
            && match (&asked.arguments, &found.arguments) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(asked), Some(found)) => same_arguments(asked, found),
            }
    };
    found.iter().filter(fits).collect()
}

/// Whether arguments as somebody wrote them are those of a function: by types, with or without
/// names and spaces.
fn same_arguments(asked: &str, found: &str) -> bool {
    let bare = |text: &str| text.to_ascii_lowercase().split_whitespace().collect::<String>();
    let (asked, found): (Vec<&str>, Vec<&str>) =
        (asked.split(',').collect(), found.split(',').collect());
    asked.len() == found.len()
        && asked.iter().zip(found).all(|(asked, found)| {
            let (asked, found) = (bare(asked), bare(found));
            asked == found || (!asked.is_empty() && found.ends_with(&asked))
        })
}

/// `$1`: names; `$2`: schemas that matter most. Types that only are rows of a table are that table.
const NAMED: &str = "
    SELECT o.class, o.oid, n.nspname, o.name, o.arguments, p.place, o.lineage
    FROM (
        SELECT 'r'::pg_catalog.\"char\" AS class, c.oid, c.relnamespace AS schema,
            c.relname AS name, NULL::pg_catalog.text AS arguments, CASE WHEN c.relispartition THEN (
                SELECT pg_catalog.json_agg(
                    pg_catalog.json_build_array(an.nspname, a.relname) ORDER BY chain.place)
                FROM pg_catalog.pg_partition_ancestors(c.oid::pg_catalog.regclass)
                    WITH ORDINALITY AS chain (relid, place)
                JOIN pg_catalog.pg_class a ON a.oid = chain.relid::pg_catalog.oid
                JOIN pg_catalog.pg_namespace an ON an.oid = a.relnamespace
            )::pg_catalog.text END AS lineage
        FROM pg_catalog.pg_class c
        WHERE c.relname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT 'f', p.oid, p.pronamespace, p.proname,
            pg_catalog.pg_get_function_identity_arguments(p.oid), NULL
        FROM pg_catalog.pg_proc p WHERE p.proname = ANY ($1)
            -- What makes values of a range is described with it.
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid
                AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
                AND d.deptype = 'i')
        UNION ALL
        SELECT 't', t.oid, t.typnamespace, t.typname, NULL, NULL
        FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
        WHERE t.typname = ANY ($1) AND (t.typrelid = 0::pg_catalog.oid OR c.relkind = 'c')
        UNION ALL
        SELECT 'e', e.oid, e.extnamespace, e.extname, NULL, NULL
        FROM pg_catalog.pg_extension e WHERE e.extname = ANY ($1)
    ) o
    JOIN pg_catalog.pg_namespace n ON n.oid = o.schema
    LEFT JOIN LATERAL (
        SELECT path.place::pg_catalog.int4
        FROM pg_catalog.unnest(pg_catalog.current_schemas(true))
            WITH ORDINALITY AS path (nspname, place)
        WHERE path.nspname = n.nspname
    ) p ON true
    ORDER BY n.nspname = ANY ($2) DESC, p.place NULLS LAST, n.nspname, o.class, o.oid
    LIMIT 2000";

fn named(row: &Row) -> Result<(Found, Lineage), PgError> {
    let class = match get::<i8>(row, 0)?.cast_unsigned() {
        b'r' => Class::Relation,
        b'f' => Class::Function,
        b't' => Class::Type,
        _ => Class::Extension,
    };
    let found = Found {
        class,
        oid: get(row, 1)?,
        schema: get(row, 2)?,
        name: get(row, 3)?,
        arguments: get(row, 4)?,
        place: get(row, 5)?,
    };
    let lineage = match get::<Option<&str>>(row, 6)? {
        Some(_) => json(row, 6)?,
        None => Lineage::of(found.schema.clone(), found.name.clone()),
    };
    Ok((found, lineage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_the_same_by_their_types() {
        for (asked, found, same) in [
            ("text", "name text", true),
            ("name text", "name text", true),
            ("TEXT , text", "name text, locale text", true),
            ("text", "name text, locale text", false),
            ("", "", true),
            ("", "name text", false),
            ("int", "name text", false),
            ("double precision", "x double precision", true),
        ] {
            assert_eq!(same_arguments(asked, found), same, "{asked} / {found}");
        }
    }
}

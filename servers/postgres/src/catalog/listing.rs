//! What there is: objects of a database, one line each, in an order that doesn't change.

use std::collections::HashMap;
use std::sync::LazyLock;

use lockkeeper_core::{NamePattern, Separator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::sql::mentions_of;
use super::visible::{Lineage, Mention};
use super::{Catalog, get, optional_json};
use crate::source::error::PgError;

// A kind of object, in the order in which a schema lists them. No doc comment: the schema of each
// tool that takes one would repeat it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ObjectKind {
    Table,
    View,
    MaterializedView,
    ForeignTable,
    Sequence,
    Function,
    Type,
    Extension,
}

impl ObjectKind {
    /// What hasn't been asked for otherwise.
    pub(crate) const RELATIONS: [Self; 4] =
        [Self::Table, Self::View, Self::MaterializedView, Self::ForeignTable];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized_view",
            Self::ForeignTable => "foreign_table",
            Self::Sequence => "sequence",
            Self::Function => "function",
            Self::Type => "type",
            Self::Extension => "extension",
        }
    }

    /// By `pg_class.relkind`.
    pub(super) fn of_relation(relkind: u8) -> Self {
        match relkind {
            b'v' => Self::View,
            b'm' => Self::MaterializedView,
            b'f' => Self::ForeignTable,
            b'S' => Self::Sequence,
            _ => Self::Table,
        }
    }
}

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) kind: ObjectKind,
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// After the name: a function's arguments and result, a type's definition, a version.
    pub(crate) detail: Option<String>,
    /// As of the last time that anybody counted.
    pub(crate) rows: Option<u64>,
    /// The same, with indexes and what is stored beside the table.
    pub(crate) bytes: Option<u64>,
    pub(crate) partitions: u64,
    /// Whether the role that the server is may read any of it.
    pub(crate) readable: bool,
    pub(crate) comment: Option<String>,
}

/// Which objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Schemas of the system are listed only if they are named.
    pub(crate) schema: Option<String>,
    pub(crate) kinds: Vec<ObjectKind>,
    pub(crate) pattern: Option<Pattern>,
}

/// A glob over names, or over schemas and names if it has a dot; in any case of letters.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    glob: NamePattern,
    with_schema: bool,
}

impl Pattern {
    /// A word that is no glob stands for all names that it is part of.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let is_glob = text.contains(['*', '?', '[', '{', '\\']);
        let text = text.to_lowercase();
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text.as_str()),
        };
        let name = if is_glob { name.to_owned() } else { format!("*{name}*") };
        let text = schema.map_or_else(|| name.clone(), |schema| format!("{schema}.{name}"));
        let glob = NamePattern::new(&text, Separator('.'))?;
        Ok(Self { glob, with_schema: schema.is_some() })
    }

    fn matches(&self, object: &Object) -> bool {
        let (schema, name) = (object.schema.to_lowercase(), object.name.to_lowercase());
        if self.with_schema {
            self.glob.covers(&[&schema, &name])
        } else {
            self.glob.covers(&[&name])
        }
    }
}

impl Catalog<'_> {
    /// Objects that the policy shows and the listing asks for, by schema, kind and name.
    pub(crate) async fn list(&self, listing: &Listing) -> Result<Vec<Object>, PgError> {
        let asked = |kind| listing.kinds.contains(&kind);
        let mut objects = Vec::new();
        let in_class = ObjectKind::RELATIONS.into_iter().chain([ObjectKind::Sequence]);
        if in_class.into_iter().any(asked) {
            let sequences = asked(ObjectKind::Sequence);
            let params: Vec<super::Parameter> =
                vec![Box::new(listing.schema.clone()), Box::new(sequences)];
            let relations = self.ask(RELATIONS, params, relation).await?;
            objects.extend(self.fold(relations));
        }
        let classes =
            [(ObjectKind::Function, b'f'), (ObjectKind::Type, b't'), (ObjectKind::Extension, b'e')];
        let classes = classes.into_iter().filter(|(kind, _)| asked(*kind));
        let classes: Vec<i8> = classes.map(|(_, class)| class.cast_signed()).collect();
        if !classes.is_empty() {
            let params: Vec<super::Parameter> = vec![
                Box::new(listing.schema.clone()),
                Box::new(self.visible.restricts()),
                Box::new(classes),
            ];
            let others = self.ask(&OTHERS, params, other).await?;
            let visible = others
                .into_iter()
                .filter(|(object, _)| self.visible.object(&object.schema, &object.name));
            objects.extend(visible.map(|(mut object, mentions)| {
                if !self.visible.all(&mentions, &object.schema) {
                    object.detail = Some("(with hidden types)".to_owned());
                }
                object
            }));
        }
        objects.retain(|object| {
            asked(object.kind)
                && listing.schema.as_ref().is_none_or(|schema| *schema == object.schema)
                && listing.pattern.as_ref().is_none_or(|pattern| pattern.matches(object))
        });
        objects.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(objects)
    }

    /// Leaves out what the policy hides, and counts partitions as part of what they are parts of.
    fn fold(&self, relations: Vec<Relation>) -> Vec<Object> {
        let places: HashMap<u32, usize> =
            relations.iter().enumerate().map(|(at, relation)| (relation.object.oid, at)).collect();
        let parent = |at: usize| {
            let above = relations.get(at)?.parent?;
            places.get(&above).copied()
        };
        let mut sums: HashMap<usize, Sum> = HashMap::new();
        let mut shown = vec![false; relations.len()];
        for (at, relation) in relations.iter().enumerate() {
            let chain: Vec<usize> = std::iter::successors(Some(at), |at| parent(*at)).collect();
            if self.visible.restricts() {
                let names = chain.iter().filter_map(|at| relations.get(*at));
                let names = names.map(|relation| &relation.object);
                let lineage =
                    Lineage(names.map(|at| (at.schema.clone(), at.name.clone())).collect());
                let visible = match relation.object.kind {
                    ObjectKind::Sequence => {
                        self.visible.object(&relation.object.schema, &relation.object.name)
                    }
                    _ => self.visible.relation(&lineage),
                };
                if !visible {
                    continue;
                }
            }
            if let [_, .., root] = *chain.as_slice() {
                // Only what holds rows; what lies between holds none.
                if !relation.is_partitioned {
                    sums.entry(root).or_default().add(&relation.object);
                }
            } else if let Some(shown) = shown.get_mut(at) {
                *shown = true;
            }
        }
        let with_sums = relations.into_iter().enumerate().map(|(at, relation)| {
            let mut object = relation.object;
            if relation.is_partitioned {
                let sum = sums.remove(&at).unwrap_or_default();
                (object.partitions, object.rows, object.bytes) =
                    (sum.partitions, sum.rows, sum.bytes);
            }
            object
        });
        with_sums.zip(shown).filter_map(|(object, shown)| shown.then_some(object)).collect()
    }
}

impl Object {
    fn key(&self) -> (&str, ObjectKind, &str, Option<&str>, u32) {
        (&self.schema, self.kind, &self.name, self.detail.as_deref(), self.oid)
    }

    /// A number that no other object of the database has: object identifiers are unique in one
    /// table of the catalogue.
    fn number(&self) -> u64 {
        let class = match self.kind {
            ObjectKind::Function => 1,
            ObjectKind::Type => 2,
            ObjectKind::Extension => 3,
            _ => 0,
        };
        u64::from(self.oid) << 2 | class
    }
}

/// Where a listing stands after its first `shown` objects: how many they are, and the last three of
/// them. A listing that goes on looks for these, as others may have been made or dropped since.
pub(crate) fn position(objects: &[Object], shown: usize) -> Vec<u64> {
    let last = objects.iter().take(shown).rev().take(3).map(Object::number);
    [shown as u64].into_iter().chain(last).collect()
}

/// How many objects come before those that [`position`] has not shown yet.
pub(crate) fn resume(objects: &[Object], position: &[u64]) -> usize {
    let Some((shown, last)) = position.split_first() else { return 0 };
    let find = |number: &u64| objects.iter().position(|object| object.number() == *number);
    match last.iter().find_map(find) {
        Some(at) => at + 1,
        None => usize::try_from(*shown).unwrap_or(usize::MAX).saturating_sub(last.len()),
    }
}

/// What the partitions of a table add up to.
#[derive(Default)]
struct Sum {
    partitions: u64,
    rows: Option<u64>,
    bytes: Option<u64>,
}

impl Sum {
    fn add(&mut self, partition: &Object) {
        let plus = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0) + more);
            }
        };
        self.partitions += 1;
        plus(&mut self.rows, partition.rows);
        plus(&mut self.bytes, partition.bytes);
    }
}

struct Relation {
    object: Object,
    parent: Option<u32>,
    is_partitioned: bool,
}

fn relation(row: &Row) -> Result<Relation, PgError> {
    let relkind = get::<i8>(row, 3)?.cast_unsigned();
    let count = |index| Ok::<_, PgError>(get::<Option<i64>>(row, index)?.map(i64::cast_unsigned));
    let object = Object {
        kind: ObjectKind::of_relation(relkind),
        oid: get(row, 0)?,
        schema: get(row, 1)?,
        name: get(row, 2)?,
        detail: None,
        rows: count(5)?,
        bytes: count(6)?,
        partitions: 0,
        readable: get(row, 7)?,
        comment: get(row, 8)?,
    };
    Ok(Relation { object, parent: get(row, 4)?, is_partitioned: relkind == b'p' })
}

fn other(row: &Row) -> Result<(Object, Vec<Mention>), PgError> {
    let kind = match get::<i8>(row, 0)?.cast_unsigned() {
        b'f' => ObjectKind::Function,
        b't' => ObjectKind::Type,
        _ => ObjectKind::Extension,
    };
    let object = Object {
        kind,
        oid: get(row, 1)?,
        schema: get(row, 2)?,
        name: get(row, 3)?,
        detail: get(row, 4)?,
        rows: None,
        bytes: None,
        partitions: 0,
        readable: get(row, 5)?,
        comment: get(row, 6)?,
    };
    Ok((object, optional_json(row, 7)?.unwrap_or_default()))
}

/// Relations with their estimates. Nothing here locks anything or looks at a file.
/// `$1`: a schema of the system, if one is asked for; `$2`: sequences too.
const RELATIONS: &str = "
    WITH indexes AS (
        SELECT i.indrelid, pg_catalog.sum(x.relpages::pg_catalog.int8) AS pages
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        GROUP BY i.indrelid
    ), schemas AS (
        SELECT n.oid, n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable
        FROM pg_catalog.pg_namespace n
        WHERE n.nspname = $1 OR
            (pg_catalog.left(n.nspname::pg_catalog.text, 3) <> 'pg_'
            AND n.nspname <> 'information_schema')
    )
    SELECT c.oid, n.nspname, c.relname, c.relkind,
        CASE WHEN c.relispartition THEN h.inhparent END,
        -- What vacuum and analyze counted, or else the statistics. Before 14, zero means that
        -- nobody has.
        CASE WHEN c.relkind IN ('r', 'm', 'f') THEN COALESCE(
            CASE WHEN c.reltuples > 0::pg_catalog.float4 OR (c.reltuples = 0::pg_catalog.float4
                AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 140000)
            THEN c.reltuples::pg_catalog.int8 END,
            NULLIF(pg_catalog.pg_stat_get_live_tuples(c.oid), 0::pg_catalog.int8)) END,
        NULLIF((c.relpages::pg_catalog.int8 + COALESCE(t.relpages::pg_catalog.int8, 0::pg_catalog.int8)
            + COALESCE(i.pages, 0::pg_catalog.numeric)::pg_catalog.int8)
            * pg_catalog.current_setting('block_size')::pg_catalog.int8, 0::pg_catalog.int8),
        n.usable AND CASE c.relkind
            WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
            ELSE pg_catalog.has_any_column_privilege(c.oid, 'SELECT') END,
        d.description
    FROM pg_catalog.pg_class c
    JOIN schemas n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_inherits h ON c.relispartition AND h.inhrelid = c.oid
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
    LEFT JOIN indexes i ON i.indrelid = c.oid
    LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0
        AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') OR (c.relkind = 'S' AND $2)";

/// Functions, types and extensions. What belongs to an extension is listed as that.
/// `$1`: a schema of the system, if one is asked for; `$2`: what they mention; `$3`: which of `f`, `t`, `e`.
static OTHERS: LazyLock<String> = LazyLock::new(|| {
    let function = mentions_of("pg_proc", "p0.oid");
    let type_ = mentions_of("pg_type", "ty.oid");
    format!("
    WITH schemas AS (
        SELECT n.oid, n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable
        FROM pg_catalog.pg_namespace n
        WHERE n.nspname = $1 OR
            (pg_catalog.left(n.nspname::pg_catalog.text, 3) <> 'pg_'
            AND n.nspname <> 'information_schema')
    ), members AS (
        SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype IN ('e', 'i')
    )
    SELECT 'f'::pg_catalog.\"char\", p0.oid, n.nspname, p0.proname,
        '(' || pg_catalog.pg_get_function_identity_arguments(p0.oid) || ')' ||
            COALESCE(' -> ' || pg_catalog.pg_get_function_result(p0.oid), '') ||
            CASE p0.prokind WHEN 'p' THEN ' procedure' WHEN 'a' THEN ' aggregate'
                WHEN 'w' THEN ' window' ELSE '' END ||
            CASE WHEN p0.prosecdef THEN ' SECURITY DEFINER' ELSE '' END,
        n.usable AND pg_catalog.has_function_privilege(p0.oid, 'EXECUTE'), d.description,
        {function}::pg_catalog.text
    FROM pg_catalog.pg_proc p0
    JOIN schemas n ON n.oid = p0.pronamespace
    LEFT JOIN pg_catalog.pg_description d ON d.objoid = p0.oid AND d.objsubid = 0
        AND d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
    WHERE 'f' = ANY ($3::pg_catalog.\"char\"[])
        AND NOT EXISTS (SELECT FROM members m WHERE m.objid = p0.oid AND m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid)
    UNION ALL
    SELECT 't', ty.oid, n.nspname, ty.typname,
        CASE ty.typtype
        WHEN 'e' THEN 'enum (' || (
            SELECT pg_catalog.string_agg(e.enumlabel::pg_catalog.text, ', ' ORDER BY e.enumsortorder)
            FROM pg_catalog.pg_enum e WHERE e.enumtypid = ty.oid) || ')'
        WHEN 'd' THEN 'domain over ' || pg_catalog.format_type(ty.typbasetype, ty.typtypmod)
        WHEN 'c' THEN 'composite'
        WHEN 'r' THEN 'range of ' || (
            SELECT pg_catalog.format_type(r.rngsubtype, NULL)
            FROM pg_catalog.pg_range r WHERE r.rngtypid = ty.oid)
        ELSE 'base type' END,
        n.usable AND pg_catalog.has_type_privilege(ty.oid, 'USAGE'), d.description,
        {type_}::pg_catalog.text
    FROM pg_catalog.pg_type ty
    JOIN schemas n ON n.oid = ty.typnamespace
    LEFT JOIN pg_catalog.pg_class c ON c.oid = ty.typrelid
    LEFT JOIN pg_catalog.pg_description d ON d.objoid = ty.oid AND d.objsubid = 0
        AND d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
    WHERE 't' = ANY ($3::pg_catalog.\"char\"[]) AND (ty.typtype IN ('e', 'd', 'r') OR c.relkind = 'c' OR
            (ty.typtype = 'b' AND ty.typelem = 0::pg_catalog.oid))
        AND NOT EXISTS (SELECT FROM members m WHERE m.objid = ty.oid
            AND m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid)
    UNION ALL
    SELECT 'e', e.oid, n.nspname, e.extname, e.extversion, n.usable, d.description, NULL
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace x ON x.oid = e.extnamespace
    JOIN LATERAL (SELECT x.nspname, true AS usable) n ON true
    LEFT JOIN pg_catalog.pg_description d ON d.objoid = e.oid AND d.objsubid = 0
        AND d.classoid = 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
    WHERE 'e' = ANY ($3::pg_catalog.\"char\"[])")
});

//! What is wrong with a database, and what to do about it. Statistics and catalogues only; what the
//! policy hides is neither named nor counted.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::Database;
use super::error::PgError;
use crate::catalog::render;
use crate::catalog::seen::shown;
use crate::catalog::sql::lineage;
use crate::catalog::visible::Lineage;

/// What is looked at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    Connections,
    Transactions,
    Locks,
    Vacuum,
    Bloat,
    Indexes,
    ForeignKeys,
    Sequences,
    Replication,
    Cache,
    Settings,
    Constraints,
}

impl Check {
    pub(crate) const ALL: [Self; 12] = [
        Self::Connections,
        Self::Transactions,
        Self::Locks,
        Self::Vacuum,
        Self::Bloat,
        Self::Indexes,
        Self::ForeignKeys,
        Self::Sequences,
        Self::Replication,
        Self::Cache,
        Self::Settings,
        Self::Constraints,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Transactions => "transactions",
            Self::Locks => "locks",
            Self::Vacuum => "vacuum",
            Self::Bloat => "bloat",
            Self::Indexes => "indexes",
            Self::ForeignKeys => "foreign_keys",
            Self::Sequences => "sequences",
            Self::Replication => "replication",
            Self::Cache => "cache",
            Self::Settings => "settings",
            Self::Constraints => "constraints",
        }
    }

    /// What it asks of objects, if that is more than of the server as a whole.
    fn of_objects(self) -> Option<&'static str> {
        Some(match self {
            Self::Locks => &LOCKS,
            Self::Vacuum => &VACUUM,
            Self::Bloat => &BLOAT,
            Self::Indexes => &INDEXES,
            Self::ForeignKeys => &FOREIGN_KEYS,
            Self::Sequences => &SEQUENCES,
            Self::Constraints => &CONSTRAINTS,
            _ => return None,
        })
    }
}

/// How bad it is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Bad,
    Warning,
    Note,
}

impl Severity {
    fn of(number: i32) -> Self {
        match number {
            3.. => Self::Bad,
            2 => Self::Warning,
            _ => Self::Note,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) check: Check,
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

/// Of the server as a whole.
const SERVER: &str = include_str!("health/server.sql");

impl Database {
    /// Runs checks; worst first.
    pub(crate) async fn health(&self, checks: &BTreeSet<Check>) -> Result<Vec<Finding>, PgError> {
        let mut findings = Vec::new();
        // Vacuum asks both ways.
        if checks.iter().any(|check| check.of_objects().is_none() || *check == Check::Vacuum) {
            for row in self.ask(SERVER, Vec::new()).await? {
                let finding = of_server(&row).map_err(PgError::Driver)?;
                findings.extend(finding.filter(|finding| checks.contains(&finding.check)));
            }
        }
        for check in checks {
            let Some(sql) = check.of_objects() else { continue };
            for row in self.ask(sql, Vec::new()).await? {
                findings.extend(self.of_object(*check, &row)?);
            }
        }
        findings.sort();
        Ok(findings)
    }

    /// A finding about objects, if all of them exist for agents.
    fn of_object(&self, check: Check, row: &Row) -> Result<Option<Finding>, PgError> {
        let text = |n: usize| row.try_get::<_, Option<&str>>(n).map_err(PgError::Driver);
        let lineages: Vec<Option<Lineage>> =
            serde_json::from_str(text(1)?.unwrap_or("[]")).map_err(PgError::Catalog)?;
        let lineages: Vec<Lineage> = lineages.into_iter().flatten().collect();
        let columns: Vec<Option<String>> =
            serde_json::from_str(text(2)?.unwrap_or("[]")).map_err(PgError::Catalog)?;
        let columns: Vec<String> = columns.into_iter().flatten().collect();
        let object = text(3)?.zip(text(4)?);
        if !self.catalog().exists(&lineages, &columns, object) {
            return Ok(None);
        }
        let name = object.map(|(schema, name)| shown(&(schema.to_owned(), name.to_owned())));
        let name = name.unwrap_or_default();
        let filled = |text: Option<&str>| {
            let columns: Vec<String> = columns.iter().map(|column| render::name(column)).collect();
            text.unwrap_or_default().replace("{}", &name).replace("{columns}", &columns.join(", "))
        };
        Ok(Some(Finding {
            severity: Severity::of(row.try_get(0).map_err(PgError::Driver)?),
            check,
            problem: filled(text(5)?),
            remedy: filled(text(6)?),
        }))
    }
}

fn of_server(row: &Row) -> Result<Option<Finding>, tokio_postgres::Error> {
    let name: &str = row.try_get(0)?;
    let Some(check) = Check::ALL.into_iter().find(|check| check.as_str() == name) else {
        return Ok(None);
    };
    Ok(Some(Finding {
        severity: Severity::of(row.try_get(1)?),
        check,
        problem: row.try_get(2)?,
        remedy: row.try_get(3)?,
    }))
}

// Each row: how bad it is (3 to 1), the lineages of the tables it is about, columns of the first of
// them, the object it is about by schema and name, what is wrong, what to do. `{}` stands for the
// object, `{columns}` for the columns.

/// A list of lineages as text.
fn lineages(each: &[(&str, &str)]) -> String {
    let each: Vec<String> = each.iter().map(|(c, n)| format!("({})", lineage(c, n))).collect();
    format!("pg_catalog.json_build_array({})::pg_catalog.text", each.join(", "))
}

static LOCKS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT 3, CASE WHEN c.oid IS NOT NULL THEN {} END, NULL::pg_catalog.text,
            n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
            pg_catalog.format('process %s waits for %s, behind %s', l.pid,
                CASE WHEN c.oid IS NULL THEN pg_catalog.format('a %s lock', l.locktype)
                    ELSE pg_catalog.format('%s on {{}}', l.mode) END,
                pg_catalog.array_to_string(b.pids, ', ')),
            CASE WHEN r.pids IS NULL THEN 'they wait for each other in turn'
                ELSE pg_catalog.format('process %s is at the head of the queue: end its transaction, '
                    'or SELECT pg_terminate_backend(pid)', pg_catalog.array_to_string(r.pids, ', '))
                END
        FROM (SELECT DISTINCT ON (w.pid) w.pid, w.locktype, w.mode, w.relation, w.database
            FROM pg_catalog.pg_locks w WHERE NOT w.granted ORDER BY w.pid) l
        CROSS JOIN LATERAL pg_catalog.pg_blocking_pids(l.pid) b (pids)
        -- Those whom nobody holds up.
        CROSS JOIN LATERAL (
            WITH RECURSIVE chain (pid) AS (
                SELECT pg_catalog.unnest(b.pids)
                UNION
                SELECT pg_catalog.unnest(pg_catalog.pg_blocking_pids(chain.pid)) FROM chain)
            SELECT pg_catalog.array_agg(chain.pid) AS pids FROM chain
            WHERE pg_catalog.cardinality(pg_catalog.pg_blocking_pids(chain.pid)) = 0) r
        LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                WHERE d.datname = pg_catalog.current_database())
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
        lineages(&[("c", "n")])
    )
});

static VACUUM: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT CASE WHEN pg_catalog.age(c.relfrozenxid) > 1000000000 THEN 3 ELSE 2 END,
            {lineages}, NULL::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
            pg_catalog.format('{{}} has transaction ids %s old', pg_catalog.age(c.relfrozenxid)),
            'VACUUM (FREEZE) {{}}'
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND pg_catalog.age(c.relfrozenxid) > 50000000
            + pg_catalog.current_setting('autovacuum_freeze_max_age')::pg_catalog.int4
        UNION ALL
        SELECT 1, {lineages}, NULL, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
            '{{}} was never analyzed: plans over it are guesses', 'ANALYZE {{}}'
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND c.relpages >= 0 AND c.reltuples < 0
            AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            AND pg_catalog.pg_relation_size(c.oid::pg_catalog.regclass) > 65536",
        lineages = lineages(&[("c", "n")])
    )
});

static BLOAT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT 2, {lineages}, NULL::pg_catalog.text, n.nspname::pg_catalog.text,
            c.relname::pg_catalog.text,
            pg_catalog.format('{{}} has %s dead rows beside %s live ones', s.n_dead_tup, s.n_live_tup),
            'VACUUM (ANALYZE) {{}}; autovacuum_vacuum_scale_factor makes it come sooner'
        FROM pg_catalog.pg_stat_all_tables s
        JOIN pg_catalog.pg_class c ON c.oid = s.relid AND c.relkind IN ('r', 'm')
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE s.n_dead_tup > 10000 AND s.n_dead_tup * 5 > s.n_live_tup
        UNION ALL
        SELECT 1, {lineages}, NULL, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
            pg_catalog.format('{{}} takes %s MB, its rows about %s MB (estimate)',
                c.relpages / 128, e.pages::pg_catalog.int8 / 128),
            'pg_repack, or VACUUM FULL {{}} when nobody needs it'
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (SELECT c.reltuples::pg_catalog.float8 *
                (28 + pg_catalog.sum((1 - w.null_frac) * w.avg_width)) / 8100 AS pages
            FROM pg_catalog.pg_stats w
            WHERE w.schemaname = n.nspname AND w.tablename = c.relname AND NOT w.inherited) e
        WHERE c.relkind IN ('r', 'm') AND c.reltuples > 0 AND c.relpages > 1280
            AND c.relpages::pg_catalog.float8 > 2 * e.pages",
        lineages = lineages(&[("c", "n")])
    )
});

static INDEXES: LazyLock<String> = LazyLock::new(|| {
    let columns = "(SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND (a.attnum = ANY (i.indkey::pg_catalog.int2[])
            -- Those of its expressions and its condition.
            OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                AND d.objid = i.indexrelid AND d.refobjid = c.oid
                AND d.refobjsubid = a.attnum::pg_catalog.int4)))::pg_catalog.text";
    let from = "FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid AND NOT x.relispartition
        JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
        JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    format!(
        "SELECT 3, {lineages}, {columns}, xn.nspname::pg_catalog.text, x.relname::pg_catalog.text,
            'index {{}} is invalid: it is kept up to date and never read',
            'REINDEX INDEX CONCURRENTLY {{}}, or drop it'
        {from} WHERE NOT i.indisvalid AND x.relkind = 'i'
        UNION ALL
        SELECT 2, {lineages}, {columns}, xn.nspname::pg_catalog.text, x.relname::pg_catalog.text,
            pg_catalog.format('index {{}} is the same as %I', other.relname),
            'DROP INDEX CONCURRENTLY {{}}'
        {from}
        JOIN LATERAL (SELECT ox.relname FROM pg_catalog.pg_index o
            JOIN pg_catalog.pg_class ox ON ox.oid = o.indexrelid AND ox.relam = x.relam
            WHERE o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid AND o.indisvalid
                AND o.indkey::pg_catalog.text = i.indkey::pg_catalog.text
                AND o.indclass::pg_catalog.text = i.indclass::pg_catalog.text
                AND o.indcollation::pg_catalog.text = i.indcollation::pg_catalog.text
                AND o.indoption::pg_catalog.text = i.indoption::pg_catalog.text
                AND o.indnkeyatts = i.indnkeyatts
                AND pg_catalog.pg_get_expr(o.indexprs, o.indrelid) IS NOT DISTINCT FROM
                    pg_catalog.pg_get_expr(i.indexprs, i.indrelid)
                AND pg_catalog.pg_get_expr(o.indpred, o.indrelid) IS NOT DISTINCT FROM
                    pg_catalog.pg_get_expr(i.indpred, i.indrelid)
                -- The one that does less goes; of two equal ones, the younger.
                AND (o.indisunique AND NOT i.indisunique OR o.indisunique = i.indisunique
                    AND NOT i.indisprimary AND (o.indisprimary OR o.indexrelid < i.indexrelid))
            ORDER BY o.indexrelid LIMIT 1) other ON true
        UNION ALL
        SELECT 1, {lineages}, {columns}, xn.nspname::pg_catalog.text, x.relname::pg_catalog.text,
            pg_catalog.format('index {{}} (%s MB) was never used since statistics began%s',
                x.relpages / 128, pg_catalog.to_char(db.stats_reset, '\" on \"YYYY-MM-DD')),
            'if standbys do not use it either: DROP INDEX CONCURRENTLY {{}}'
        {from}
        JOIN pg_catalog.pg_stat_all_indexes s ON s.indexrelid = i.indexrelid AND s.idx_scan = 0
        CROSS JOIN (SELECT pg_catalog.max(d.stats_reset) AS stats_reset
            FROM pg_catalog.pg_stat_database d
            WHERE d.datname = pg_catalog.current_database()) db
        WHERE NOT i.indisunique AND i.indisvalid AND x.relkind = 'i' AND x.relpages >= 128",
        lineages = lineages(&[("c", "n")])
    )
});

static FOREIGN_KEYS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT CASE WHEN c.reltuples > 10000 THEN 2 ELSE 1 END, {},
            (SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
                FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY AS k (number, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid
                    AND a.attnum = k.number)::pg_catalog.text,
            n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
            'the foreign key of {{}} ({{columns}}) has no index: deletes where it points read all of it',
            'CREATE INDEX CONCURRENTLY ON {{}} ({{columns}})'
        FROM pg_catalog.pg_constraint f
        JOIN pg_catalog.pg_class c ON c.oid = f.conrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_class t ON t.oid = f.confrelid
        JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
        WHERE f.contype = 'f' AND f.conparentid = 0::pg_catalog.oid AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_index i
            WHERE i.indrelid = f.conrelid AND i.indisvalid AND i.indpred IS NULL
                -- It counts from 0.
                AND (i.indkey::pg_catalog.int2[])[0:pg_catalog.cardinality(f.conkey) - 1]
                    @> f.conkey)",
        lineages(&[("c", "n"), ("t", "tn")])
    )
});

static SEQUENCES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT CASE WHEN u.share > 0.9 THEN 3 ELSE 2 END,
            CASE WHEN c.oid IS NOT NULL THEN {} END,
            CASE WHEN a.attname IS NOT NULL THEN pg_catalog.json_build_array(a.attname) END
                ::pg_catalog.text,
            s.schemaname::pg_catalog.text, s.sequencename::pg_catalog.text,
            pg_catalog.format('sequence {{}} has used %s %% of its values',
                pg_catalog.floor(100 * u.share)),
            'make the columns and the sequence bigint before it ends'
        FROM pg_catalog.pg_sequences s
        CROSS JOIN LATERAL (SELECT s.last_value::pg_catalog.float8
            / s.max_value::pg_catalog.float8 AS share WHERE s.increment_by > 0) u
        JOIN pg_catalog.pg_namespace sn ON sn.nspname = s.schemaname
        JOIN pg_catalog.pg_class sc ON sc.relnamespace = sn.oid AND sc.relname = s.sequencename
        LEFT JOIN pg_catalog.pg_depend d ON d.objid = sc.oid AND d.deptype IN ('a', 'i')
            AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
        LEFT JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
            AND a.attnum::pg_catalog.int4 = d.refobjsubid
        WHERE u.share > 0.7 AND NOT s.cycle",
        lineages(&[("c", "n")])
    )
});

static CONSTRAINTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT 1, CASE WHEN t.oid IS NULL THEN {one} ELSE {both} END,
            (SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))::pg_catalog.text,
            n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
            pg_catalog.format('constraint %I of {{}} was never validated: old rows may break it',
                k.conname),
            pg_catalog.format('ALTER TABLE {{}} VALIDATE CONSTRAINT %I', k.conname)
        FROM pg_catalog.pg_constraint k
        JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_catalog.pg_class t ON t.oid = k.confrelid AND k.confrelid <> 0::pg_catalog.oid
        LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
        WHERE NOT k.convalidated AND k.conparentid = 0::pg_catalog.oid",
        one = lineages(&[("c", "n")]),
        both = lineages(&[("c", "n"), ("t", "tn")])
    )
});

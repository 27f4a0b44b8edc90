//! Pieces that several questions share.

/// The lineage of the relation `alias`, whose schema is `namespace`, as JSON: its own schema and
/// name, then those of the partitioned tables above it.
pub(crate) fn lineage(alias: &str, namespace: &str) -> String {
    format!(
        "CASE WHEN {alias}.relispartition THEN (
            SELECT pg_catalog.json_agg(
                pg_catalog.json_build_array(above_n.nspname, above.relname) ORDER BY chain.place)
            FROM pg_catalog.pg_partition_ancestors({alias}.oid::pg_catalog.regclass)
                WITH ORDINALITY AS chain (relid, place)
            JOIN pg_catalog.pg_class above ON above.oid = chain.relid::pg_catalog.oid
            JOIN pg_catalog.pg_namespace above_n ON above_n.oid = above.relnamespace
        ) ELSE pg_catalog.json_build_array(
            pg_catalog.json_build_array({namespace}.nspname, {alias}.relname)
        ) END"
    )
}

/// What objects of a database mention by name, as JSON of [`Mention`](super::visible::Mention)s in
/// the column `mentions`, grouped by `classid` and `objid`, which are the columns of the query
/// `objects`. Built-in objects, and what belongs to extensions, are no secrets.
pub(super) fn mentions(objects: &str) -> String {
    let lineage = lineage("r", "rn");
    format!(
        "SELECT d.classid, d.objid, pg_catalog.json_agg(CASE
            -- Sequences have no lineage.
            WHEN r.relkind <> 'S' THEN pg_catalog.json_build_object('kind', 'relation',
                'lineage', {lineage}, 'column', ra.attname)
            ELSE pg_catalog.json_build_object('kind', 'other',
                'schema', COALESCE(rn.nspname, pn.nspname, tn.nspname),
                'name', COALESCE(r.relname, p.proname, t.typname))
            END) AS mentions
        FROM ({objects}) o
        JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid
        LEFT JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
            AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
        LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        LEFT JOIN pg_catalog.pg_type dt ON dt.oid = d.refobjid
            AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
        -- An array is named after what it holds.
        LEFT JOIN pg_catalog.pg_type t ON t.oid = CASE
            WHEN dt.typcategory = 'A' AND dt.typelem <> 0::pg_catalog.oid THEN dt.typelem
            ELSE dt.oid END
        LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
        -- The row of a table is as secret as the table.
        LEFT JOIN pg_catalog.pg_class r ON r.oid = CASE
            WHEN d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                THEN d.refobjid
            WHEN t.typrelid <> 0::pg_catalog.oid THEN t.typrelid END
            AND r.relkind NOT IN ('c', 'i', 'I')
        LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
        LEFT JOIN pg_catalog.pg_attribute ra ON ra.attrelid = r.oid AND ra.attnum = d.refobjsubid
            AND ra.attnum > 0::pg_catalog.int2
        WHERE d.deptype IN ('n', 'a')
            AND (r.oid IS NOT NULL OR p.oid IS NOT NULL OR t.oid IS NOT NULL)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')
        GROUP BY d.classid, d.objid"
    )
}

/// What one object `id` of the catalogue `class` mentions, if `$2` asks for it.
pub(super) fn mentions_of(class: &str, id: &str) -> String {
    let class = format!("'pg_catalog.{class}'::pg_catalog.regclass::pg_catalog.oid");
    let mentions = mentions(&format!("SELECT {class} AS classid, {id} AS objid WHERE $2"));
    format!("(SELECT m.mentions FROM ({mentions}) m)")
}

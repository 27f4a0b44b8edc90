WITH {mentions}incoming AS (
    -- One look at all foreign keys: there is no index by what they lead to.
    SELECT con.confrelid, pg_catalog.json_agg(pg_catalog.json_build_object(
        'lineage', {lineage:source},
        'schema', source_n.nspname,
        'table', source.relname,
        'columns', (
            SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
            FROM pg_catalog.unnest(con.conkey) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.attnum),
        'target_columns', (
            SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
            FROM pg_catalog.unnest(con.confkey) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.attnum)
        ) ORDER BY source_n.nspname, source.relname, con.conname) AS keys
    FROM pg_catalog.pg_constraint con
    JOIN pg_catalog.pg_class source ON source.oid = con.conrelid
    JOIN pg_catalog.pg_namespace source_n ON source_n.oid = source.relnamespace
    -- Partitions repeat the keys of their table.
    WHERE con.contype = 'f' AND con.confrelid = ANY ($1) AND con.conparentid = 0::pg_catalog.oid
    GROUP BY con.confrelid
)
SELECT c.oid, pg_catalog.json_build_object(
    'lineage', {lineage:c},
    'schema', n.nspname,
    'name', c.relname,
    'relkind', c.relkind,
    'persistence', c.relpersistence,
    'owner', pg_catalog.pg_get_userbyid(c.relowner),
    'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
    'rows', CASE WHEN c.relkind IN ('r', 'm', 'f', 'p') THEN COALESCE(
        CASE WHEN c.reltuples > 0::pg_catalog.float4 OR (c.reltuples = 0::pg_catalog.float4
            AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 140000)
        THEN c.reltuples::pg_catalog.int8 END,
        NULLIF(pg_catalog.pg_stat_get_live_tuples(c.oid), 0::pg_catalog.int8)) END,
    'bytes', CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_table_size(c.oid) END,
    'index_bytes', CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_indexes_size(c.oid) END,
    'usable', pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
    'readable', CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
        ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END,
    'columns', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', a.attname,
            'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
            'type_schema', tn.nspname,
            'type_name', t.typname,
            'base', CASE WHEN t.typtype = 'd'
                THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END,
            'labels', (
                SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
                FROM pg_catalog.pg_enum e
                WHERE e.enumtypid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END),
            'not_null', a.attnotnull,
            'default', CASE WHEN ad.oid IS NOT NULL THEN {default} END,
            'generated', a.attgenerated,
            'identity', a.attidentity,
            'collation', (
                SELECT co.collname FROM pg_catalog.pg_collation co
                WHERE co.oid = a.attcollation AND a.attcollation <> at.typcollation),
            'comment', pg_catalog.col_description(c.oid, a.attnum::pg_catalog.int4),
            'readable', pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
            ) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_type at ON at.oid = a.atttypid
        -- An array is named after what it holds.
        JOIN pg_catalog.pg_type t ON t.oid = CASE
            WHEN at.typcategory = 'A' AND at.typelem <> 0::pg_catalog.oid THEN at.typelem
            ELSE at.oid END
        JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
        LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = c.oid AND ad.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0::pg_catalog.int2 AND NOT a.attisdropped
            AND c.relkind <> 'S'), '[]'),
    'constraints', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', con.conname,
            'contype', con.contype,
            'columns', COALESCE((
                SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
                FROM pg_catalog.unnest(con.conkey) WITH ORDINALITY AS k (attnum, place)
                JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = con.conrelid AND a.attnum = k.attnum), '[]'),
            'definition', {constraint}
            ) ORDER BY pg_catalog.strpos('pufxc', con.contype::pg_catalog.text), con.conname)
        FROM pg_catalog.pg_constraint con
        -- Since 18, NOT NULL is one too: columns say it.
        WHERE con.conrelid = c.oid AND con.contype IN ('p', 'u', 'f', 'x', 'c')), '[]'),
    'referenced_by', COALESCE((SELECT incoming.keys FROM incoming WHERE incoming.confrelid = c.oid), '[]'),
    'indexes', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', ic.relname,
            'definition', {index},
            'columns', COALESCE((
                SELECT pg_catalog.json_agg(a.attname)
                FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::pg_catalog.int2[])), '[]'),
            'constraint', EXISTS (
                SELECT FROM pg_catalog.pg_constraint con
                WHERE con.conrelid = c.oid AND con.conindid = i.indexrelid
                    AND con.contype IN ('p', 'u', 'x')),
            'unique', i.indisunique,
            'valid', i.indisvalid AND i.indisready,
            'bytes', CASE WHEN ic.relkind = 'i' THEN pg_catalog.pg_relation_size(ic.oid) END
            ) ORDER BY ic.relname)
        FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
        WHERE i.indrelid = c.oid), '[]'),
    'triggers', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', tg.tgname,
            'definition', {trigger},
            'enabled', tg.tgenabled <> 'D'
            ) ORDER BY tg.tgname)
        FROM pg_catalog.pg_trigger tg
        WHERE tg.tgrelid = c.oid AND NOT tg.tgisinternal), '[]'),
    'row_security', c.relrowsecurity,
    'row_security_forced', c.relforcerowsecurity,
    'policies', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', pol.polname,
            'permissive', pol.polpermissive,
            'command', CASE pol.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
            'roles', COALESCE((
                SELECT pg_catalog.json_agg(ro.rolname ORDER BY ro.rolname)
                FROM pg_catalog.pg_roles ro WHERE ro.oid = ANY (pol.polroles)), '[]'),
            'using', CASE WHEN pol.polqual IS NOT NULL THEN {using} END,
            'check', CASE WHEN pol.polwithcheck IS NOT NULL THEN {check} END
            ) ORDER BY pol.polname)
        FROM pg_catalog.pg_policy pol
        WHERE pol.polrelid = c.oid), '[]'),
    'partition_key', CASE WHEN c.relkind = 'p' THEN {partition_key} END,
    'is_partition', c.relispartition,
    'key_columns', {key:c.oid},
    'bound_columns', COALESCE((
        SELECT {key:h.inhparent} FROM pg_catalog.pg_inherits h
        WHERE h.inhrelid = c.oid AND c.relispartition), '[]'),
    'bound', CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END,
    'parents', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'lineage', {lineage:parent},
            'schema', parent_n.nspname,
            'name', parent.relname
            ) ORDER BY h.inhseqno)
        FROM pg_catalog.pg_inherits h
        JOIN pg_catalog.pg_class parent ON parent.oid = h.inhparent
        JOIN pg_catalog.pg_namespace parent_n ON parent_n.oid = parent.relnamespace
        WHERE h.inhrelid = c.oid), '[]'),
    'children', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'lineage', {lineage:child},
            'schema', child_n.nspname,
            'name', child.relname,
            'is_partition', c.relispartition,
    'key_columns', {key:c.oid},
    'bound_columns', COALESCE((
        SELECT {key:h.inhparent} FROM pg_catalog.pg_inherits h
        WHERE h.inhrelid = c.oid AND c.relispartition), '[]'),
    'bound', CASE WHEN child.relispartition
                THEN pg_catalog.pg_get_expr(child.relpartbound, child.oid) END
            ) ORDER BY child_n.nspname, child.relname)
        FROM pg_catalog.pg_inherits h
        JOIN pg_catalog.pg_class child ON child.oid = h.inhrelid
        JOIN pg_catalog.pg_namespace child_n ON child_n.oid = child.relnamespace
        WHERE h.inhparent = c.oid), '[]'),
    'definition', (
        SELECT {view} FROM pg_catalog.pg_rewrite rule
        WHERE rule.ev_class = c.oid AND rule.rulename = '_RETURN' AND c.relkind IN ('v', 'm')),
    'options', CASE WHEN c.relkind = 'v' THEN c.reloptions END,
    'sequence', (
        SELECT pg_catalog.json_build_object(
            'type', pg_catalog.format_type(s.seqtypid, NULL),
            'start', s.seqstart, 'increment', s.seqincrement,
            'min', s.seqmin, 'max', s.seqmax, 'cycle', s.seqcycle,
            'owned_by', (
                SELECT pg_catalog.json_build_object(
                    'lineage', {lineage:owner}, 'schema', owner_n.nspname,
                    'table', owner.relname, 'column', a.attname)
                FROM pg_catalog.pg_depend d
                JOIN pg_catalog.pg_class owner ON owner.oid = d.refobjid
                JOIN pg_catalog.pg_namespace owner_n ON owner_n.oid = owner.relnamespace
                JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = owner.oid AND a.attnum = d.refobjsubid
                WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
                    AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                LIMIT 1))
        FROM pg_catalog.pg_sequence s WHERE s.seqrelid = c.oid),
    'server', (
        SELECT fs.srvname FROM pg_catalog.pg_foreign_table ft
        JOIN pg_catalog.pg_foreign_server fs ON fs.oid = ft.ftserver WHERE ft.ftrelid = c.oid)
    )::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1)

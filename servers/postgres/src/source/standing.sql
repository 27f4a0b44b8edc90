-- How the role that has logged in stands, in one row: the server's version, the role, whether the
-- server is a standby, rights that no connector needs (the worst first), and tables that could be
-- written. Names and operators are qualified: the search path may lead elsewhere.
WITH itself AS (
  SELECT r.oid, r.rolname::pg_catalog.text AS name, r.rolsuper
    FROM pg_catalog.pg_roles r
   WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER
), reached AS (
  -- Itself and all that SET ROLE leads to; a superuser is said to be a member of every role.
  SELECT r.*
    FROM pg_catalog.pg_roles r, itself
   WHERE r.oid OPERATOR(pg_catalog.=) itself.oid
      OR (NOT itself.rolsuper AND pg_catalog.pg_has_role(itself.oid, r.oid, 'MEMBER'))
), dangers(rank, name, holder) AS (
  SELECT v.rank, v.name, reached.rolname::pg_catalog.text
    FROM reached, LATERAL (VALUES
      (1, 'SUPERUSER', reached.rolsuper),
      (2, 'CREATEROLE', reached.rolcreaterole),
      (3, 'BYPASSRLS', reached.rolbypassrls),
      (4, 'REPLICATION', reached.rolreplication),
      (5, 'CREATEDB', reached.rolcreatedb)
    ) v(rank, name, has)
   WHERE v.has
  UNION ALL
  SELECT 2, reached.rolname::pg_catalog.text, itself.name
    FROM reached, itself
   WHERE reached.rolname::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY[
     'pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files',
     'pg_write_all_data', 'pg_maintain', 'pg_signal_backend', 'pg_checkpoint',
     'pg_create_subscription', 'pg_signal_autovacuum_worker'])
)
SELECT pg_catalog.current_setting('server_version'),
       itself.name,
       pg_catalog.pg_is_in_recovery(),
       ARRAY(
         SELECT CASE WHEN d.holder OPERATOR(pg_catalog.=) itself.name THEN d.name
                     ELSE d.name OPERATOR(pg_catalog.||) ' through '
                          OPERATOR(pg_catalog.||) d.holder END
           FROM dangers d
          ORDER BY d.rank, d.name, d.holder),
       (SELECT pg_catalog.count(*)
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'f', 'v')
           AND n.nspname::pg_catalog.text OPERATOR(pg_catalog.!~~) 'pg\_%'
           AND n.nspname::pg_catalog.text OPERATOR(pg_catalog.<>) 'information_schema'
           AND EXISTS (
             SELECT FROM reached
              WHERE pg_catalog.has_table_privilege(
                reached.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                 OR pg_catalog.has_any_column_privilege(reached.oid, c.oid, 'INSERT, UPDATE')))
  FROM itself

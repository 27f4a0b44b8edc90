-- What concerns the server as a whole. Each row: the check, how bad it is (3 to 1), what is wrong,
-- what to do. No relation is named here.
SELECT 'connections', CASE WHEN s.used * 10 >= s.most * 9 THEN 3 ELSE 2 END,
    pg_catalog.format('%s of %s connections are in use, %s of them idle in a transaction',
        s.used, s.most, s.idle),
    'close idle ones, put a pooler in front, or raise max_connections'
FROM (SELECT pg_catalog.count(*)::pg_catalog.int4 AS used,
        pg_catalog.current_setting('max_connections')::pg_catalog.int4 AS most,
        pg_catalog.count(*) FILTER (WHERE a.state LIKE 'idle in transaction%') AS idle
    FROM pg_catalog.pg_stat_activity a WHERE a.backend_type = 'client backend') s
WHERE s.used * 10 >= s.most * 7
UNION ALL
SELECT 'transactions', CASE WHEN s.age > 3600 THEN 3 ELSE 2 END,
    pg_catalog.format('process %s has a transaction open for %s s (%s): VACUUM can clean nothing newer',
        s.pid, s.age, s.state),
    pg_catalog.format('end it there, or SELECT pg_terminate_backend(%s); '
        'idle_in_transaction_session_timeout prevents it', s.pid)
FROM (SELECT a.pid, COALESCE(a.state, 'state not shown to this role') AS state,
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.int8
            AS age
    FROM pg_catalog.pg_stat_activity a
    WHERE a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()) s
WHERE s.age > 300
UNION ALL
SELECT 'transactions', 3,
    pg_catalog.format('%s prepared transactions are older than 5 minutes, and keep their locks',
        pg_catalog.count(*)),
    'COMMIT PREPARED or ROLLBACK PREPARED them: SELECT gid FROM pg_prepared_xacts'
FROM pg_catalog.pg_prepared_xacts x
WHERE x.prepared < pg_catalog.clock_timestamp() - '5 minutes'::pg_catalog.interval
HAVING pg_catalog.count(*) > 0
UNION ALL
SELECT 'vacuum', CASE WHEN s.age > 1000000000 THEN 3 ELSE 2 END,
    pg_catalog.format('the oldest transaction id of the database is %s old; writing stops at 2147483648',
        s.age),
    'VACUUM its oldest tables, and look for what holds it back: open transactions, replication slots'
FROM (SELECT pg_catalog.age(d.datfrozenxid) AS age FROM pg_catalog.pg_database d
    WHERE d.datname = pg_catalog.current_database()) s
WHERE s.age > pg_catalog.current_setting('autovacuum_freeze_max_age')::pg_catalog.int4 + 50000000
UNION ALL
SELECT 'replication', CASE WHEN s.lost OR s.kept > 10737418240 THEN 3 ELSE 2 END,
    pg_catalog.format('replication slot %s is %s and keeps %s MB of WAL%s', s.slot_name,
        CASE WHEN s.active THEN 'active' ELSE 'not in use' END,
        pg_catalog.round(s.kept / 1048576),
        CASE WHEN s.lost THEN ', of which it has lost some' ELSE '' END),
    pg_catalog.format('start its reader, or SELECT pg_drop_replication_slot(%L); '
        'max_slot_wal_keep_size limits it', s.slot_name)
FROM (SELECT r.slot_name, r.active, r.wal_status IN ('unreserved', 'lost') AS lost,
        COALESCE(pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()
            THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END,
            r.restart_lsn), 0::pg_catalog.numeric) AS kept
    FROM pg_catalog.pg_replication_slots r) s
WHERE NOT s.active OR s.lost OR s.kept > 1073741824
UNION ALL
SELECT 'replication', 2,
    pg_catalog.format('standby %s is %s s and %s MB behind', s.application_name, s.lag,
        pg_catalog.round(s.behind / 1048576)),
    'look at its load, its network and its long queries'
FROM (SELECT r.application_name,
        COALESCE(pg_catalog.date_part('epoch', r.replay_lag)::pg_catalog.int8, 0) AS lag,
        COALESCE(pg_catalog.pg_wal_lsn_diff(r.sent_lsn, r.replay_lsn), 0::pg_catalog.numeric) AS behind
    FROM pg_catalog.pg_stat_replication r) s
WHERE s.lag > 30 OR s.behind > 104857600
UNION ALL
SELECT 'replication', 2, pg_catalog.format('this standby has replayed nothing for %s s', s.lag),
    'compare with the primary, which may just have nothing to send'
FROM (SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
        - pg_catalog.pg_last_xact_replay_timestamp())::pg_catalog.int8 AS lag
    WHERE pg_catalog.pg_is_in_recovery()) s
WHERE s.lag > 300
UNION ALL
SELECT 'cache', 1,
    pg_catalog.format('%s %% of the blocks that were asked for were in the cache',
        pg_catalog.round(100.0 * s.hits / (s.hits + s.reads), 1)),
    'raise shared_buffers, or find what reads much: top_queries sorted by reads'
FROM (SELECT d.blks_hit::pg_catalog.numeric AS hits, d.blks_read::pg_catalog.numeric AS reads
    FROM pg_catalog.pg_stat_database d WHERE d.datname = pg_catalog.current_database()) s
WHERE s.hits + s.reads > 100000 AND s.hits < 0.95 * (s.hits + s.reads)
UNION ALL
SELECT 'settings', w.severity, pg_catalog.format('%s is %s: %s', s.name, s.setting, w.problem),
    w.remedy
FROM pg_catalog.pg_settings s
JOIN (VALUES
    ('fsync', 'off', 3, 'a crash can destroy the data', 'switch it on'),
    ('full_page_writes', 'off', 2, 'a crash can destroy pages', 'switch it on'),
    ('autovacuum', 'off', 3, 'tables bloat, and writing stops at last', 'switch it on'),
    ('track_counts', 'off', 3, 'autovacuum does not know what to do', 'switch it on'),
    ('zero_damaged_pages', 'on', 3, 'damaged pages are emptied in silence', 'switch it off'),
    ('password_encryption', 'md5', 2, 'passwords are kept weakly', 'use scram-sha-256'),
    ('data_checksums', 'off', 1, 'damage on disk is not noticed', 'pg_checksums --enable')
) w (name, setting, severity, problem, remedy) ON w.name = s.name AND w.setting = s.setting
UNION ALL
SELECT 'settings', 1, 'shared_buffers has its small default of 128 MB',
    'give it about a quarter of the memory'
WHERE pg_catalog.current_setting('shared_buffers') = '128MB'

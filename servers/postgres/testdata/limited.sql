-- One statement a line that runs where there is no allow-list of relations, and must be refused
-- where only app.users and app.orders may be read.
select * from app.salaries
select note from app.salaries where user_id = 1
table app.salaries
select * from only app.salaries
select * from app.salaries *
select * from "app"."salaries"
select * from U&"\0061pp".U&"sal\0061ries"
select * from postgres.app.salaries
select * from salaries
select * from SALARIES
select * from app.users, app.salaries
select * from app.users u join app.salaries s on s.user_id = u.id
select (select note from app.salaries limit 1)
select exists (select 1 from app.salaries)
select * from app.users where id in (select user_id from app.salaries)
select * from app.users where id = any (select user_id from app.salaries)
select array(select note from app.salaries)
select name from app.users union all select note from app.salaries
select name from app.users except select note from app.salaries
with salaries as (select * from salaries) select * from salaries
with salaries as (select * from app.salaries) select * from salaries
with x as (with salaries as (select 1 as n) select * from salaries) select * from salaries, x
select * from (with salaries as (select 1) select * from salaries) x, salaries y
with recursive x as (select 1 as n union all select n + 1 from x where n < 3) select * from x, salaries
select * from app.users, lateral (select * from app.salaries s where s.user_id = users.id) y
select * from (app.users u join app.salaries s on s.user_id = u.id)
select * from (app.users u cross join (app.salaries s cross join app.products p))
select * from app.salaries tablesample bernoulli (100)
values ((select max(amount) from app.salaries))
explain select * from app.salaries
explain analyze select * from app.salaries
explain (analyze, format json) table app.salaries
select count(*) filter (where exists (select 1 from app.salaries)) from app.users
select 1 from app.users order by (select max(amount) from app.salaries)
select 1 from app.users limit (select 1 from app.salaries limit 1)
select sum(id) over (order by (select max(amount) from app.salaries)) from app.users
select coalesce(null, (select note from app.salaries limit 1))
select case when (select count(*) from app.salaries) > 0 then 1 end
select row_to_json(s) from app.salaries s
select s from app.salaries s
select s.* from app.salaries s
select * from vault.api_keys
select key from vault.api_keys
select * from app.v_salaries
select * from app.v_nested
select * from app.m_salaries
select * from app.active_users
select * from app.products
select * from app."Mixed Case"
select * from app.counter
select * from pg_class
select relname from pg_catalog.pg_class where relname = 'salaries'
select * from pg_attribute
select * from pg_stats where tablename = 'salaries'
select most_common_vals from pg_catalog.pg_stats
select * from pg_statistic
select * from pg_proc
select * from pg_tables
select * from pg_views
select * from pg_indexes
select * from pg_roles
select * from pg_user
select * from pg_settings
select * from pg_database
select * from pg_namespace
select * from pg_stat_activity
select query from pg_stat_activity
select * from pg_stat_user_tables
select * from pg_stat_wal_receiver
select * from pg_locks
select * from pg_matviews
select table_name from information_schema.tables
select * from information_schema.columns where table_name = 'salaries'
select 'app.salaries'::regclass
select regclass 'app.salaries'
select cast('app.salaries' as regclass)
select to_regclass('app.salaries')
select 1260::regclass
select id::int::regclass from app.users
select '{app.salaries}'::regclass[]
select '{app.salaries}'::_regclass
select tableoid::regclass from app.users
select 'app'::regnamespace
select 'app.trace(text)'::regprocedure
select 10::regrole
select pg_relation_size('app.salaries')
select pg_total_relation_size('app.users')
select pg_size_pretty(pg_total_relation_size('app.salaries'))
select pg_database_size('postgres')
select has_table_privilege('app.salaries', 'select')
select has_column_privilege('app.salaries', 'note', 'select')
select pg_table_is_visible(1259)
select obj_description('app.users'::regclass)
select col_description(1, 1)
select pg_get_viewdef('app.v_salaries')
select pg_get_functiondef('app.trace'::regproc)
select format_type(1, 2)
select pg_describe_object(1259, 1259, 0)
select * from pg_stat_get_activity(null)
select pg_stat_get_live_tuples('app.salaries'::regclass)
select row_security_active('app.salaries')
select * from pg_partition_tree('app.orders')
select pg_get_userbyid(10)
select current_schemas(true)
select null::app.salaries
select (null::app.salaries).note
select json_populate_record(null::app.salaries, '{"note": "x"}')
select * from jsonb_populate_record(null::app.salaries, '{}')
select jsonb_populate_recordset(null::vault.api_keys, '[]')
select null::app.salaries[]
select null::app._salaries
select null::pg_catalog.pg_class
select row_to_json(null::app.products)
select (x).key from (select k from vault.api_keys k) y(x)
select u.id, k.key from app.users u left join vault.api_keys k on true
select pg_typeof(1)
select pg_typeof(1) union select 'app.salaries'
select current_setting('server_version') || pg_typeof(now())::text
select relname::text from pg_class where oid = 'app.salaries'::regclass
with pg_class as (select * from pg_class) select relname from pg_class
select * from (select relname as n from pg_class) as users(n)
select jsonb_agg(s) from app.salaries s
select string_agg(note, ',') from app.users, app.salaries
select max(note) over () from app.salaries
select u.id from app.users u where (select note from app.salaries limit 1) like 'S%'
select * from app.users u where u.id = (with o as (select user_id from app.salaries) select max(user_id) from o)
select ROW(s.*) from salaries s
select count(*) from "salaries"
select 1 from app . salaries
select 1 from app/**/./**/salaries
select 1 from "app".U&"s\0061laries"
select * from app.orders o join lateral (table app.salaries) s on true
select * from app.v_salaries where note like 'SECRET%'

-- What reaches beyond public.customers and sales.orders, one statement a line.
select * from vault.secrets
select v from vault.secrets where id = 1
table vault.secrets
select * from only vault.secrets
select * from "vault"."secrets"
select * from app.vault.secrets
select * from hr.employees
select salary from hr.employees
select public.salary_of(1)
select * from v_secret
select * from mv_secret
select * from staff_directory
select * from parent_t
select * from events
select * from events_2025_03
select * from sales.order_items
select * from customers c, vault.secrets s
select * from customers c join vault.secrets s on true
select * from customers c left join lateral (select v from vault.secrets limit 1) s on true
select (select v from vault.secrets limit 1) from customers
select name from customers where exists (select from vault.secrets where v like 'C%')
select name from customers where name < any (select v from vault.secrets)
select name from customers union select v from vault.secrets
select name from customers except select v from vault.secrets
with customers as (select * from vault.secrets) select * from customers
with s as (select * from vault.secrets) select * from s
with secrets as (select * from vault.secrets) select * from secrets
with a as (with b as (select v from vault.secrets) select * from b) select * from a
with recursive r as (select v from vault.secrets union select v from r) select * from r
with orders as (select 1) select * from sales.orders, hr.employees
select count(*) filter (where (select v from vault.secrets limit 1) like 'C%') from customers
select row_to_json(s) from vault.secrets s
select s::text from vault.secrets s
select s from vault.secrets s
select array_agg(v) from vault.secrets
select string_agg(v, ',') from vault.secrets
select max(v) from vault.secrets
select * from (select * from vault.secrets) x
select * from (table vault.secrets) x
select array(table vault.secrets)
select * from customers where id in (select id from vault.secrets)
select * from vault.secrets tablesample system (100)
values ((select v from vault.secrets limit 1))
explain select * from vault.secrets
explain analyze select v from vault.secrets
explain (verbose) select * from customers c join vault.secrets s using (id)
select 'vault.secrets'::regclass
select 'vault.secrets'::regclass::oid
select to_regclass('vault.secrets')
select '{vault.secrets}'::regclass[]
select 16384::regclass
select tableoid::regclass from customers
select 'vault'::regnamespace
select to_regnamespace('vault')
select 'public.leave(text)'::regprocedure
select 'bob'::regrole
select pg_total_relation_size('vault.secrets')
select pg_relation_size('hr.employees'::regclass)
select has_table_privilege('vault.secrets', 'select')
select has_table_privilege('bob', 'vault.secrets', 'select')
select has_schema_privilege('vault', 'usage')
select has_column_privilege('hr.employees', 'salary', 'select')
select obj_description('vault.secrets'::regclass)
select col_description('hr.employees'::regclass, 1)
select pg_get_viewdef('v_secret')
select pg_get_functiondef('public.peek'::regproc)
select pg_get_serial_sequence('hr.employees', 'id')
select pg_sequence_last_value('trap_seq')
select relname from pg_class
select relname from pg_catalog.pg_class where relkind = 'r'
select attname from pg_attribute
select nspname from pg_namespace
select proname, prosrc from pg_proc
select most_common_vals from pg_stats
select * from pg_stats where schemaname = 'vault'
select * from pg_statistic
select * from pg_statistic_ext_data
select most_common_vals from pg_stats_ext
select table_name from information_schema.tables
select column_name from information_schema.columns
select * from information_schema.routines
select * from information_schema.views
select * from pg_views
select definition from pg_matviews
select * from pg_tables
select * from pg_indexes
select * from pg_rules
select * from pg_policies
select * from pg_trigger
select * from pg_constraint
select * from pg_description
select * from pg_stat_activity
select query from pg_stat_activity
select * from pg_stat_statements
select * from pg_stat_user_tables
select * from pg_statio_all_tables
select n_live_tup from pg_stat_all_tables where relname = 'secrets'
select * from pg_locks
select * from pg_roles
select * from pg_user
select * from pg_database
select * from pg_settings
select * from pg_prepared_statements
select * from pg_cursors
select * from pg_sequences
select * from pg_publication_tables
select * from pg_type
select * from pg_enum
select * from pg_depend
select * from pg_seclabels
select * from pg_largeobject_metadata
select * from pg_db_role_setting
select * from pg_extension
select * from pg_event_trigger
select * from pg_partitioned_table
select * from pg_inherits
select null::vault.secrets
select (null::vault.secrets).v
select null::hr.employees
select jsonb_populate_record(null::vault.secrets, '{"v":"x"}')
select null::vault.secrets[]
select * from json_to_record('{}') as x(a vault.secrets)
select cast(null as hr.grade)
select 'junior'::hr.grade
select enum_range(null::hr.grade)
select pg_typeof(c) from customers c limit 1
select format_type(16400, null)
select pg_describe_object(1259, 16400, 0)
select pg_identify_object(1259, 16400, 0)
select * from pg_partition_tree('events')
select pg_stat_get_live_tuples('vault.secrets'::regclass)
select pg_stat_get_numscans(16400)
select last_value from trap_seq
select * from trap_seq
select * from peek()
select c.peek_row from customers c
select dyn('select v from vault.secrets limit 1')
select query_to_xml('select * from vault.secrets', true, true, '')
select ts_stat('select to_tsvector(v) from vault.secrets')
select * from ts_stat('select to_tsvector(name) from customers')
select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, v::tsquery from vault.secrets')
select version(), current_setting('search_path'), (select v from vault.secrets limit 1)
select pg_input_is_valid('vault.secrets', 'regclass')
select * from pg_input_error_info('vault.nothing', 'regclass')
select pg_table_is_visible('vault.secrets'::regclass)
select pg_get_expr(adbin, adrelid) from pg_attrdef
select * from pg_get_keywords(), vault.secrets
select * from pg_options_to_table(array['a=b']), vault.secrets
select currtid2('vault.secrets', '(0,1)')
select * from "vault" . "secrets" as customers
select customers.v from vault.secrets as customers
select * from u&"v\0061ult".secrets
select x.v from customers c, lateral (select v from vault.secrets) x
select * from rows from (peek()) p
select * from sales.orders o natural join vault.secrets
select * from (customers cross join vault.secrets)
select * from ((customers join sales.orders on true) join (vault.secrets s join hr.employees e on true) on true)
select json_object_agg(k, v) from (select id k, v from vault.secrets) x
select sum(id) over (order by (select count(*) from vault.secrets)) from customers
select 1 from customers limit (select count(*) from vault.secrets)
select * from customers order by (select v from vault.secrets limit 1)
select case when (select count(*) from vault.secrets) > 10 then 1 end
select coalesce(null, (select v from vault.secrets limit 1))
select distinct on ((select v from vault.secrets limit 1)) 1
select percentile_cont((select 0.5 from vault.secrets limit 1)) within group (order by id) from customers
select * from customers where (id, name) in (select id, v from vault.secrets)
select * from xmltable('/a' passing (select v::xml from vault.secrets limit 1) columns a text)
select * from far
select * from archived_documents
select * from documents
select * from logins
select * from pg_temp.x
select * from pg_toast.pg_toast_1255

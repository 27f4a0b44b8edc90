-- A second list of what reaches beyond public.customers and sales.orders.
select inet_server_addr(), inet_server_port()
select inet_client_addr()
select pg_postmaster_start_time(), pg_conf_load_time()
select has_table_privilege('vault.secrets'::text, 'select')
select has_any_column_privilege('hr.employees', 'select')
select has_function_privilege('public.leave(text)', 'execute')
select has_type_privilege('hr.grade', 'usage')
select has_sequence_privilege('trap_seq', 'usage')
select has_database_privilege('postgres', 'connect'), pg_has_role('bob', 'member')
select has_schema_privilege('hr', 'usage')
select has_parameter_privilege('work_mem', 'set')
select to_regclass('hr.employees') is null
select to_regtype('hr.grade')
select to_regproc('public.leave'), to_regprocedure('public.leave(text)'), to_regoper('@#@'), to_regoperator('@#@(text,text)')
select to_regrole('bob'), to_regnamespace('hr'), to_regcollation('c_evil')
select 'hr.employees'::text::regclass
select cast('vault.secrets' as pg_catalog.regclass)
select regclass 'vault.secrets'
select regclassin('vault.secrets')
select 16400::oid::regclass::text
select array['vault.secrets']::regclass[]
select c.tableoid::regclass from sales.orders c limit 1
select pg_typeof(c.address) from customers c limit 1
select pg_typeof(o.status)::text from sales.orders o limit 1
select xmin, cmax, ctid from hr.employees
select pg_get_viewdef('public.staff_directory')
select pg_get_viewdef(16500::oid, true)
select pg_get_indexdef(16400), pg_get_constraintdef(16400), pg_get_triggerdef(16400), pg_get_ruledef(16400)
select pg_get_statisticsobjdef(16400), pg_get_partkeydef(16400), pg_get_function_arguments(16400)
select pg_relation_filepath('vault.secrets'), pg_relation_filenode('vault.secrets')
select pg_filenode_relation(0, 16400)
select pg_indexam_has_property(403, 'can_order'), pg_index_has_property('hr.employees_pkey', 'clusterable')
select pg_stat_get_live_tuples(16400), pg_stat_get_tuples_inserted(16400)
select pg_stat_get_db_numbackends(1), pg_stat_get_backend_idset()
select pg_my_temp_schema(), pg_is_other_temp_schema(1)
select pg_collation_for(v) from vault.secrets
select current_schemas(false), pg_conversion_is_visible(1)
select pg_type_is_visible(16400), pg_function_is_visible(16400)
select pg_blocking_pids(1), pg_lock_status()
select * from pg_lock_status()
select * from pg_prepared_statement()
select * from pg_prepared_xact()
select * from pg_get_replication_slots()
select * from pg_stat_get_wal_senders()
select * from pg_available_extensions()
select * from pg_tablespace_databases(1663)
select pg_tablespace_size('pg_default'), pg_database_size('app')
select pg_encoding_to_char(6), pg_char_to_encoding('utf8'), pg_get_keywords()
select * from aclexplode((select relacl from pg_class limit 1))
select oid from pg_class where relname = 'secrets'
select * from information_schema.tables where table_schema = 'vault'
select * from information_schema.column_privileges
select * from information_schema.view_table_usage
select * from information_schema.sql_features
select * from pg_catalog.pg_stat_progress_copy
select * from pg_stat_io
select * from pg_stats_ext_exprs
select * from pg_statistic_ext
select stxname from pg_catalog.pg_statistic_ext
select * from pg_attrdef
select * from pg_am
select * from pg_shmem_allocations
select * from pg_backend_memory_contexts
select * from pg_dependencies
select extname from pg_extension
select datname from pg_database
select rolname from pg_roles
select name from pg_settings
select * from pg_timezone_names() n, pg_class
select e.* from customers c, hr.employees e
select * from customers c natural join hr.employees
select * from customers c join hr.employees e using (id, name)
select * from customers full join vault.secrets using (id)
select c.* from customers c where (c.id, c.name) in (select id, name from hr.employees)
select (select e from hr.employees e limit 1)
select (select (e).salary from hr.employees e limit 1)
select row(e.*) from hr.employees e
select array_agg(e) from hr.employees e
select json_agg(e), jsonb_agg(s) from hr.employees e, vault.secrets s
select to_jsonb(s) from vault.secrets s
select hstore(s) from vault.secrets s
select s from only (vault.secrets) s
select x from vault.secrets as customers(x)
select customers from vault.secrets customers
select o.customer_id, e.salary from sales.orders o join lateral (select salary from hr.employees where id = o.id) e on true
select lag(v) over () from vault.secrets
select * from customers where id = (select max(salary) from hr.employees)
select * from customers order by (select salary from hr.employees limit 1)
select * from customers limit (select count(*) from hr.employees)
select count(*) from customers group by (select salary from hr.employees limit 1)
select count(*) from customers having (select count(*) from hr.employees) > 1
select sum(total) over (order by (select 1 from hr.employees limit 1)) from sales.orders
select * from generate_series(1, (select count(*) from hr.employees))
select * from unnest((select array_agg(name) from hr.employees))
select * from json_table((select extra from vault.secrets limit 1), '$.*' columns (a text path '$'))
select * from xmltable('/a' passing (select v::xml from vault.secrets limit 1) columns a text path '.')
select xmlelement(name a, (select v from vault.secrets limit 1))
select json_value((select extra from vault.secrets limit 1), '$.k')
values ((select count(*) from vault.secrets)), ((select salary from hr.employees limit 1))
select 1 where (select v from vault.secrets where id = 1) ~ '^C'
select 1/(select case when v like 'C%' then 0 else 1 end from vault.secrets where id = 1)
select (select v from vault.secrets where id = 1)::int
select cast((select v from vault.secrets limit 1) as date)
with orders as (select * from hr.employees) select * from orders
with recursive customers(a) as (select v from vault.secrets union all select a from customers where false) select * from customers
with t as not materialized (select * from vault.secrets) select count(*) from t
with a as (select 1), b as (select * from a, hr.employees) select * from b
select * from (with s as (table hr.employees) table s) x
(select name from customers) union all (table hr.departments) union all (select name from hr.employees)
select * from staff_directory natural join customers
select * from mv_secret, customers
select * from child_t
select * from vault.child_t
select * from events_2025_12_login
select * from hr.events_2025_12_rest
select * from sales.open_orders
select * from sales.revenue
select null::sales.visits
select null::hr.employees[]
select (null::staff_directory).name
select cast(null as vault.secrets)
select * from jsonb_to_recordset('[]') as x(a hr.grade)
select * from jsonb_populate_recordset(null::hr.employees, '[{"id":1}]')
select enum_first(null::hr.grade), enum_last(null::hr.grade)
select 'x'::hr."grade"
select 'x'::nothing.grade
explain (verbose, costs off) select * from hr.employees
explain (format xml) table vault.secrets
explain (verbose) select * from customers c where exists (select from sales.visits v where v.customer_id = c.id)
select customers.password_hash, s.v from customers, vault.secrets s
select * from customers c, lateral (table vault.secrets) t
select * from peek_row(null)
select peek_row(c) from customers c
select salary_of(1), public.salary_of(id::int) from customers
select normalize_name(name, 'x') from customers
select first_text(name) from customers
select 'd_evil'::regdictionary
select 'english'::regdictionary

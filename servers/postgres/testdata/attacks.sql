-- What an attacker sends to the shop with traps.sql in it, one statement a line; files that it names
-- must not come to be. None may run, whatever the policy.
select pg_read_file('/etc/passwd') as "count"
select (pg_read_file('/etc/passwd'))::varchar(2000)
select * from pg_read_file('/etc/hostname') f(x)
select x.* from rows from (pg_read_file('/etc/passwd') ) x
select string_agg(l, ',') from pg_ls_dir('/etc') l
select convert_from(pg_read_binary_file('/etc/passwd'), 'utf8')
select pg_catalog . "pg_read_file" ('/etc/passwd')
select app.pg_catalog.pg_read_file('/etc/passwd')
select pg_read_file from (select pg_read_file('/etc/passwd')) x
with a(b) as (select pg_read_file('/etc/passwd')) select b from a
select * from customers where name = pg_read_file('/etc/passwd')
select name from customers order by (select pg_read_file('/etc/passwd'))
select case when pg_read_file('/etc/passwd') like 'root%' then 1 else 0 end
select jsonb_build_object('x', pg_read_file('/etc/passwd'))
select format('%s', pg_read_file('/etc/passwd'))
select array_agg(pg_read_file('/etc/passwd')) over ()
select lo_get(4242)
select convert_from(lo_get(4242), 'utf8')
select loread(lo_open(4242, 262144), 100)
select data from pg_largeobject
select encode(data, 'escape') from pg_catalog.pg_largeobject
select lo_export(4242, '/tmp/lockkeeper-trace-lo')
select lo_put(4242, 0, 'x')
select lo_unlink(4242)
select leave('a')
select public.leave('a')
select sneaky('x')
select public.sneaky(name) from customers limit 1
select * from peek()
select (peek()).v
select v from public.peek() p
select peek_row(c) from customers c limit 1
select c.peek_row from customers c limit 1
select (c).peek_row from customers c limit 1
select dyn('select v from vault.secrets limit 1')
select name @#@ 'x' from customers limit 1
select name operator(public.@#@) 'x' from customers limit 1
select name + 'x' from customers limit 1
select lower(1)
select lower(id::int) from customers limit 1
select public.count(name) from customers limit 1
select name::public.box3 from customers limit 1
select name::box3 from customers limit 1
select cast(name as box3) from customers limit 1
select box3(name) from customers limit 1
select 'x'::dom
select name::dom from customers limit 1
select array[name]::dom[] from customers limit 1
select * from v_leave
select agg_leave(name) from customers
select agg_leave(name) over (order by id) from customers limit 1
select * from far
call proc_leave()
do $$begin perform leave('do'); end$$
select setval('trap_seq', 99)
select nextval('trap_seq')
select nextval('public.trap_seq'::regclass)
select pg_notify('c', 'x')
select pg_advisory_lock(42)
select pg_try_advisory_xact_lock(1)
select set_config('search_path', 'vault', false)
select set_config('role', 'bob', false)
select set_config('default_transaction_read_only', 'off', false), 1
select current_setting('data_directory'), current_setting('hba_file')
select current_setting('custom.secret')
select current_setting('custom.secret2', true)
select * from pg_file_settings
select * from pg_hba_file_rules
select rolpassword from pg_authid
select passwd from pg_shadow
select a.rolpassword from pg_catalog.pg_authid a where rolname = 'bob'
select umoptions from pg_user_mappings
select srvoptions from pg_foreign_server
select subconninfo from pg_subscription
select query_to_xml('select v from vault.secrets', true, true, '')
select table_to_xml('vault.secrets'::regclass, true, true, '')
select schema_to_xml('vault', true, true, '')
select database_to_xml(true, true, '')
select cursor_to_xml('x', 10, true, true, '')
select ts_stat('select to_tsvector(v) from vault.secrets')
select word from ts_stat('select to_tsvector(v) from vault.secrets')
select * from ts_stat($$select to_tsvector(v) from vault.secrets$$)
select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, v::tsquery from vault.secrets')
select ts_rewrite(to_tsquery('a'), $$select to_tsquery('a'), to_tsquery(v) from vault.secrets$$)
select * from customers where exists (select 1 from dblink('dbname=app', 'select v from vault.secrets') as t(v text))
copy vault.secrets to stdout
copy (select 1) to '/tmp/lockkeeper-trace-copy'
copy (select 1) to program 'touch /tmp/lockkeeper-trace-prog'
select 1; copy (select 1) to '/tmp/lockkeeper-trace-copy2'
explain analyze select leave('x')
explain (analyze) insert into audit_trail values ('x')
explain analyze create table t2 as select 1
explain (analyze true, verbose) select public.sneaky('x')
insert into audit_trail values ('x') returning *
with x as (insert into audit_trail values ('x') returning 1) select * from x
with x as (select 1), y as (delete from customers returning 1) select * from y
with recursive r as (update customers set name = 'x' returning 1) select * from r
select * from (update customers set name = 'x' returning 1) u
merge into customers c using (select 1 id) s on c.id = s.id when matched then update set name = 'x'
select * from customers for update
select * from customers for no key update skip locked
select * from customers c for share of c
select * into newtab from customers
select 1 into temp x
create temp table x as select 1
lock table customers in exclusive mode
set session authorization bob
set role bob
set local role bob
reset role
begin; insert into audit_trail values ('x'); commit
commit; insert into audit_trail values ('x')
rollback and chain
abort; drop table customers
start transaction read write
set transaction read write
set session characteristics as transaction read write
prepare p as delete from customers
execute p
deallocate all
declare c cursor with hold for select v from vault.secrets
listen x
notify x
unlisten *
load '/tmp/evil.so'
vacuum full customers
analyze vault.secrets
reindex database app
checkpoint
cluster
refresh materialized view mv_secret
alter system set work_mem = '1GB'
alter role postgres superuser
create extension if not exists plpgsql
create function f() returns int language sql as 'select 1'
drop schema vault cascade
grant select on vault.secrets to public
security label on table customers is 'x'
comment on table customers is 'x'
import foreign schema x from server srv into public
truncate customers
discard all
show all
show data_directory
show hba_file
show custom.secret
show "custom.secret"
show ssl_key_file
select pg_terminate_backend(pid) from pg_stat_activity
select pg_cancel_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()
select pg_reload_conf()
select pg_switch_wal()
select pg_create_restore_point('x')
select pg_create_physical_replication_slot('s1', true)
select pg_create_logical_replication_slot('s2', 'pgoutput')
select pg_logical_emit_message(true, 'p', 'm')
select pg_replication_origin_create('o')
select pg_export_snapshot()
select pg_stat_reset()
select pg_stat_reset_single_table_counters('customers'::regclass)
select pg_promote()
select pg_backup_start('l')
select pg_rotate_logfile()
select txid_current()
select pg_current_xact_id()
select pg_log_backend_memory_contexts(pg_backend_pid())
select pg_sync_replication_slots()
select pg_sleep(30)
select pg_sleep(30) from customers
select pg_sleep_for('1 minute')
select 1 from customers where pg_sleep(30)::text = ''
select * from customers, pg_sleep(30)
select count(*) over (order by pg_sleep(30)) from customers
select greatest(1, (select 1 from pg_sleep(30)))
values (pg_sleep(30))
select * from pg_logical_slot_get_binary_changes('x', null, null, 'proto_version', '1', 'publication_names', 'pub')
select pg_get_wal_record_info('0/1')
select pg_current_logfile()
select * from pg_stat_file('/etc/passwd')
select pg_show_all_file_settings()
select * from pg_ls_waldir()
select * from pg_ls_tmpdir()
select pg_ls_archive_statusdir()
select name from pg_available_extension_versions where name = 'dblink' and pg_read_file('/etc/passwd') is not null
select unnest(string_to_array(pg_read_file('/etc/passwd'), e'\n'))
select u&"\0070g_read_file"('/etc/passwd')
select "pg_read_file" /*x*/ ( /*y*/ '/etc/passwd' )
select pg_read_file	('/etc/passwd')
select pg_read_file -- x
select 1 where 1 in (select length(pg_read_file('/etc/passwd')))
select coalesce((table pg_authid limit 1)::text, '')
select a::text from pg_authid a
select row_to_json(a) from pg_authid a
select (a).rolpassword from (select pg_authid as a from pg_authid) x
select pg_catalog.textin('x')
select domain_in('x', 'public.dom'::regtype, -1)
select array_in('{x}', 'public.dom'::regtype, -1)
select jsonb_populate_record(null::public.box3, '{"a": 1}')
select xmltable.* from xmltable('/a' passing '<a/>' columns x public.dom path '.')
select json_value('"x"', '$' returning public.dom)
select * from json_table('["x"]', '$[*]' columns (x public.dom path '$')) t
select cast('x' as public.dom)
select * from jsonb_to_record('{"a":"x"}') as t(a public.dom)
select has_function_privilege('public.leave(text)', 'execute'), public.leave('y')
select pg_import_system_collations('public')
select gin_clean_pending_list('x'::regclass)
select brin_summarize_range('x'::regclass, 1)
select pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')
select heap_force_kill('customers'::regclass, array['(0,1)']::tid[])
select get_raw_page('vault.secrets', 0)
select * from bt_metap('customers_pkey')
select pgstattuple('vault.secrets')
select pg_file_write('/tmp/lockkeeper-trace-x', 'x', false)
select pg_file_unlink('/tmp/x')
select sqlcode from query_to_xml_and_xmlschema('select 1', true, true, '') x(sqlcode)
select uuid_generate_v1()
select currtid2('vault.secrets', '(0,1)')
select pg_get_object_address('table', '{vault,secrets}', '{}'), pg_read_file('/etc/passwd')
select binary_upgrade_create_empty_extension('x', 'public', true, '1', null, null, null)
select fmgr_sql_validator(1)
select plpgsql_validator(1)
select pg_extension_update_paths('plpgsql'), nextval('trap_seq')
select row_security_active('customers'), lo_creat(1)
select ('{"a":1}'::jsonb)['a'], leave('z')
select * from customers where name = any (select dyn('select 1'))
select * from lateral (select leave('lat')) x
select distinct leave('d')
select 1 group by leave('g')
select 1 having leave('h') is not null
select 1 limit length(leave('l'))
select 1 from customers tablesample bernoulli (length(leave('t')))
select percentile_cont(0.5) within group (order by length(leave('w'))) from customers
select count(*) filter (where leave('f') is not null) from customers
select sum(1) over (partition by leave('p')) from customers
select xmlelement(name a, leave('x'))
select array(select leave('arr'))
select (select leave('sub'))
select leave('u') union select 'b'
select leave(p.v) from (values ('vv')) p(v)
select t.leave from (values ('attr'::text)) t(x)
select ('attr'::text).leave
select ('a'::text).sneaky
select c.name.sneaky from customers c

-- A second list of an attacker's, as attacks.sql.
select pg_catalog.lo_from_bytea(0, 'x')
select lo_creat(-1), lo_create(777)
select lo_truncate(lo_open(4242, 131072), 0)
select lowrite(lo_open(4242, 131072), 'x')
select lo_lseek(lo_open(4242, 262144), 0, 0)
select pg_read_file('postgresql.conf', 0, 100, true)
select pg_read_server_files from pg_read_file('PG_VERSION') pg_read_server_files
select pg_ls_logdir()
select * from pg_ls_logicalsnapdir()
select * from pg_ls_replslotdir('s')
select pg_ls_dir('.', true, true)
select (pg_stat_file('PG_VERSION')).size
select xmlserialize(document xmlparse(document '<a/>') as public.dom)
select query_to_xmlschema('select leave(''q'')', true, true, '')
select schema_to_xmlschema('vault', true, true, '')
select database_to_xml_and_xmlschema(true, true, '')
select xmlforest(leave('xf'))
select xmlagg(leave('xa')::xml)
select xmlpi(name php, leave('pi'))
select ts_debug('english', leave('ts'))
select ts_parse('default', leave('tp'))
select ts_lexize('public.d_evil', 'x'), leave('lx')
select set_config('log_statement', 'all', true)
select set_config('session_preload_libraries', '/tmp/evil', false)
select * from set_config('work_mem', '4GB', false)
select current_setting(n) from (values ('data_directory'), ('primary_conninfo')) v(n)
select current_setting('ssl_' || 'key_file')
select current_setting($$config_file$$)
select current_setting(U&'\0064ata_directory')
select current_setting('Data_Directory', true)
select pg_sleep_until(now() + interval '30 s')
select pg_catalog."pg_sleep"(2.0)
select now() from pg_sleep(20) s
select * from rows from (pg_sleep(20), generate_series(1, 2)) r
select pg_notify('x', leave('n'))
select pg_advisory_lock_shared(1)
select pg_try_advisory_lock(1, 2)
select pg_advisory_xact_lock(42)
select pg_try_advisory_lock_shared(9)
select nextval(pg_get_serial_sequence('sales.refunds', 'id'))
select setval('public.invoice_no', 1, false)
select currval('public.trap_seq')
select pg_export_snapshot() from customers limit 1
select pg_logical_emit_message(false, 'a', 'b'::bytea)
select pg_logical_emit_message(true, 'a', 'b', true)
select pg_stat_clear_snapshot()
select pg_stat_force_next_flush()
select pg_stat_reset_slru('x')
select pg_stat_reset_backend_stats(1)
select pg_clear_relation_stats('public', 'customers')
select pg_restore_relation_stats('schemaname', 'public', 'relname', 'customers', 'relpages', 1)
select pg_restore_attribute_stats('schemaname', 'public')
select pg_terminate_backend(pg_backend_pid(), 100)
select pg_wal_replay_pause()
select pg_backup_stop()
select pg_create_restore_point(leave('rp'))
select pg_replication_slot_advance('s', '0/1')
select pg_drop_replication_slot('s')
select pg_copy_physical_replication_slot('a', 'b')
select pg_replication_origin_session_setup('o')
select * from pg_logical_slot_peek_changes('s', null, null)
select plpgsql_call_handler()
select plpgsql_inline_handler('x')
select language_handler_in('x')
select array_in('{vault.secrets}', 2205, -1)
select record_in('(1)', 0, -1)
select range_in('[1,2)', 3904, -1)
select enum_in('new', 'sales.order_status'::regtype)
select anyarray_in('x')
select fdw_handler_in('x')
select * from information_schema.foreign_server_options
select * from information_schema._pg_user_mappings
select * from pg_catalog.pg_user_mapping
select usename, passwd from pg_catalog.pg_shadow
table pg_catalog.pg_authid
select * from pg_ident_file_mappings
select srvoptions from pg_catalog.pg_foreign_server
select pg_get_userbyid(leave('u')::int::oid)
select * from pg_stat_ssl, leave('x')
select * from pg_replication_slots where slot_name = leave('rs')
select * from pg_largeobject where loid = 4242
select * from only pg_largeobject tablesample system (100)
merge into customers using (select 1) s on false when not matched then do nothing
with m as (merge into customers c using (select 1 as id) s on c.id = s.id when matched then delete returning *) select * from m
with d as materialized (delete from customers returning *), s as (select * from d) table s
with i(a) as (insert into audit_trail default values returning what) select a from i
select * from customers for key share
select * from (select * from customers for update) c
with c as (select * from customers for share) select * from c
select into strict x from customers
select * into unlogged table z from customers
select 1 into temporary table q
explain (analyze) with d as (delete from customers returning 1) select * from d
explain (analyze) select * into z from customers
explain analyze create materialized view m as select 1
explain analyze declare c cursor for select 1
explain (analyze, serialize binary) select leave('ser')
explain (generic_plan) select leave($1)
select customers @#@ 'x' from customers
select 'x' operator(public.+) 'y'
select array['a'] operator(public.@#@) array['b']
select 'a' @#@ any (array['b'])
select * from customers order by name using operator(public.@#@)
select name from customers order by name using @#@
select distinct on (name::public.dom) name from customers
select cast(row('x') as public.box3)
select (row('x')::public.box3).a
select null::public.dom
select array['x']::public.dom[]
select 'x'::character varying(10)::public.dom
select json_scalar(leave('js'))
select json_serialize(leave('jz')::json)
select json_query('{"a":"x"}', '$.a' returning public.dom)
select json_exists(leave('je')::jsonb, '$')
select json_objectagg(leave('k'): 1)
select json_arrayagg(leave('k'))
select json_object('a': leave('k'))
select json_array(leave('k'))
select * from json_table(leave('jt')::jsonb, '$' columns (a text path '$' default leave('d') on empty))
select jsonb_path_query('{}', leave('jp')::jsonpath)
select * from xmltable(leave('x') passing '<a/>' columns a text path '.' default leave('y'))
select * from generate_series(1, length(leave('gs')))
select * from unnest(array[leave('un')]) with ordinality
select * from customers tablesample system (1) repeatable (length(leave('r')))
select sum(1) over (order by 1 rows between length(leave('rb')) preceding and current row)
select * from customers fetch first length(leave('ff')) rows only
select * from customers offset length(leave('of'))
select count(*) from customers group by grouping sets ((leave('gs')), ())
select count(*) from customers group by rollup (leave('ro'))
select coalesce(null, nullif(leave('co'), greatest(leave('gr'), 'a')))
select case leave('c') when 'x' then 1 end
select leave('a') is distinct from leave('b')
select leave('a') collate "C"
select (array[leave('s')])[length(leave('i'))]
select ('{1,2}'::int[])[1:length(leave('sl'))]
select ('{"a":1}'::jsonb)[leave('su')]
select position(leave('p') in 'x'), overlay('a' placing leave('o') from 1), substring('a' from leave('q')), trim(leave('t') from 'x')
select extract(epoch from leave('e')::timestamp)
select leave('z') at time zone 'UTC'
select 'x' like leave('l') escape leave('m'), 'x' similar to leave('n')
select leave('a') between 'a' and 'b', leave('b') in ('a'), 'a' = all (array[leave('c')])
select normalize(leave('n'), nfc), leave('n') is normalized
select exists (select leave('ex')), array(values (leave('av')))
select treat(leave('x') as text)
select xmlexists(leave('x') passing '<a/>')
select leave(variadic array['x'])
select public.leave(what => 'named')
select public.leave(what := 'named')
select c.* from customers c, lateral public.peek() p where p.v is not null
select f.* from customers c cross join lateral leave(c.name) f
select * from v_leave v where v.x is not null
select (select x from v_leave)
with v as (table v_leave) table v
select * from gen_t where b = leave('g')
select 1 union all select length(leave('un')) intersect select 1
show "data_directory"
show ssl_cert_file
move next in c
close all
set local search_path = vault
release a
prepare transaction 'x'
commit prepared 'x'
end; select leave('x')
do language plpgsql 'begin perform leave(1); end'
alter database app set custom.secret = 'x'
alter table customers rename to c2
create or replace function lower(int) returns text language sql as 'select 1::text'
reassign owned by bob to postgres
drop owned by bob
update customers set name = 'x'
delete from customers where true
truncate sales.orders cascade
insert into customers (name) select 'x' on conflict do nothing
select pg_config()
select * from pg_catalog.pg_config
select * from pg_show_all_settings() where name = 'config_file'
select setconfig from pg_db_role_setting
table pg_db_role_setting
table pg_settings

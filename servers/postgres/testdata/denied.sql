-- One statement a line that must never be sent, whatever the policy.
commit
begin
rollback
begin read write
start transaction
set transaction read write
set default_transaction_read_only = off
set session characteristics as transaction read write
set role reader
set session authorization reader
set search_path = vault
set local statement_timeout = 0
reset all
reset statement_timeout
discard all
savepoint a
release savepoint a
rollback to savepoint a
prepare transaction 'a'
commit prepared 'a'
abort
end
select 1; select 2
select 1; commit; drop schema vault cascade
select 1;;select 2
;select 1; drop table app.users
commit; drop table app.users
rollback; update app.users set name = 'x'
insert into app.users (name) values ('x')
update app.users set name = 'x'
delete from app.users
truncate app.users
merge into app.users u using app.users v on u.id = v.id when matched then delete
with x as (insert into app.users (name) values ('x') returning *) select * from x
with x as (update app.users set name = 'x' returning *) select * from x
with x as (delete from app.users returning *) select * from x
with x as (with y as (delete from app.users returning *) select * from y) select * from x
select * from (with x as (delete from app.users returning *) select * from x) y
with a as (select 1) insert into app.users (name) values ('x')
with a as (select 1) delete from app.users
/* select */ delete from app.users
-- select
create table x (id int)
create temp table x (id int)
create table x as select 1
create view v as select 1
create function f() returns int language sql as 'select 1'
create extension dblink
create role evil superuser
create schema s
create index on app.users (name)
create materialized view v as select 1
create rule r as on select to app.users do instead select 1
create trigger t after insert on app.users execute function f()
drop table app.users
alter table app.users add column x int
alter system set fsync = off
alter role postgres password 'x'
comment on table app.users is 'x'
grant all on app.users to public
revoke all on app.users from public
security label on table app.users is 'x'
reassign owned by reader to postgres
refresh materialized view app.m_salaries
vacuum
vacuum app.users
analyze
analyze app.users
reindex table app.users
cluster app.users
checkpoint
lock table app.users
lock app.users in access exclusive mode
listen x
notify x, 'payload'
unlisten *
load 'auto_explain'
do $$ begin null; end $$
call app.trace('x')
copy app.users to '/tmp/x'
copy app.users to program 'id'
copy (select 1) to program 'id'
copy app.users to stdout
copy app.users from stdin
copy (select * from app.salaries) to stdout
prepare p as select 1
prepare p as delete from app.users
execute p
deallocate all
declare c cursor for select 1
declare c cursor with hold for select * from app.users
fetch all from c
move c
close c
explain analyze delete from app.users
explain analyze insert into app.users (name) values ('x')
explain analyze update app.users set name = 'x'
explain analyze create table x as select 1
explain analyze execute p
explain (analyze) declare c cursor for select 1
explain analyze with x as (delete from app.users returning *) select * from x
explain analyze merge into app.users u using app.users v on u.id = v.id when matched then delete
explain (evil) select 1
explain explain select 1
explain
show all
show data_directory
show config_file
show hba_file
show ssl_key_file
show primary_conninfo
show archive_command
show app.secret
select current_setting('data_directory')
select current_setting('app.secret', true)
select current_setting(n) from (values ('data_directory')) v(n)
select pg_catalog.current_setting('data' || '_directory')
select set_config('default_transaction_read_only', 'off', false)
select set_config('transaction_read_only', 'off', true)
select set_config('search_path', 'vault', false)
select pg_catalog.set_config('statement_timeout', '0', false)
select 1 into x
select * into temp x from app.users
select * into unlogged x from app.users
select * from app.users for update
select * from app.users for share
select * from app.users for no key update
select * from app.users for key share skip locked
select * from (select * from app.users for update) x
table app.users for update
values (1) for update
select pg_read_file('/etc/passwd')
select * from pg_read_file('/etc/passwd')
select pg_catalog.pg_read_file('/etc/passwd')
select "pg_read_file"('/etc/passwd')
select PG_READ_FILE('/etc/passwd')
select U&"pg_re\0061d_file"('/etc/passwd')
select U&"pg_re!0061d_file" uescape '!' ('/etc/passwd')
select "pg_catalog"."pg_read_file"('/etc/passwd')
select pg_read_file /* x */ ('/etc/passwd')
select pg_read_binary_file('/etc/passwd')
select pg_read_file('/etc/passwd', 0, 100)
select (select pg_read_file('/etc/passwd'))
select case when true then pg_read_file('/etc/passwd') end
select coalesce(pg_read_file('/etc/passwd'), '')
select array[pg_read_file('/etc/passwd')]
select row(pg_read_file('/etc/passwd'))
select 1 where pg_read_file('/etc/passwd') is not null
select 1 from app.users order by pg_read_file('/etc/passwd')
select 1 from app.users group by pg_read_file('/etc/passwd')
select 1 from app.users having pg_read_file('/etc/passwd') <> ''
select 1 limit length(pg_read_file('/etc/passwd'))
select 1 offset length(pg_read_file('/etc/passwd'))
select 1 fetch first (length(pg_read_file('/etc/passwd'))) rows only
select sum(1) over (partition by pg_read_file('/etc/passwd'))
select sum(1) over (order by pg_read_file('/etc/passwd'))
select sum(1) over w from app.users window w as (order by pg_read_file('/etc/passwd'))
select count(*) filter (where pg_read_file('/etc/passwd') <> '') from app.users
select string_agg(name, pg_read_file('/etc/passwd')) from app.users
select string_agg(name, ',' order by pg_read_file('/etc/passwd')) from app.users
select distinct on (pg_read_file('/etc/passwd')) 1 from app.users
select * from app.users u join app.orders o on pg_read_file('/etc/passwd') <> ''
select * from app.users, lateral pg_read_file('/etc/passwd')
select * from rows from (pg_read_file('/etc/passwd'), generate_series(1, 2))
select * from rows from (pg_ls_dir('.')) with ordinality
select * from app.users tablesample bernoulli (length(pg_read_file('/etc/passwd')))
select * from app.users tablesample bernoulli ((select 1 from pg_sleep(1)))
select * from app.users tablesample system (1) repeatable (length(pg_read_file('PG_VERSION')))
values (pg_read_file('/etc/passwd'))
select percentile_cont(length(pg_read_file('/etc/passwd'))) within group (order by id) from app.users
select percentile_cont(0.5) within group (order by length(pg_read_file('/etc/passwd'))) from app.users
select xmlelement(name a, pg_read_file('/etc/passwd'))
select xmlforest(pg_read_file('/etc/passwd') as a)
select xmlelement(name a, xmlattributes(pg_read_file('/etc/passwd') as b))
select * from xmltable('/a' passing xmlparse(document pg_read_file('/etc/passwd')) columns a text)
select extract(year from (pg_stat_file('PG_VERSION')).modification)
select trim(pg_read_file('/etc/passwd'))
select substring(pg_read_file('/etc/passwd') from 1 for 10)
select position('root' in pg_read_file('/etc/passwd'))
select overlay(pg_read_file('/etc/passwd') placing 'x' from 1)
select pg_read_file('/etc/passwd') like '%root%'
select pg_read_file('/etc/passwd') collate "C"
select (pg_stat_file('/etc/passwd')).size
select pg_read_file('/etc/passwd')::text
select cast(pg_read_file('/etc/passwd') as text)
select (string_to_array(pg_read_file('/etc/passwd'), ':'))[1]
select 1 = any (array(select length(pg_read_file('/etc/passwd'))))
select exists (select pg_read_file('/etc/passwd'))
select 1 in (select length(pg_read_file('/etc/passwd')))
with recursive x as (select pg_read_file('/etc/passwd') union select * from x) select * from x
explain analyze select pg_read_file('/etc/passwd')
explain select pg_read_file('/etc/passwd')
select * from pg_ls_dir('/')
select * from pg_ls_logdir()
select * from pg_ls_waldir()
select pg_ls_dir('/etc')
select * from pg_stat_file('/etc/passwd')
select lo_import('/etc/passwd')
select lo_export(1, '/tmp/x')
select lo_create(4711)
select lo_from_bytea(0, 'x')
select lo_get(1)
select lo_unlink(1)
select lo_put(1, 0, 'x')
select pg_advisory_lock(1)
select pg_try_advisory_lock(1)
select pg_advisory_xact_lock(1)
select pg_try_advisory_lock_shared(1, 2)
select pg_advisory_unlock_all()
select pg_notify('x', 'y')
select pg_sleep(10)
select pg_sleep_for('10 s')
select pg_sleep_until('2030-01-01')
select count(*) from app.users where pg_sleep(1) is null
select pg_terminate_backend(pg_backend_pid())
select pg_cancel_backend(1)
select pg_reload_conf()
select pg_rotate_logfile()
select pg_switch_wal()
select pg_create_restore_point('x')
select pg_backup_start('x')
select pg_promote()
select pg_export_snapshot()
select pg_stat_reset()
select pg_stat_reset_shared('bgwriter')
select pg_stat_reset_single_table_counters(1)
select pg_create_physical_replication_slot('x')
select pg_create_logical_replication_slot('x', 'test_decoding')
select pg_drop_replication_slot('x')
select * from pg_logical_slot_get_changes('x', null, null)
select * from pg_logical_slot_peek_changes('x', null, null)
select pg_logical_emit_message(false, 'a', 'b')
select pg_replication_origin_create('x')
select pg_log_backend_memory_contexts(pg_backend_pid())
select pg_current_xact_id()
select txid_current()
select nextval('app.counter')
select setval('app.counter', 9)
select currval('app.counter')
select lastval()
select setseed(0.5)
select pg_import_system_collations('pg_catalog')
select brin_summarize_new_values(1)
select gin_clean_pending_list(1)
select binary_upgrade_set_next_pg_type_oid(1)
select pg_extension_config_dump('pg_class', '')
select pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')
select pg_current_logfile()
select * from pg_hba_file_rules()
select * from pg_hba_file_rules
select * from pg_file_settings
select * from pg_show_all_file_settings()
select * from pg_authid
select * from pg_catalog.pg_authid
select * from "pg_authid"
select * from U&"pg_auth\0069d"
select rolpassword from pg_authid
table pg_shadow
select * from pg_user_mapping
select * from pg_user_mappings
select * from pg_subscription
select * from pg_foreign_server
select * from information_schema.user_mapping_options
select * from pg_largeobject
select * from (select * from pg_authid) x
select 1 where exists (select 1 from pg_authid where rolpassword like 'SCRAM%')
with pg_authid as (select * from pg_authid) select * from pg_authid
select query_to_xml('select * from app.salaries', true, false, '')
select query_to_xml('commit', true, false, '')
select table_to_xml('app.salaries', true, false, '')
select table_to_xmlschema('app.salaries', true, false, '')
select schema_to_xml('vault', true, false, '')
select database_to_xml(true, false, '')
select cursor_to_xml('c', 1, true, false, '')
select query_to_xml_and_xmlschema('select 1', true, false, '')
select * from ts_stat('select to_tsvector(note) from app.salaries')
select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, note::tsquery from app.salaries')
select pg_input_is_valid('x', 'app.checked')
select * from pg_input_error_info('x', 'app.checked')
select domain_in('x', 'app.checked'::regtype, -1)
select array_in('{x}', 'app.checked'::regtype, -1)
select record_in('(x)', 1, -1)
select app.trace('direct')
select trace('path')
select app.liar('immutable')
select liar('x')
select app.stable_liar('stable')
select * from app.stable_liar('x')
select app.dynamic('select note from app.salaries')
select * from app.secret()
select (app.secret()).*
select note from app.secret()
select u.shadow from app.users u
select (u).shadow from app.users u
select (u.*).shadow from app.users u
select app.shadow(u) from app.users u
select shadow(u) from app.users u
select users.shadow from app.users
select x.shadow from (select u from app.users u) y(x)
select 1 from app.users u order by u.shadow
select 'a' <~~> 'b'
select 'a' operator(app.<~~>) 'b'
select name <~~> 'b' from app.users
select 1 from app.users where name operator(app.<~~>) email::text
select 'a' operator ( "app" . <~~> ) 'b'
select 'a' <~~> any (array['b'])
select 'x'::text::app.trap
select cast('x'::text as app.trap)
select cast(name as trap) from app.users
select t = t from app.traps
select a.t = b.t from app.traps a, app.traps b
select * from app.traps a join app.traps b using (t)
select * from app.traps a natural join app.traps b
select t in (select t from app.traps) from app.traps
select t is distinct from t from app.traps
select nullif(t, t) from app.traps
select case t when t then 1 end from app.traps
select 'x'::app.checked
select app.checked 'x'
select cast('x' as checked)
select null::app.checked
select checked('x')
select * from json_to_record('{"a": "x"}') as t(a app.checked)
select * from json_table('{"a": 1}', '$' columns (a app.checked path '$.a')) j
select * from xmltable('/a' passing '<a/>' columns a app.checked)
select array['x']::app.checked[]
select '{x}'::app.checked[]
select json_populate_record(null::app.checked, '{}')
select * from app.v_trace
select * from app.v_nested_trace
select t from app.v_files
table app.v_trace
select trace_agg(name) from app.users
select app.trace_agg(name) from app.users
select trace_agg(name) over (order by id) from app.users
select initcap(1)
select initcap(id::int) from app.users
select * from generate_series(1, initcap(1))
select * from pg_toast.pg_toast_1255
perform 1
select perform(1), perform 2
graph_table (x match (a) columns (a))
select * from graph_table (g match (a) columns (a.x))
select :name
select ${x}
select $1$2
select 1 union select 1 into x
select treat(1 as int)
select default
values (default)
select 'a' N'b'
select E'\'
select 'unterminated
select "unterminated
select /* unterminated
select $$unterminated
select (1
select 1)
select `1`
select {1}
select 1 from
select from where
seelct 1
\copy app.users to '/tmp/x'
\! id
select * from pg_temp.x
select pg_temp.f()
select pg_temp_3.f()
select 'x'::pg_temp.t
select * from pg_foreign_server s, pg_user_mapping m
select ('("x",1)'::app.holder).c
select row('x', 1)::app.holder
select cast(row('x', 1) as app.holder[])
select jsonb_populate_record(null::app.holder, '{"c": "x"}')
select jsonb_populate_record(h, '{"c": "x"}') from app.held h
select * from held h, json_populate_recordset(h, '[{"c": "x"}]') x
select operator(app.!!!) 'x'
select !!! 'x'
select !!!'x'
select * from app.traps order by t
select * from app.traps order by t using operator(app.<)
select distinct t from app.traps
select t, count(*) from app.traps group by t
select max(n) over (order by t) from (select t, 1 as n from app.traps) x
select count(distinct t) from app.traps
select t from app.traps union select t from app.traps
select t from app.traps intersect table app.traps
select array_agg(x order by x) from (select t as x from app.traps) y
select row(t) = row(t) from app.traps
select array[t] = array[t] from app.traps
select * from app.v_names
select * from app.v_sorted
select * from app.v_secret
select * from app.far
select * from app.v_far
select (array[u])[1].shadow from app.users u
select ((array[u])[1]).shadow from app.users u
select (select u from app.users u limit 1).shadow
select app.users.shadow from app.users
select postgres.app.users.shadow from app.users
select 1 from app.users u order by (u).shadow
select sum(1) over (partition by u.shadow) from app.users u
select 1 from app.users u where u.shadow = 'x'
select 1 from app.users u join app.orders o on u.shadow = 'x'
select * from app.users u, lateral (values (u.shadow)) v
select x from app.users u, lateral unnest(array[u.shadow]) x
select (u)."shadow" from app.users u
select (u).U&"sh\0061dow" from app.users u
select u.full_name from app.users u
select max(u.shadow) from app.users u
select 1 from app.users u group by u.shadow
select coalesce(u.shadow, '') from app.users u
select "app"."trace"('x')
select postgres.app.trace('x')
select app . trace ( 'x' )
select app.trace/**/('x')
select App.TRACE('x')
select app.trace(variadic array['x'])
select app.trace(what => 'x')
select app.trace(what := 'x')
select * from app.trace('x') as t(a)
select * from app.trace('x') with ordinality
select * from lateral app.trace('x') t
select 1 limit case when app.trace('x') is null then 1 end
select 1 from generate_series(1, 2) where app.trace('x') is not null
with x as materialized (select app.trace('x')) select 1
with x as not materialized (select app.trace('x')) select * from x
select array(select app.trace('x'))
select * from app.users where (name, 'a') in (select app.trace('x'), 'a')
select 1 from app.users where name like app.trace('x')
select name collate "C" || app.trace('x') from app.users
select exists (select app.trace('x'))
select (values (app.trace('x')))
select 'x'::text::"app"."trap"
select text 'x' :: app . trap
select ('x'::text)::trap[]
select lower(app.trace('x'))
select xmlconcat(xmlelement(name a, app.trace('x')))
select grouping(app.trace('x')) from app.users group by app.trace('x')
select json_object('a': app.trace('x'))
select json_build_object('a', app.trace('x'))
select interval '1 day' * length(app.trace('x'))
select tags[length(app.trace('x'))] from app.users
select tags[1:length(app.trace('x'))] from app.users
select id between 1 and length(app.trace('x')) from app.users
select id is distinct from length(app.trace('x')) from app.users
select now() at time zone app.trace('x')
select count(*) over (order by id range between length(app.trace('x')) preceding and current row) from app.users
select ('x'::text).trace
select ('x'::text).liar
select (name).trace from app.users
select (u.name).liar from app.users u
select tags[1].trace from app.users
select (tags)[1].liar from app.users
select (upper(name)).stable_liar from app.users
select (select 'x'::text).liar
select (case when true then 'x'::text end).trace
select (array['x'])[1].liar
select ('x'::text).checked
select ('x'::text).trap
select (u.name).checked from app.users u
select 1 from app.users u order by (u.name).liar
select $1.liar
select ($1::text).liar
select repeat('x', 1000000000)
explain select repeat('x', 1000000000)
select pg_catalog."repeat"('x', 0x3B9ACA00)
select length(lpad('x', 250000000))
select array_fill(1, array[100000000])
select array_fill(1, array[1000, 1000])
select format('%900000000s', 'x')

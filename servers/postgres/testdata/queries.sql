-- One query a line, for the oracle only: shapes from benchmarks, from information_schema and from
-- PostgreSQL's own regression tests, over the schema beside this file and the system's catalogs.
select l.status, sum(l.total) as sum_qty, sum(l.total * (1 - 0.1)) as disc, avg(l.total), count(*) from app.orders l where l.placed <= date '2024-12-01' - interval '90' day group by l.status order by l.status
select u.name, count(o.id) from app.users u left outer join app.orders o on u.id = o.user_id and o.status not like '%special%requests%' group by u.name order by count(o.id) desc, u.name
select case when o.status = 'paid' then 1 else 0 end, extract(year from o.placed) as y from app.orders o where o.total between 0.06 - 0.01 and 0.06 + 0.01
select 100.00 * sum(case when u.name like 'PROMO%' then o.total * (1 - 0.2) else 0 end) / sum(o.total) from app.orders o, app.users u where o.user_id = u.id and o.placed >= date '1995-09-01' and o.placed < date '1995-09-01' + interval '1' month
select s.name from app.users s where s.id in (select p.user_id from app.orders p where p.total > (select 0.5 * sum(o.total) from app.orders o where o.user_id = p.user_id)) order by s.name
select substring(u.name from 1 for 2) as code, count(*) from app.users u where not exists (select * from app.orders o where o.user_id = u.id) group by code
select u.name, max(o.total) from app.users u, app.orders o where u.id = o.user_id group by u.name having max(o.total) > all (select avg(total) from app.orders)
select distinct c.relname, n.nspname, pg_catalog.pg_get_userbyid(c.relowner), pg_catalog.obj_description(c.oid, 'pg_class') from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', '') and n.nspname <> 'pg_catalog' and n.nspname !~ '^pg_toast' and pg_catalog.pg_table_is_visible(c.oid) order by 1, 2
select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (select pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) from pg_catalog.pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef), a.attnotnull, (select c.collname from pg_catalog.pg_collation c, pg_catalog.pg_type t where c.oid = a.attcollation and t.oid = a.atttypid and a.attcollation <> t.typcollation) from pg_catalog.pg_attribute a where a.attrelid = 'app.users'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
select conname, pg_catalog.pg_get_constraintdef(r.oid, true) from pg_catalog.pg_constraint r where r.conrelid = '16400'::pg_catalog.oid and r.contype = 'f' order by 1
select nspname from pg_namespace where (nspname !~ '^pg_' and has_schema_privilege(oid, 'usage')) or pg_has_role(nspowner, 'usage')
select t.table_schema, t.table_name, c.column_name, c.data_type from information_schema.tables t join information_schema.columns c using (table_schema, table_name) where t.table_schema not in ('pg_catalog', 'information_schema')
select coalesce(s.idx_scan, 0), pg_size_pretty(pg_relation_size(s.relid)) from pg_stat_user_tables s where s.n_live_tup > 1000 order by pg_relation_size(s.relid) desc
select (aclexplode(c.relacl)).grantee::regrole from pg_class c
select x::text::int::bigint::numeric(10,2)::text from generate_series(1, 3) x
select (array_agg(x order by x desc))[1:2], (array[1,2,3])[2], '{1,2}'::int[] || 3, array[[1,2],[3,4]] from generate_series(1, 3) x
select row(1, 'a')::text, (row(1, 2)).f1, (app.users.home).street from app.users
select u, u.*, (u).name, (u.home).* from app.users u
select users from app.users
select name(u), u.name, text(u.name), (u.id)::text, upper((u).name) from app.users u
select 1 + 2 - 3 * 4 / 5 % 6, 6 ^ 7, - 1, + 1, @ -1, |/ 4, ||/ 8, 2 << 1, 4 >> 1, 5 & 3, 5 | 3, 5 # 3, ~5
select 'a' || 'b' || 1, 'a' = 'b', 'a' <> 'b', 'a' != 'b', 'a' < 'b', 'a' >= 'b', 'abc' ^@ 'a'
select 'a' like 'b', 'a' not like 'b', 'a' ilike 'b' escape '!', 'a' not ilike 'b', 'a' similar to 'b', 'a' not similar to 'b' escape '!', 'a' ~ 'b', 'a' !~* 'b', 'a'::bytea like 'b'
select 1 between 2 and 3, 1 not between 2 and 3, 1 between symmetric 3 and 2, 1 not between symmetric 3 and 2, date '2024-01-01' between '2023-01-01' and now()
select 1 in (1, 2, 3), 1 not in (1, 2), 'a' in ('a', 'b'), 1.5 in (1, 2), (1, 2) in ((1, 2), (3, 4)), 1 in (select id from app.users), (1, 'a') not in (select id, name from app.users)
select 1 = any (array[1, 2]), 1 <> all ('{1,2}'), 1 < some (select id from app.users), 'a' like any (array['a']), (1, 2) > (select 1, 2)
select (1, 2) < (3, 4), (1, 2) <= (3, 4), (1, 'a') <> (2, 'b'), row(1, 2) is distinct from row(1, 3), row(1, null) is null, (1, 2) = (1, 2)
select 1 is distinct from 2, null is not distinct from null, true is true, true is not unknown, 1 is null, 1 isnull, 1 notnull
select nullif(1, 2), nullif('a', 'b'), coalesce(1, 2.5), greatest(1, 2.5), least(now(), 'infinity'), case 1 when 2 then 3 when 4.5 then 5 else 6 end, case when 1 = 2 then 3 end
select current_date, current_time, current_time(2), current_timestamp, current_timestamp(3), localtime, localtimestamp(2), current_role, current_user, session_user, user, current_catalog, current_schema
select now() at time zone 'utc', timestamp '2024-01-01' at time zone interval '1 hour', time '10:00' at time zone 'utc', (now())::time with time zone, timestamp with time zone '2024-01-01', time(3) '10:00:00', timestamp(3) without time zone '2024-01-01'
select extract(year from now()), extract('month' from date '2024-01-01'), extract(epoch from interval '1 day'), extract(hour from time '10:00'), date_part('dow', now()), date_trunc('day', now(), 'utc')
select overlay('abc' placing 'x' from 2), overlay('abc'::bytea placing 'x' from 2 for 1), position('a' in 'abc'), position('a'::bytea in 'abc'), substring('abc' from 2), substring('abc' for 2), substring('abc' from 1 for 2), substring('abc' from '[a-b]+'), substring('abc' similar 'a#"b#"c' escape '#'), substring('abc', 1, 2)
select trim('a '), trim(both 'a' from 'aba'), trim(leading from ' a'), trim(trailing 'x' from 'ax'), trim(both from ' a '), trim('a' from 'aba'), trim('aba', 'a'), trim('\x00'::bytea from '\x00'::bytea), ltrim('a'), btrim('a', 'b')
select normalize('a'), normalize('a', nfc), 'a' is normalized, 'a' is nfkc normalized, 'a' is not nfd normalized, collation for ('a' collate "C"), 'a' collate "C" < 'b'
select (now(), interval '1 day') overlaps (now(), now()), (time '10:00', time '11:00') overlaps (time '10:30', interval '1 hour'), (date '2024-01-01', date '2024-01-02') overlaps (date '2024-01-01', date '2024-01-02')
select interval '1 day', interval '1' day, interval '1-2' year to month, interval '1 2:3:4' day to second(2), interval(3) '1 second', interval '5' hour, '1'::interval hour
select b'101', x'1F', bit '101', bit(3) '101', bit varying(5) '101', char 'a', char(3) 'a', character varying(3) 'abc', varchar 'a', national character varying (3) 'a', dec(5,2) '1.5', float(20) '1', float '2', real '3', double precision '4', boolean 't', smallint '1', bigint '2', json '{}', text 'x', "char" 'c', name 'n', xid '1', oid '1'
select count(*), count(all id), count(distinct id), sum(id) filter (where id > 1), array_agg(name order by id desc, name using >), string_agg(name, ',' order by name collate "C") from app.users
select percentile_cont(0.5) within group (order by id), percentile_disc(array[0.1]) within group (order by score), mode() within group (order by name), rank(1) within group (order by id), cume_dist(1, 'a') within group (order by id, name) from app.users
select row_number() over (), rank() over (order by id), lag(id) over w, lead(id, 2, 0) over (w order by name), nth_value(id, 2) over (partition by mood order by id rows between 1 preceding and unbounded following), sum(id) over (order by born range between '1 day' preceding and '1 day' following), count(*) filter (where true) over (order by id groups 2 preceding), cume_dist() over (order by created range between interval '1 day' preceding and current row exclude group) from app.users window w as (partition by active)
select a.id from app.users a tablesample system (10), app.orders tablesample bernoulli (5.5) repeatable (42) where a.id = orders.id
select * from app.users u cross join lateral (select u.id + 1 as n) x, generate_series(1, u.id) with ordinality as g(a, b), unnest(u.tags) as t(tag), jsonb_each(u.profile) as j
select * from rows from (generate_series(1, 3), json_to_record('{"a":1}') as (a int, b text), unnest(array[1], array['x'])) with ordinality as t(a, b, c, d, e, f)
select * from json_to_recordset('[]') as t(a int[], b app.mood, c app.address, d numeric(5, 1), e timestamp with time zone, f text collate "C")
select * from (values (1, 'a'), (2, 'b')) v(n, t) join (table app.users) u on u.id = v.n natural join (select 1 as id) w full join (select 2 as id) z using (id) as merged
select * from (app.users a join app.orders b using (id)) as j(x) left join (app.salaries s right join app.products p on true) on true
with a as (select 1 as n), b as (select n + 1 as n from a) select a.n, b.n from a join b using (n) union all select 3, 4 order by 1 desc limit 5 offset 1
with salaries as (select * from salaries) select * from salaries
with recursive salaries as (select 1 as user_id union all select user_id + 1 from salaries where user_id < 5) select * from salaries
with x as (with salaries as (select 2 as n) select * from salaries) select * from x, salaries
with x as (with x as (select * from app.users) select * from x) select * from x where exists (with users as (select 1) select * from users)
with users as (select * from orders), orders as (select * from users) select * from users, orders
with recursive users as (select * from orders), orders as (select 1 as n) select * from users
with a as (select 1 as n) (with b as (select * from a) select * from b) union (with salaries as (select 5 as n) select * from salaries) union select user_id from salaries
with a as (select 1 as n) select (with a as (select 2 as m) select m from a), n from a
select * from (with orders as (select 1 as k) select * from orders union all select id::int from app.orders) q, orders
with recursive t(id, parent) as (select 1, 0 union all select id + 1, id from t where id < 5) search breadth first by id set o cycle id set is_c to 'y' default 'n' using p select * from t order by o
with recursive t as (select 1 as n union select n + 1 from t where n < (with t as (select 5 as m) select max(m) from t)) select * from t
with v(a, b) as (values (1, 'x'), (2, 'y')) table v
(with a as (select 1) table a) union all (values (1)) limit 1
select 1 union select 2 intersect select 3 except select 4
((select id from app.users order by name limit 1) union all (select 2)) order by 1
select mood, count(*), grouping(mood, active) from app.users group by grouping sets (rollup (mood, active), cube (mood), ()), active having count(*) > 0
select distinct on (mood, active) * from app.users order by mood, active, id desc nulls first
select id from app.users group by distinct rollup (id), rollup (name, id) order by id fetch next 3 rows only
select json '{"a":1}' -> 'a', jsonb '{"a":[1]}' #> '{a,0}', jsonb '{}' || '{}', jsonb '{"a":1}' - 'a', jsonb '[1]' - 0, jsonb '{}' @> '{}', jsonb '{}' ?| array['a'], jsonb '{}' ?& array['a'], jsonb '{}' #- '{a}', jsonb '{}' @? '$.a', jsonb '{}' @@ '$.a == 1'
select profile['level'], profile['langs'][0], tags[1], tags[1:2], tags[:2], tags[2:], tags[:] from app.users
select jsonb_set('{}', '{a}', '1'), jsonb_insert('[]', '{0}', '1'), jsonb_strip_nulls('{}'), jsonb_path_query_array('{}', '$', vars => '{}', silent => true), make_interval(days => 5), make_interval(1, hours := 2)
select concat(variadic array['a', 'b']), format('%s', variadic array['x']), num_nulls(variadic array[1, null]), jsonb_build_array(variadic array[1, 2])
select '2024-01-01'::date + 1, date '2024-01-01' - date '2023-01-01', now() - interval '1 day', 2 * interval '1 hour', date '2024-01-01' + time '10:00', '1'::money * 2, '10.0.0.1'::inet + 1, point '(1,2)' <-> point '(3,4)', box '(0,0),(1,1)' && box '(0,0),(2,2)', '[1,2]'::int4range * '[2,3]'::int4range, int8range(1, 2) -|- int8range(2, 3), tsrange(null, null) @> timestamp '2024-01-01'
select to_tsvector('english', 'a') @@ to_tsquery('a'), 'a' @@ 'b', 'a:1'::tsvector || 'b:2', 'a'::tsquery && 'b', !! 'a'::tsquery, 'a'::tsquery <-> 'b'::tsquery, ts_rank('a:1', 'a')
select sum(total), avg(total::float8), stddev_pop(total), covar_samp(id, total), max(status), min(placed), bit_and(id), bool_or(total > 1), xmlagg(null::xml), jsonb_object_agg(id, total), range_agg(tstzrange(placed, placed)) from app.orders
select o.id, o.total::money, o.items->0->>'sku', (o.items->0->>'n')::int * 2, o.placed::date::text, to_char(o.placed, 'Day') || o.status, age(o.placed) from app.orders o where o.items @> '[{"sku": "p1"}]' and o.placed::date = current_date - 1 and (o.total, o.id) > (5, 6)
select mood::text, 'happy'::app.mood, mood > 'sad', enum_range(null::app.mood), 'x@y'::app.email, email || 'x', lower(email), row('a', 'b', 'c')::app.address, ('(a,b,c)'::app.address).city, null::app.users, '{sad}'::app.mood[], int4range(1, 2)::text, app.span(1, 5), '[1,2]'::app.span @> 1 from app.users
select harmless(1), app.harmless(2), app.trace('x'), trace('y'), u.shadow, (u).shadow, app.shadow(u), users.shadow from app.users u, app.users
select 'a' <~~> 'b', 'a' operator(app.<~~>) 'b', 'x'::text::app.trap, t = t, t in (select t from app.traps), nullif(t, t) from app.traps
select trace_agg(name), app.trace_agg(name) filter (where true) from app.users
select trace_agg(name) over (partition by mood) from app.users
select a.t from app.traps a join app.traps b using (t)
select a.t from app.traps a natural join app.traps b
select id from app.users order by id using operator(pg_catalog.<)
select 1 operator(pg_catalog.+) 2, operator(pg_catalog.-) 3, 'a' operator(pg_catalog.~~) 'b'
select xmlelement(name foo, xmlattributes(1 as a), 'x', xmlforest(1 as b)), xmlconcat('<a/>', '<b/>'), xmlpi(name php, 'x'), xmlparse(content 'a'), xmlserialize(content '<a/>'::xml as text), xmlroot('<a/>'::xml, version '1.0', standalone yes), xmlexists('/a' passing '<a/>'), '<a/>'::xml is document
select * from xmltable(xmlnamespaces('http://x' as x), '/a/b' passing xmlparse(document '<a/>') columns id int path '@id' default 1 not null, n for ordinality, t text path 't')
select json_array(1, 2 null on null), json_array(select id from app.users), json_object('a': 1, 'b' value 2 absent on null with unique keys), json_arrayagg(id order by id returning jsonb), json_objectagg(name: id with unique keys returning jsonb) from app.users
select '{}' is json, '[]' is json array, '{}' is not json object with unique keys
select json_value('{"a":1}', '$.a' returning int default 0 on empty error on error), json_query('{"a":1}', '$.a' with wrapper), json_exists('{"a":1}', '$.a' passing 1 as x), json_scalar(1), json('{}'), json_serialize('{}' returning bytea)
select * from json_table('[{"a":1}]', '$[*]' as p passing 1 as x columns (id for ordinality, a int path '$.a' default 0 on empty, e boolean exists path '$.e', q jsonb format json path '$.q' with wrapper, nested path '$.n[*]' columns (m numeric(5,2) path '$'))) as j
select t.* from pg_catalog.pg_type t where t.typname::text = any (string_to_array('a,b', ',')) and t.oid::regtype::text <> '' and t.typinput::oid > 0 and t.typname = 'x' || current_user
select u.id::text || ':' || u.name || o.total from app.users u join app.orders o on u.id = o.user_id and u.created::date = o.placed::date
select id from app.users where (id, name) in (values (1, 'a')) or name = any (select name from app.users) or id = (select max(id) from app.users) or array[id] = array(select id from app.users)
select avg(score) over w, sum(score) over (w), first_value(name) over (partition by mood order by score nulls last) from app.users window w as (order by name collate "C" desc)
select "Quoted Name", k."key", "select" from vault.api_keys k, app."Mixed Case" m
select U&"\006eame" from "app"."users"

-- One statement a line that must run, also where only app.users and app.orders may be read.
select 1
select 1;
  select 1 ; -- done
/* a /* nested */ comment */ select 1
values (1, 'a'), (2, 'b')
table app.users
table only app.users
select * from users
select * from app.users limit 5
select id, name from app.users where id = 1
select u.id, u.name, u.email, u.home from app.users u order by u.id desc nulls last limit 3 offset 2
select (u.home).city, u.profile->>'level', u.profile->'langs'->0, u.tags[1], u.tags[1:2] from app.users u
select count(*), count(distinct mood), min(born), max(born), avg(score), sum(score) from app.users
select status, count(*) as n, sum(total) from app.orders group by status having count(*) > 1 order by n desc
select date_trunc('month', placed) as m, sum(total) from app.orders group by 1 order by 1
select to_char(placed, 'YYYY-MM'), to_char(total, 'FM999G990.00') from app.orders limit 5
select extract(year from placed), extract(epoch from placed), date_part('month', placed) from app.orders limit 2
select percentile_cont(0.5) within group (order by total), percentile_disc(array[0.1, 0.9]) within group (order by total) from app.orders
select mode() within group (order by status) from app.orders
select generate_series(1, 5)
select * from generate_series(timestamptz '2024-01-01', '2024-02-01', interval '1 week') as g(day)
select * from generate_series(1, 3) with ordinality as g(n, place)
select row_number() over (partition by status order by total desc), lag(total, 1) over w, sum(total) over (w rows between unbounded preceding and current row) from app.orders window w as (order by placed) limit 5
select rank() over (order by score), dense_rank() over (order by score), ntile(4) over (order by score), first_value(id) over (order by id range between 1 preceding and 1 following exclude ties) from app.users
explain select * from app.users where id = 1
explain (analyze, buffers, format json) select * from app.users u join app.orders o on o.user_id = u.id
explain analyze verbose select count(*) from app.orders
explain (verbose, costs off) values (1)
select u.name, o.total from app.users u, lateral (select total from app.orders where user_id = u.id order by total desc limit 1) o
select u.id, l.lang from app.users u cross join lateral jsonb_array_elements_text(u.profile->'langs') as l(lang) limit 5
select jsonb_path_query(profile, '$.langs[*]'), profile @> '{"level": 1}', profile ? 'level', profile #>> '{langs,0}' from app.users
select profile @? '$.level ? (@ > 3)', profile @@ '$.level > 3', jsonb_pretty(profile) from app.users limit 1
select jsonb_build_object('id', id, 'name', name), to_jsonb(users), row_to_json(users) from app.users limit 1
select jsonb_agg(name order by id), json_object_agg(id, name), array_agg(name), string_agg(name, ', ' order by name) from app.users
select * from jsonb_to_recordset('[{"a": 1, "b": "x"}]') as t(a int, b text)
select * from jsonb_each('{"a": 1}'), json_each_text('{"a": 1}') as j(k, v)
select * from rows from (generate_series(1, 3), unnest(array['a', 'b'])) as t(n, l)
select * from unnest(array[1, 2], array['a', 'b']) as t(n, l)
select pg_size_pretty(123456789::bigint), round(1.234, 2), greatest(1, 2), least(1, 2), nullif(1, 1), coalesce(null, 1)
select regexp_replace(name, '(\w+) (\d+)', '\2 \1'), regexp_matches(name, '\d+', 'g'), name ~* '^USER', name !~ 'x' from app.users limit 2
select regexp_split_to_table('a,b', ','), string_to_array('a,b', ','), split_part('a,b', ',', 1)
select name like 'user%', name ilike 'USER%', name not like 'x%' escape '!', name similar to 'user [0-9]+' from app.users limit 1
select trim(both ' ' from name), substring(name from 1 for 2), substring(name, 2), position('s' in name), overlay(name placing 'x' from 1 for 1), upper(name), lower(name), length(name) from app.users limit 1
select id between 1 and 3, id between symmetric 3 and 1, id in (1, 2), id not in (3), id is distinct from 2, id = any (array[1]), id <> all (array[9]) from app.users limit 1
select now(), current_date, current_timestamp, localtime, current_user, clock_timestamp(), statement_timestamp(), timezone('utc', now()), now() at time zone 'Europe/Zurich'
select age(now(), created), created + interval '1 day', created - '1 hour'::interval, make_date(2024, 1, 1), date '2024-01-01' + 1 from app.users limit 1
select (date '2024-01-01', date '2024-02-01') overlaps (date '2024-01-15', date '2024-03-01')
select random(), gen_random_uuid() is not null
select case when id > 1 then 'a' else 'b' end, case mood when 'ok' then 1 end from app.users limit 1
select mood, enum_range(null::app.mood), 'happy'::app.mood > mood from app.users limit 1
select 'a@b'::app.email, email::text from app.users limit 1
select cast(1.5 as numeric(4, 1)), '1'::int, 1::text, int '3', '{1,2}'::int[], '\x00'::bytea
with recursive t(n) as (select 1 union all select n + 1 from t where n < 10) select sum(n) from t
with recursive t as (select 1 as id, 0 as parent union all select t.id + 1, t.id from t where t.id < 3) search depth first by id set o cycle id set c using p select * from t
with a as (select * from app.users), b as materialized (select * from a where active), c as not materialized (select 1) select count(*) from a, b, c
with users as (select 1 as n) select * from users
with salaries as (select 1 as n) select * from salaries
with salaries(n) as (values (1)) select * from (select * from salaries union select 2) x
with salaries as (select 1 as n) select 1 union select n from salaries order by 1
with x as (select 1), salaries as (select * from x) select * from salaries, x
with recursive api as (select * from keys), keys as (select 1 as n) select * from api
select * from app.users where exists (select 1 from app.orders o where o.user_id = users.id)
select * from app.users natural join (select id, user_id from app.orders) o
select * from app.users u left join app.orders o using (id) full join (values (1)) v(id) using (id) limit 3
select count(*) from (app.users u join app.orders o on o.user_id = u.id)
select distinct on (status) status, total from app.orders order by status, total desc
select status, grouping(status), count(*) from app.orders group by rollup (status)
select status, user_id, count(*) from app.orders group by grouping sets ((status), (user_id), ()) limit 3
select status, count(*) from app.orders group by cube (status, user_id) limit 3
select * from app.users tablesample bernoulli (50) repeatable (1)
select * from app.orders tablesample system (100) limit 1
select * from only app.orders
select * from app.orders_2024 limit 1
select * from app.orders_2025_h1 limit 1
(select 1) union all (select 2) except select 3 order by 1 limit 1
select 1 union (values (2)) intersect select 2
select * from app.users order by id fetch first 2 rows with ties
select * from app.users order by name collate "C" using < limit 1
select to_tsvector('english', name) @@ to_tsquery('english', 'user'), ts_rank(to_tsvector(name), plainto_tsquery('user')), ts_headline(name, to_tsquery('user')) from app.users limit 1
select ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)
select width_bucket(score, 0, 100, 10), floor(score), ceil(score), sqrt(4), power(2, 3), mod(5, 3), 5 % 3, 2 ^ 3, |/ 4, @ -5, 5 & 3, ~ 1, 1 << 2 from app.users limit 1
select corr(id, score), stddev(score), variance(score), regr_slope(score, id), bool_and(active), every(active), bit_or(id::int) from app.users
select array_length(tags, 1), cardinality(tags), tags || array['x'], tags && array['a'], tags @> array['a'], array_position(tags, 'a'), array_to_string(tags, ',') from app.users limit 1
select '[1,5)'::int4range @> 3, int4range(1, 5) && int4range(4, 9), lower(int4range(1, 5)), tstzrange(now(), null) @> now()
select md5('x'), encode(sha256('x'), 'hex'), decode('00', 'hex'), format('%s-%I', 'a', 'b'), quote_literal('a'), concat_ws(',', 1, 2), repeat('x', 3), lpad('1', 3, '0')
select inet '10.0.0.1' << inet '10.0.0.0/8', host('10.0.0.1'), point(1, 2) <-> point(3, 4), uuid '00000000-0000-0000-0000-000000000000'
select xmlelement(name a, xmlattributes(id as id), name), xmlforest(id, name) from app.users limit 1
select * from xmltable('/r/x' passing xmlparse(document '<r><x n="1"/></r>') columns n int path '@n', o for ordinality)
select xpath('/a/text()', '<a>x</a>'::xml)
select 'O''Brien', E'a\tb\\c\u00e4', U&'d\0061t\+000061', $$dollar$$, $tag$a$b$tag$
select name as "Group", name "select", id as order_by from app.users limit 1
select "name", U&"n\0061me", NAME, app.users.id, "app"."users"."id" from app.users limit 1
select count(*) from app.users as u(a, b), app.orders as o where u.a = o.id
select -id, +id, - - id, not active, active is true, active is not unknown, name is null, name notnull, -1, 1.5e3, .5, 1. from app.users limit 1
select a.b from (select 1 as b) a
select id<-1, id>-1, id+-1, id*-1, id-1, 2-id from app.users limit 1
select row(1, 2) = row(1, 2), (1, 2) < (1, 3), (id, name) = any (select id, name from app.users), row(u.*) is null from app.users u limit 1
select $1::int + $2::int
select * from app.users where id = $1
select * from app.users where id = any ($1::bigint[]) limit $2
show server_version
show timezone
show time zone
show transaction isolation level
show statement_timeout
select current_setting('server_version'), version(), current_database(), pg_column_size(name) from app.users limit 1
select count(*) from app.users where id between 2 and 10 or not (active and true)
select count(*) from app.users where id between 2 and 10 and not active and not id = 3
select count(*) from app.users where id between 2 and 10 and mood in ('ok') and name is not null and name like 'u%' and name not in ('x') or not exists (select 1)
select count(*) from app.users where created between now() - interval '1 day' and now() and id not between 1 and 2 and (name, id) is not null
select case when id between 1 and 2 then 'a' when not id between 3 and 4 and not active then 'b' end from app.users
select "not", "Not" from (values (1, 2)) v("not", "Not")
select repeat('#', (count(*) / 10)::int), repeat(status, 2), rpad(status, 10, '.'), lpad(min(id)::text, length(status) + 2, '0') from app.orders group by status
select repeat('ab', 999), array_fill(0, array[3, 2]), array_fill(null::int, array[id::int]), format('%-10s|%s', name, id) from app.users limit 1
select (home).city, (u.home).street, ((u).home).zip, (u.tags)[1], (array[u.home])[1].city from app.users u limit 1

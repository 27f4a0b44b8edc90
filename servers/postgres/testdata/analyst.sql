-- What an analyst asks of the shop, one statement a line; parameters as JSON after a tab.
select count(*) from public.customers
select id, name, email from customers order by id limit 10
select c.name, count(o.id) as orders, sum(o.total) as revenue from customers c left join sales.orders o on o.customer_id = c.id group by c.id, c.name order by revenue desc nulls last limit 5
select status, count(*), round(avg(total), 2), min(total), max(total) from sales.orders group by status order by 1
select date_trunc('month', placed_at)::date as month, sum(total), count(*) from sales.orders group by 1 order by 1
select date_trunc('week', placed_at at time zone 'Europe/Berlin') w, count(*) from sales.orders group by w order by w limit 4
select to_char(placed_at, 'YYYY-"Q"Q') q, sum(total) from sales.orders group by q order by q
select extract(isodow from placed_at) dow, count(*) from sales.orders group by dow order by dow
select percentile_cont(0.5) within group (order by total) as median from sales.orders
select percentile_cont(array[0.25, 0.5, 0.75, 0.95]) within group (order by total) from sales.orders
select percentile_disc(0.9) within group (order by total desc), mode() within group (order by status) from sales.orders
select status, percentile_cont(0.5) within group (order by total) filter (where total > 10) from sales.orders group by status
select d::date, coalesce(count(o.id), 0) from generate_series('2025-01-01'::timestamptz, '2025-01-14', '1 day') d left join sales.orders o on o.placed_at::date = d::date group by d order by d
select * from generate_series(1, 10, 3)
select generate_series(date '2025-01-01', date '2025-01-05', interval '1 day')::date
explain select * from sales.orders where customer_id = 7
explain (analyze, buffers, timing off, summary off) select * from sales.orders where customer_id = 7
explain (analyze, format json) select count(*) from sales.orders
explain (costs off, format yaml) select 1
explain verbose select id from sales.orders
select id, total, rank() over (partition by customer_id order by total desc) r from sales.orders limit 5
select * from (select id, customer_id, row_number() over (partition by customer_id order by placed_at desc) rn from sales.orders) x where rn = 1 limit 5
select placed_at::date d, sum(total) over (order by placed_at rows between 6 preceding and current row) from sales.orders limit 5
select id, total - lag(total) over w as delta, lead(total, 2, 0) over w, first_value(total) over w, last_value(total) over w, nth_value(total, 2) over w, ntile(4) over w, cume_dist() over w, percent_rank() over w, dense_rank() over w from sales.orders window w as (order by placed_at) limit 5
select avg(total) over (order by placed_at range between interval '7 days' preceding and current row) from sales.orders limit 3
select sum(total) over (order by status groups between 1 preceding and current row exclude current row) from sales.orders limit 3
select c.name, l.total from customers c, lateral (select total from sales.orders o where o.customer_id = c.id order by total desc limit 2) l limit 5
select c.id, t.tag, t.ord from customers c cross join lateral unnest(c.tags) with ordinality as t(tag, ord) limit 5
select c.name, o.* from customers c left join lateral (select count(*) n, max(placed_at) last from sales.orders where customer_id = c.id) o on true limit 3
select p.attributes->>'color', p.attributes #>> '{a,b}', p.attributes @> '{"a":1}', p.attributes ? 'x', jsonb_typeof(p.attributes) from sales.products p limit 2
select jsonb_path_query(payload, '$.n ? (@ > 990)') from events
select jsonb_path_query_first(payload, '$.**'), jsonb_path_query_array(payload, '$.*') from events limit 2
select payload->'n', (payload->>'n')::int % 7, jsonb_object_keys(payload) from events limit 3
select * from events where payload @? '$.n ? (@ < 3)' or payload @@ '$.n == 5'
select e.id, x.* from events e, jsonb_to_record(e.payload) as x(n int) limit 2
select key, value from events, jsonb_each(payload) limit 2
select jsonb_set(payload, '{n}', '5'), payload || '{"b":2}', payload - 'n', jsonb_pretty(payload), jsonb_strip_nulls(payload) from events limit 1
with recursive t(n, f) as (values (1, 1::numeric) union all select n + 1, f * (n + 1) from t where n < 20) select * from t
with recursive tree as (select 1 as id, null::int as parent, array[1] as path union all select t.id * 2, t.id, path || t.id * 2 from tree t where t.id < 50) select * from tree order by path
with recursive g(a, b) as (values (1, 2), (2, 3), (3, 1)), walk as (select a, b from g where a = 1 union all select g.a, g.b from walk w join g on g.a = w.b) cycle a set is_cycle using path select a, b, is_cycle from walk
with recursive t as (select 1 n union all select n + 1 from t where n < 5) search depth first by n set o select * from t order by o
with paid as materialized (select * from sales.orders where status = 'paid'), top as not materialized (select customer_id, sum(total) s from paid group by 1) select c.name, s from top join customers c on c.id = customer_id order by s desc limit 3
select status, extract(month from placed_at) m, sum(total), grouping(status, extract(month from placed_at)) from sales.orders group by grouping sets ((status, extract(month from placed_at)), (status), ()) order by 1, 2 limit 5
select status, customer_id % 3, count(*) from sales.orders group by rollup (status, customer_id % 3)
select status, customer_id % 2, count(*) from sales.orders group by cube (1, 2)
select count(*) filter (where status = 'paid') paid, count(*) filter (where total > 50) big, sum(total) filter (where placed_at >= date '2025-06-01') from sales.orders
select to_tsvector('english', title) @@ plainto_tsquery('english', 'product') from sales.products limit 1
select title, ts_rank(to_tsvector('simple', title), websearch_to_tsquery('simple', 'product 7')) r, ts_headline('english', title, to_tsquery('english', 'product')) from sales.products where to_tsvector('simple', title) @@ websearch_to_tsquery('simple', 'product 7') order by r desc
select setweight(to_tsvector('a b'), 'A') || to_tsvector('c'), phraseto_tsquery('quick fox'), ts_rank_cd(to_tsvector('a'), to_tsquery('a')), numnode(to_tsquery('a & b')), querytree(to_tsquery('a')), strip(to_tsvector('a')), tsvector_to_array(to_tsvector('a b'))
select array_agg(id order by id) filter (where id < 5), array_length(array_agg(id), 1), cardinality(array_agg(id)), (array_agg(name order by id desc))[1:3], string_agg(distinct status::text, ', ' order by status::text) from sales.orders o join customers c using (id)
select tags, tags && array['t1'], tags @> '{t0}', array_position(tags, 't1'), array_remove(tags, 't1'), array_append(tags, 'x'), array_cat(tags, tags), 't1' = any (tags), array_to_string(tags, ','), unnest(tags) from customers limit 3
select array(select id from customers order by id limit 3), array[[1, 2], [3, 4]], array_dims(array[[1, 2]]), array_ndims(array[1]), array_upper(array[1, 2], 1), array_replace(array[1, 2], 1, 5), trim_array(array[1, 2, 3], 1), array_fill(0, array[3])
select placed_at + interval '1 month', placed_at - interval '2 hours 30 minutes', age(placed_at), age(timestamp '2025-12-01', '2025-01-01'), now() - placed_at, date_part('day', now() - placed_at), make_interval(days => 10), justify_days(interval '40 days'), date_bin('15 minutes', placed_at, '2025-01-01'), make_timestamptz(2025, 1, 2, 3, 4, 5, 'UTC'), to_timestamp(1700000000), extract(epoch from placed_at)::bigint, isfinite(placed_at) from sales.orders limit 1
select count(*) from sales.orders tablesample system (10)
select count(*) from sales.orders tablesample bernoulli (10) repeatable (42)
values (1, 'one'), (2, 'two'), (3, null)
select * from (values (1, 'a'), (2, 'b')) as v(id, label) join sales.orders o using (id)
select * from sales.orders where (customer_id, status) in ((1, 'paid'), (2, 'new'))
select * from sales.orders where (customer_id, total) > (100, 50) order by customer_id, total limit 3
select row(1, 2) < row(1, 3), (1, null) is not distinct from (1, null)
select id from customers intersect select customer_id from sales.orders order by 1 limit 3
select id from customers except select customer_id from sales.orders where total > 80 order by 1 limit 3
select id from customers union select id from sales.products union all (select 1 limit 1) order by 1 limit 3
select distinct status from sales.orders order by 1
select distinct on (customer_id) customer_id, id, total from sales.orders order by customer_id, placed_at desc limit 3
select exists (select 1 from sales.orders where total > 90), not exists (select from sales.orders where total < 0)
select c.* from customers c where not exists (select 1 from sales.orders o where o.customer_id = c.id and o.status = 'cancelled') limit 2
select id from sales.orders where total > all (select total from sales.orders where status = 'new' and total < 20) limit 2
select id, case when total > 50 then 'big' when total > 20 then 'mid' else 'small' end size, case status when 'paid' then 1 else 0 end from sales.orders limit 3
select coalesce(note, '(none)'), nullif(note, ''), greatest(total, vat), least(total, 10), total::int, cast(total as text), total::float8 / 3 from sales.orders limit 2
select width_bucket(total, 0, 100, 5) b, count(*), repeat('#', (count(*) / 20)::int) bar from sales.orders group by b order by b
select rpad(name, 20, '.'), lpad(id::text, 6, '0'), initcap(name), upper(name), left(name, 3), right(name, 2), reverse(name), length(name), octet_length(name), char_length(name), position('o' in name), strpos(name, 'o'), split_part(name, ' ', 2), replace(name, 'Customer', 'C'), translate(name, 'C', 'K'), concat_ws('-', id, name), format('%s (%s)', name, id), md5(name), ascii(name), chr(65), btrim(name), starts_with(name, 'Cust'), to_hex(id::int), quote_ident(name), quote_literal(name), encode(name::bytea, 'hex'), sha256(name::bytea) from customers limit 1
select stddev(total), variance(total), corr(total, vat), regr_slope(total, vat), regr_r2(total, vat), covar_pop(total, vat), stddev_samp(total), var_pop(total), bool_and(total > 0), every(total >= 0), bit_or(id) from sales.orders
select round(total / 3, 2), trunc(total, 1), ceil(total), floor(total), abs(-total), sqrt(total), power(total, 2), exp(1), ln(total), log(total), log(2, 8), mod(id, 7), sign(total), div(10, 3), gcd(12, 18), lcm(4, 6), pi(), degrees(pi()), sin(1), random() < 2, factorial(10), 2 ^ 10, |/ 16, @ -5, cbrt(27), width_bucket(5, array[1, 3, 6]) from sales.orders limit 1
select o.id, c.name, i.position, p.title, i.quantity * p.price as line from sales.orders o join customers c on c.id = o.customer_id join sales.order_items i on i.order_id = o.id join sales.products p on p.id = i.product_id where o.id between 10 and 12 order by 1, 3
select p.title, sum(i.quantity) q, rank() over (order by sum(i.quantity) desc) from sales.order_items i join sales.products p on p.id = i.product_id group by p.id, p.title having sum(i.quantity) > 100 order by q desc limit 5
select to_char(sum(total), 'FM999G999G990D00'), to_char(now(), 'Dy DD Mon YYYY HH24:MI:SS TZ'), to_char(interval '1 day 2 hours', 'DD HH24'), to_char(0.5, '990%'), to_number('1,234.5', '9G999D9') from sales.orders
select kind, count(*), min(at), max(at) from events group by kind order by 2 desc
select tableoid::regclass as part, count(*) from events group by 1 order by 1
select * from events where at >= '2025-03-01' and at < '2025-03-02' order by at
select date_trunc('day', at) d, count(*) filter (where kind = 'login') logins, count(distinct customer_id) from events group by 1 order by 1 limit 3
select * from sales.open_orders order by total desc limit 3
select * from sales.revenue order by month limit 3
table sales.revenue
select (address).city, (c.address).zip, address from customers c limit 2
select email, split_part(email, '@', 2) domain, email::text like '%@example.org' from customers limit 2
select status, status::text, status > 'new', enum_range(null::sales.order_status), enum_first(status), 'paid'::sales.order_status = status from sales.orders limit 2
select * from customers natural join (select 1::bigint as id) x
select a.id, b.id from sales.orders a full outer join sales.orders b on a.id = b.id + 999 where a.id is null or b.id is null limit 3
select a.id from customers a cross join sales.products b limit 3
select count(*) from customers c1 join customers c2 using (name_key)
select * from sales.orders order by total desc nulls last, id asc fetch first 3 rows only
select * from sales.orders order by total fetch next 2 rows with ties
select id from sales.orders offset 990 limit all
select sum(case when status = 'paid' then total end) / nullif(sum(total), 0) * 100 as pct from sales.orders
select customer_id, jsonb_agg(jsonb_build_object('id', id, 'total', total) order by id) from sales.orders group by 1 order by 1 limit 2
select json_agg(row_to_json(c)) from (select id, name from customers limit 2) c
select to_jsonb(p) - 'attributes' from sales.products p limit 1
select jsonb_object_agg(sku, price) from sales.products where id < 4
select int4range(1, 10) @> 5, daterange('2025-01-01', '2025-02-01') && daterange('2025-01-15', null), upper(int4range(1, 5)), isempty('empty'::int4range), range_merge(int4range(1, 2), int4range(5, 6)), tstzrange(placed_at, placed_at + interval '1 day', '[]'), nummultirange(numrange(1, 2), numrange(3, 4)) from sales.orders limit 1
select '{"a": [1, 2, {"b": null}]}'::jsonb #> '{a,2,b}', jsonb_array_length('[1,2]'), jsonb_array_elements('[1,"a"]'), json_typeof('1'), '[1,2]'::jsonb - 1, jsonb '{"a":1}' <@ jsonb '{"a":1,"b":2}'
select '192.168.1.5'::inet << '192.168.0.0/16', host('10.0.0.1/8'::inet), masklen('10.0.0.0/8'::cidr), macaddr '08:00:2b:01:02:03', point(1, 2) <-> point(4, 6), circle '((0,0),5)' @> point(1, 1), box '((0,0),(1,1))' && box '((0.5,0.5),(2,2))'
select gen_random_uuid() is not null, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, encode('\xdeadbeef'::bytea, 'base64'), decode('3q2+7w==', 'base64'), get_byte('\x01'::bytea, 0), b'101' | b'010', bit_count(b'101')
select current_database(), current_user, version(), current_setting('server_version_num')::int, pg_size_pretty(1e9::bigint), now() > '2020-01-01', clock_timestamp() is not null
select count(*) from (select customer_id from sales.orders group by customer_id having count(*) >= 5) x
select c.name, (select max(total) from sales.orders o where o.customer_id = c.id) mx, (select array_agg(status order by id) from sales.orders o where o.customer_id = c.id) from customers c limit 2
select * from sales.orders where placed_at > now() - interval '100 years' and status = any ('{new,paid}') limit 1
select * from sales.orders where id = any (array[1, 2, 3]::bigint[]) and note is null
select * from customers where name ilike any (array['%1', '%2']) limit 2
select * from customers where lower(name) like 'customer 1%' escape '\' and email is not null and not (id between 5 and 10) limit 2
select * from customers where name similar to 'Customer (1|2)%' limit 1
select 'a' || 'b' || 1::text || null, concat('a', null, 1), E'tab\there', U&'\00e9', $$it's$$, 'it''s'
select sum(n) from (select unnest(array[1, 2, 3]) n) s
select t.n, sum(t.n) over (order by t.n) running, avg(t.n) over (rows between 1 preceding and 1 following) from generate_series(1, 5) t(n)
select corr(x, y) from (select g::float8 x, sqrt(g) y from generate_series(1, 100) g) t
select h.bucket, h.n from (select floor(total / 10) * 10 bucket, count(*) n from sales.orders group by 1) h order by 1
with cohort as (select customer_id, min(date_trunc('month', placed_at)) m from sales.orders group by 1), act as (select o.customer_id, c.m, (extract(year from age(date_trunc('month', o.placed_at), c.m)) * 12 + extract(month from age(date_trunc('month', o.placed_at), c.m)))::int k from sales.orders o join cohort c using (customer_id)) select m::date, k, count(distinct customer_id) from act group by 1, 2 order by 1, 2 limit 5
with s as (select customer_id, placed_at, placed_at - lag(placed_at) over (partition by customer_id order by placed_at) > interval '30 days' as new_session from sales.orders) select count(*) filter (where new_session) from s
select customer_id, count(*) orders, max(placed_at) last_order, ntile(5) over (order by max(placed_at)) r, ntile(5) over (order by count(*)) f, ntile(5) over (order by sum(total)) m from sales.orders group by 1 limit 3
select * from (select status, to_char(placed_at, 'MM') m, total from sales.orders) s where m in ('01', '02') limit 2
select max(total) - min(total) as "Range", count(*) as "Total Orders", 'x' as "select" from sales.orders
select o.id as "order id", "o"."total" from sales."orders" as o where "o"."id" = 1
select id from sales.orders where date(placed_at) = date '2025-02-01' or placed_at::time > time '23:00' order by id limit 3
select timezone('America/New_York', placed_at), placed_at at time zone 'UTC', extract(timezone from placed_at), placed_at::timestamp, localtimestamp is not null, current_time is not null from sales.orders limit 1
select count(*), sum(octet_length(payload::text)), pg_column_size(payload) from events group by payload limit 1
select ('x' || lpad(to_hex(255), 8, '0'))::bit(32)::int
select distinct date_part('hour', placed_at) h from sales.orders order by h limit 3
select bool_or(total > 80), bool_and(total > 0), count(distinct (customer_id, status)) from sales.orders
select any_t.id from customers any_t where any_t.id = some (select customer_id from sales.orders limit 3)
show server_version
show timezone
show search_path
select jsonb_path_query_array(attributes, '$.tags[*] ? (@ like_regex "^a" flag "i")') from sales.products limit 1
select nullif(regexp_replace(email, '@.*', ''), '') as local from customers limit 1
select string_agg(c, '' order by n desc) from regexp_split_to_table('hello', '') with ordinality as t(c, n)
select $1::int + 1, $2::text	[41, "x"]
select * from customers where id = $1 and created_at > $2::timestamptz limit $3	[1, "2020-01-01", 1]
select * from sales.orders where status = $1::sales.order_status and total between $2 and $3 limit 2	["paid", 10, "50"]
select array_agg(x) from unnest($1::int[]) x	[[1, 2]]
select id, name from customers where name like $1 || '%' order by id limit 2	["Cust"]

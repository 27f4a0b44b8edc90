-- What else analysts ask, of customers and orders alone; parameters as JSON after a tab.
select count(*) as n, count(distinct customer_id) as customers from sales.orders where placed_at >= timestamptz '2025-03-01' and placed_at < timestamptz '2025-04-01'
select to_char(date_trunc('month', placed_at), 'YYYY-MM') as month, count(*) filter (where status = 'cancelled')::numeric / count(*) as share from sales.orders group by 1 order by 1
select customer_id, sum(total) as spent, percent_rank() over (order by sum(total)) as share from sales.orders group by customer_id order by spent desc limit 10
select * from (select o.*, dense_rank() over (partition by status order by total desc) as place from sales.orders o) ranked where place <= 2 order by status, place
select id, total, total - avg(total) over (partition by customer_id) as above from sales.orders order by above desc nulls last limit 5
select date_bin('6 hours', placed_at, timestamptz '2025-01-01') as slot, count(*) from sales.orders group by slot order by slot limit 8
select make_date(2025, m, 1) as first, (make_date(2025, m, 1) + interval '1 month - 1 day')::date as last from generate_series(1, 12) m
select c.id, c.name from public.customers c left join sales.orders o on o.customer_id = c.id where o.id is null order by c.id
select c.name, coalesce(sum(o.total), 0) as total from customers c left join sales.orders o on o.customer_id = c.id and o.status <> 'cancelled' group by c.name having coalesce(sum(o.total), 0) > 400 order by total desc, c.name
with totals as (select customer_id, sum(total) as total from sales.orders group by customer_id) select width_bucket(total, (select min(total) from totals), (select max(total) + 1 from totals), 5) as bucket, count(*), min(total), max(total) from totals group by bucket order by bucket
with ordered as (select customer_id, placed_at, lag(placed_at) over (partition by customer_id order by placed_at) as before from sales.orders) select avg(placed_at - before), max(placed_at - before), min(placed_at - before) from ordered where before is not null
select regr_intercept(total, id), regr_slope(total, id), regr_count(total, id), covar_samp(total, id) from sales.orders
select array_agg(id order by placed_at desc) as newest, (array_agg(total order by placed_at desc))[1] as last from sales.orders where customer_id = 5
select string_agg(distinct status::text, '/' order by status::text) from sales.orders
select jsonb_object_agg(status, n) from (select status, count(*) as n from sales.orders group by status) s
select json_build_object('orders', count(*), 'total', sum(total), 'first', min(placed_at)) from sales.orders
select jsonb_pretty(jsonb_agg(to_jsonb(x))) from (select id, total from sales.orders order by id limit 2) x
select jsonb_path_query('[{"a": 1}, {"a": 2}]', '$[*] ? (@.a > 1)'), '{"a": {"b": [1, 2]}}'::jsonb #>> '{a,b,1}', jsonb '{"a": 1}' - 'a', jsonb_insert('{"a": [1]}', '{a,0}', '0')
select key, value::int * 2 from jsonb_each_text('{"a": "1", "b": "2"}') order by key
select * from jsonb_array_elements_text('["x", "y"]') with ordinality as e(value, place)
select * from json_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') as r(a int, b text)
select * from unnest(array[1, 2], array['a', 'b', 'c']) as u(n, letter)
select * from rows from (generate_series(1, 3), unnest(array['x', 'y'])) as r(n, letter)
select n, n % 2 = 0 as even, case when n between 2 and 4 then 'middle' else 'edge' end from generate_series(1, 5) n
select string_to_array('a,b,,c', ',', ''), array_to_string(array[1, null, 3], '-', '?'), array_positions(array[1, 2, 1], 1), trim_array(array[1, 2, 3], 1), array_fill(0, array[2, 2])
select unnest(tags) as tag, count(*) from customers group by tag order by tag
select id, tags[1], cardinality(tags), tags || 'new'::text, 't1' = all (tags) from customers where 't1' = any (tags) limit 3
select regexp_matches(email, '^(c)(\d+)@', 'g'), regexp_count(email, '\d'), regexp_instr(email, '@'), regexp_like(email, 'ORG$', 'i'), regexp_substr(email, '[a-z]+$') from customers limit 2
select split_part(email, '@', -1) as host, count(*) from customers group by host
select upper(left(name, 1)) || lower(substr(name, 2)), translate(name, 'aeiou', '*****'), strpos(name, 'o'), ascii(name), chr(65), md5(name), sha256(name::bytea), overlay(name placing 'X' from 1 for 2), starts_with(name, 'C') from customers limit 1
select format('%s has %s (%L, %I)', name, id, name, 'a b') from customers order by id limit 2
select quote_ident('a b'), quote_literal('it''s'), quote_nullable(null), concat_ws('; ', 1, null, 'x'), btrim('  x '), ltrim('xxa', 'x'), rtrim('axx', 'x'), repeat('ab', 3)
select name, similarity from (select name, abs(length(name) - 10) as similarity from customers) s order by similarity, name limit 3
select date_part('epoch', placed_at)::bigint, extract(doy from placed_at), extract(quarter from placed_at), isfinite(placed_at), justify_interval(interval '35 days'), placed_at::date - date '2025-01-01' from sales.orders limit 1
select placed_at at time zone 'Asia/Tokyo', date_trunc('hour', placed_at, 'America/New_York'), to_timestamp(0), make_interval(hours => 3), make_timestamptz(2025, 1, 2, 3, 4, 5, 'UTC'), current_date - 7, localtime is not null from sales.orders limit 1
select (timestamp '2025-01-01', timestamp '2025-02-01') overlaps (timestamp '2025-01-15', interval '3 days'), tsrange('2025-01-01', '2025-02-01') @> timestamp '2025-01-02', upper_inf(daterange('2025-01-01', null)), range_agg(int4range(n, n + 2)) from generate_series(1, 4, 3) n
select div(17, 5), 17 % 5, gcd(12, 18), lcm(4, 6), cbrt(27), degrees(pi()), radians(180), round(-2.5), scale(1.230), trim_scale(1.230), factorial(10), 2 ^ 10, |/ 16, @ -5, 6 & 3, 6 | 3, 6 # 3, ~6, 1 << 4
select min(total), max(total), avg(total)::numeric(10, 2), sum(total), stddev_pop(total), var_samp(total), percentile_cont(0.5) within group (order by total), mode() within group (order by total) from sales.orders
select rank(50) within group (order by total), dense_rank(50) within group (order by total), percent_rank(50) within group (order by total), cume_dist(50) within group (order by total) from sales.orders
select status, customer_id % 2 as half, sum(total), grouping(status), grouping(customer_id % 2) from sales.orders group by grouping sets ((status), (customer_id % 2), ()) order by 1 nulls last, 2 nulls last
select id, sum(total) over (order by id rows 2 preceding), nth_value(id, 2) over (order by id rows between unbounded preceding and unbounded following), count(*) over () from sales.orders order by id limit 3
select id, first_value(total) over w, last_value(total) over w from sales.orders window w as (partition by customer_id order by placed_at rows between unbounded preceding and unbounded following) limit 3
with recursive days(day) as (select date '2025-01-01' union all select day + 1 from days where day < date '2025-01-10') select day, count(o.id) from days left join sales.orders o on o.placed_at::date = day group by day order by day
with recursive hops(id, depth, way) as (select 1, 0, array[1] union all select h.id + 3, h.depth + 1, h.way || h.id from hops h where h.depth < 4) select * from hops
with a as (select id, total from sales.orders where total > 80), b as (select id, total from sales.orders where total < 10) select 'high' as what, count(*) from a union all select 'low', count(*) from b order by 1
select * from (values ('new', 1), ('paid', 2)) as v(status, n) join sales.orders o on o.status::text = v.status order by o.id limit 2
select o.id from sales.orders o where o.total > (select avg(i.total) from sales.orders i where i.customer_id = o.customer_id) order by o.id limit 3
select c.id from customers c where (select count(*) from sales.orders o where o.customer_id = c.id) between 5 and 6 order by 1 limit 3
select c.name, latest.placed_at from customers c cross join lateral (select placed_at from sales.orders o where o.customer_id = c.id order by placed_at desc fetch first row only) latest order by 2 desc limit 3
select a.id, b.id from sales.orders a join sales.orders b on a.customer_id = b.customer_id and a.id < b.id and b.placed_at - a.placed_at < interval '60 days' limit 3
select count(*) from sales.orders o where not exists (select from sales.orders later where later.customer_id = o.customer_id and later.placed_at > o.placed_at)
select customer_id from sales.orders where status = 'paid' intersect all select customer_id from sales.orders where status = 'new' order by 1 limit 3
select distinct on (status) status, id, total from sales.orders order by status, total desc, id
select * from sales.orders where (status, total) in (select status, max(total) from sales.orders group by status) order by id limit 3
select id from sales.orders where note is not distinct from '' and total <> all (array[1, 2, 3]) and status in ('new', 'paid') order by random() limit 2
select id, row_to_json(o) ->> 'total' from sales.orders o where id = 1
select (o).total, (o.*)::text like '%paid%' from sales.orders o where id = 1
select to_tsvector('english', name) @@ to_tsquery('english', 'customer & 1'), ts_rank(to_tsvector(name), plainto_tsquery('customer')) from customers limit 1
select host('192.168.1.7/24'::inet), network('192.168.1.7/24'::inet), inet '10.1.2.3' <<= inet '10.0.0.0/8', abbrev(cidr '10.1.0.0/16'), family('::1'::inet)
select box '((0,0),(1,1))' && box '((0.5,0.5),(2,2))', point '(1,2)' <@ circle '((0,0),3)', area(box '((0,0),(2,3))'), length(path '((0,0),(3,4))')
select int4multirange(int4range(1, 3), int4range(5, 7)) @> 6, b'1010' & b'0110', bit_count(b'1011'), get_bit(b'100', 0), encode('abc'::bytea, 'hex'), decode('616263', 'hex'), convert_from('abc'::bytea, 'UTF8')
select $1::date + $2::int as day, count(*) from sales.orders where placed_at::date = $1::date + $2::int	["2025-02-01", 3]
select id, total from sales.orders where total > $1::numeric and status::text = any ($2::text[]) order by id limit 3	["42.50", ["new", "paid"]]
explain (analyze, timing off, summary off, costs off) select c.name, count(*) from customers c join sales.orders o on o.customer_id = c.id group by 1 order by 2 desc limit 3
explain (format yaml, verbose, costs off) select id from sales.orders where customer_id = 5 order by placed_at

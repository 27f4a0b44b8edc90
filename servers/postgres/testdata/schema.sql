-- A small company with traps: what an agent may read, what it must not, and functions that do
-- what they should not, some behind an operator, a cast, a domain, an attribute or a view.
create schema app;
create schema vault;

create type app.mood as enum ('sad', 'ok', 'happy');
create domain app.email as text check (value ~ '^[^@]+@[^@]+$');
create type app.address as (street text, city text, zip text);

create table app.users (
  id bigint primary key generated always as identity,
  name text not null,
  email app.email,
  born date,
  mood app.mood default 'ok',
  tags text[] default '{}',
  profile jsonb default '{}',
  home app.address,
  score numeric(10, 2) default 0,
  active boolean default true,
  created timestamptz default '2024-01-01 00:00:00+00',
  name_length int generated always as (length(name)) stored
);
create table app.orders (
  id bigint not null,
  user_id bigint references app.users,
  total numeric(12, 2) not null,
  status text not null default 'new',
  placed timestamptz not null,
  items jsonb default '[]',
  primary key (id, placed)
) partition by range (placed);
create table app.orders_2024 partition of app.orders for values from ('2024-01-01') to ('2025-01-01');
create table app.orders_2025 partition of app.orders for values from ('2025-01-01') to ('2026-01-01')
  partition by range (placed);
create table app.orders_2025_h1 partition of app.orders_2025 for values from ('2025-01-01') to ('2025-07-01');
create table app.products (sku text primary key, name text, price money, during tstzrange, attributes jsonb);
create table app.salaries (user_id bigint primary key, amount numeric, note text);
create table vault.api_keys (id int primary key, key text, "Quoted Name" text);
create table app."Mixed Case" (id int, "select" text);

insert into app.users (name, email, born, tags, profile, home)
  select 'user ' || i, 'u' || i || '@example.com', date '1980-01-01' + i, array['a', 'b' || i],
    jsonb_build_object('level', i, 'langs', jsonb_build_array('de', 'en')), row('Street ' || i, 'Bern', '3000')::app.address
  from generate_series(1, 50) i;
insert into app.orders (id, user_id, total, status, placed, items)
  select i, 1 + i % 50, i * 1.5, case when i % 3 = 0 then 'paid' else 'new' end,
    timestamptz '2024-01-01 00:00:00+00' + i * interval '1 day', '[{"sku": "p1", "n": 2}]'
  from generate_series(1, 400) i;
insert into app.products select 'p' || i, 'product ' || i, i::money, tstzrange('2024-01-01', '2025-01-01'), '{"color": "red"}' from generate_series(1, 20) i;
insert into app.salaries select i, 1000 + i, 'SECRET-SALARY' from generate_series(1, 50) i;
insert into vault.api_keys values (1, 'SECRET-KEY', 'SECRET-KEY');

create view app.active_users as select id, name from app.users where active;
create view app.v_salaries as select * from app.salaries;
create view app.v_nested as select * from app.v_salaries;
create materialized view app.m_salaries as select * from app.salaries;

-- What leaves a trace however the transaction ends.
create function app.trace(what text) returns text language plpgsql volatile as $$
begin
  execute format('copy (select 1) to %L', current_setting('data_directory') || '/trace-' || what);
  return what;
end $$;
create function app.liar(what text) returns text language plpgsql immutable as $$ begin return app.trace(what); end $$;
create function app.stable_liar(what text) returns text language plpgsql stable as $$ begin return app.trace(what); end $$;
create function app.harmless(n int) returns int language sql immutable as $$ select n + 1 $$;
create function app.secret() returns setof app.salaries language sql stable security definer as $$ select * from app.salaries $$;
create function app.shadow(u app.users) returns text language plpgsql stable as $$ begin return app.trace('attribute'); end $$;
create function app.dynamic(q text) returns text language plpgsql stable as $$ declare r text; begin execute q into r; return r; end $$;
create function app.op(a text, b text) returns boolean language plpgsql as $$ begin perform app.trace('operator'); return true; end $$;
create operator app.<~~> (leftarg = text, rightarg = text, function = app.op);
create type app.trap as (n int);
create function app.to_trap(t text) returns app.trap language plpgsql as $$ begin perform app.trace('cast'); return row(1)::app.trap; end $$;
create cast (text as app.trap) with function app.to_trap(text);
create function app.trap_eq(a app.trap, b app.trap) returns boolean language plpgsql as $$ begin perform app.trace('equal'); return true; end $$;
create operator app.= (leftarg = app.trap, rightarg = app.trap, function = app.trap_eq);
create table app.traps (t app.trap);
insert into app.traps values (row(1)::app.trap);
create domain app.checked as text check (app.stable_liar(value) is not null);
create view app.v_trace as select app.trace('view') as t;
create view app.v_files as select pg_catalog.pg_read_file('PG_VERSION') as t;
create view app.v_nested_trace as select * from app.v_trace;
create function app.agg_step(state text, value text) returns text language plpgsql as $$ begin return app.trace('aggregate'); end $$;
create aggregate app.trace_agg (text) (sfunc = app.agg_step, stype = text);
create function app.initcap(n int) returns bigint language plpgsql as $$ begin perform app.trace('overload'); return 1; end $$;
create type app.span as range (subtype = int4);
create sequence app.counter;
create role reader;
create extension if not exists plpgsql;
create type app.holder as (c app.checked, n int);
create table app.held (c app.checked, h app.holder);
create function app.bang(t text) returns text language plpgsql as $$ begin return app.trace('prefix'); end $$;
create operator app.!!! (rightarg = text, function = app.bang);
create function app.cmp(a app.trap, b app.trap) returns int language plpgsql immutable as $$ begin perform app.trace('order'); return 0; end $$;
create function app.trap_lt(a app.trap, b app.trap) returns boolean language plpgsql immutable as $$ begin perform app.trace('less'); return false; end $$;
create operator app.< (leftarg = app.trap, rightarg = app.trap, function = app.trap_lt);
create operator class app.trap_ops default for type app.trap using btree as
  operator 1 app.< (app.trap, app.trap), operator 3 app.= (app.trap, app.trap), function 1 app.cmp(app.trap, app.trap);
create function app.full_name(u app.users) returns text language sql stable as $$ select u.name $$;
create view app.v_names as select app.full_name(u) as n from app.users u;
create view app.v_sorted as select 'a' operator(app.<~~>) 'b' as b;
create view app.v_secret as select rolpassword from pg_authid;
create foreign data wrapper nothing;
create server nowhere foreign data wrapper nothing;
create foreign table app.far (n int) server nowhere;
create view app.v_far as select * from app.far;

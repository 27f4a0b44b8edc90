-- What the catalog says of the names in a statement, as one JSON text: $1 are the names (JSON),
-- $2 the extensions whose functions are judged like the system's. Runs under the search path of
-- the statement. What initdb made has an OID below 16384, whatever schema it is in.
with recursive
input as (select $1::pg_catalog.json as j),
path as (
  select n.oid, p.place
  from pg_catalog.unnest(pg_catalog.current_schemas(true)) with ordinality as p(name, place)
  join pg_catalog.pg_namespace n on n.nspname = p.name
),
-- Relations: the first on the search path, as for a name in FROM.
relation as (
  select distinct on (r.i) r.i, c.oid, n.nspname, c.relname, c.relkind, c.relispartition
  from input, pg_catalog.json_to_recordset(j->'relations') as r(i int, schema text, name text)
  cross join lateral (
    select k.* from pg_catalog.pg_class k where k.relname = r.name offset 0) c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join path p on p.oid = n.oid
  where case when r.schema is null then p.place is not null else n.nspname = r.schema end
  order by r.i, p.place
),
-- Views of users and all that they read; the rule's tree has the exact OIDs.
viewed as (
  select r.oid as root, r.oid from relation r
  where r.relkind = 'v' and r.oid >= 16384
    and not exists (
      select 1 from pg_catalog.pg_depend d
      join pg_catalog.pg_extension e on e.oid = d.refobjid
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = r.oid
        and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
        and e.extname = any ($2))
  union
  select v.root, (m.match)[1]::pg_catalog.oid
  from viewed v
  cross join lateral (
    select k.ev_action from pg_catalog.pg_rewrite k
    where k.ev_class = v.oid and k.ev_type = '1' and v.oid >= 16384 offset 0) w
  cross join lateral pg_catalog.regexp_matches(w.ev_action::pg_catalog.text, ':relid (\d+)', 'g') as m(match)
),
viewed_function as (
  select distinct v.root, (m.match)[1]::pg_catalog.oid as oid
  from viewed v
  cross join lateral (
    select k.ev_action from pg_catalog.pg_rewrite k
    where k.ev_class = v.oid and k.ev_type = '1' and v.oid >= 16384 offset 0) w
  cross join lateral pg_catalog.regexp_matches(
    w.ev_action::pg_catalog.text, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') as m(match)
  union
  select v.root, o.oprcode::pg_catalog.oid
  from viewed v
  cross join lateral (
    select k.ev_action from pg_catalog.pg_rewrite k
    where k.ev_class = v.oid and k.ev_type = '1' and v.oid >= 16384 offset 0) w
  cross join lateral pg_catalog.regexp_matches(
    w.ev_action::pg_catalog.text, ':(?:opno|eqop|sortop) (\d+)', 'g') as m(match)
  join pg_catalog.pg_operator o on o.oid = (m.match)[1]::pg_catalog.oid and o.oid >= 16384
),
-- Functions: every one that the name may mean with so many arguments.
call as (
  select f.* from input, pg_catalog.json_to_recordset(j->'functions')
    as f(i int, schema text, name text, arguments int, notation text)
),
candidate as (
  select c.i, p.oid
  from call c
  cross join lateral (
    select k.* from pg_catalog.pg_proc k where k.proname = c.name offset 0) p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  left join path on path.oid = n.oid
  where case when c.schema is null then path.place is not null else n.nspname = c.schema end
    and case c.notation
      when 'sample' then p.prorettype = 'pg_catalog.tsm_handler'::pg_catalog.regtype
      -- `x.f` calls `f` only if `x` is a row and becomes what `f` takes without a word.
      when 'attribute' then p.pronargs >= 1 and p.pronargs - p.pronargdefaults <= 1
        and exists (
          select 1 from pg_catalog.pg_type t
          where t.oid = p.proargtypes[0] and (t.typtype in ('c', 'p', 'd') or exists (
            select 1 from pg_catalog.pg_cast k
            join pg_catalog.pg_type s on s.oid = k.castsource and s.typtype = 'c'
            where k.casttarget = t.oid and k.castcontext = 'i')))
      -- `(x).f`, `x[1].f` and `$1.f` call it with whatever `x` is.
      when 'field' then p.prokind <> 'p' and p.pronargs >= 1
        and p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int <= 1
      else p.prokind <> 'p' and (c.arguments is null
        or c.arguments >= p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int
          and (c.arguments <= p.pronargs or p.provariadic <> 0))
      end
  union
  -- Or it casts the row to a type of that name.
  select c.i, k.castfunc
  from call c
  cross join lateral (
    select t.oid from pg_catalog.pg_type t where t.typname = c.name offset 0) t
  cross join lateral (
    select k.castfunc::pg_catalog.oid from pg_catalog.pg_cast k
    where k.casttarget = t.oid and k.castfunc >= 16384 offset 0) k
  where c.notation in ('attribute', 'field')
),
-- Operators: only those that initdb did not make can run anything else.
operator_name as (
  select o.* from input, pg_catalog.json_to_recordset(j->'operators') as o(i int, schema text, name text)
),
operator_candidate as (
  select o.i, c.oid, c.oprcode::pg_catalog.oid as function, c.oprleft, c.oprright
  from operator_name o
  cross join lateral (
    select k.* from pg_catalog.pg_operator k where k.oprname = o.name offset 0) c
  join pg_catalog.pg_namespace n on n.oid = c.oprnamespace
  left join path p on p.oid = n.oid
  where case when o.schema is null then p.place is not null else n.nspname = o.schema end
),
-- Types: those that are named, and those of the columns that are read, with all they consist of.
type_name as (
  select t.*, false as is_functional
  from input, pg_catalog.json_to_recordset(j->'types') as t(i int, schema text, name text)
  union all
  select c.i, c.schema, c.name, true from call c
  where c.notation in ('call', 'field') and coalesce(c.arguments, 1) = 1
),
named_type as (
  select distinct on (t.is_functional, t.i) t.i, t.is_functional, y.oid
  from type_name t
  cross join lateral (
    select k.* from pg_catalog.pg_type k where k.typname = t.name offset 0) y
  join pg_catalog.pg_namespace n on n.oid = y.typnamespace
  left join path p on p.oid = n.oid
  where case when t.schema is null then p.place is not null else n.nspname = t.schema end
    and not (t.is_functional and (y.typtype in ('c', 'p') or y.typelem <> 0 or y.oid < 16384))
  order by t.is_functional, t.i, p.place
),
column_type as (
  select distinct a.atttypid as oid
  from relation r
  cross join lateral (
    select k.atttypid from pg_catalog.pg_attribute k
    where k.attrelid = r.oid and k.attnum > 0 and not k.attisdropped and k.atttypid >= 16384
    offset 0) a
),
played as (
  select oid from column_type
  union
  select oid from named_type where oid >= 16384
  union
  select part.oid
  from played p
  cross join lateral (
    select k.* from pg_catalog.pg_type k where k.oid = p.oid offset 0) y
  cross join lateral (
    select y.typelem union all
    select y.typbasetype union all
    select g.rngsubtype from pg_catalog.pg_range g where y.oid in (g.rngtypid, g.rngmultitypid) union all
    select a.atttypid from pg_catalog.pg_attribute a
      where a.attrelid = y.typrelid and a.attnum > 0 and not a.attisdropped
  ) as part(oid)
  where part.oid >= 16384
),
-- What the use of a type runs without being named: casts, the operators and support functions
-- of ORDER BY and DISTINCT, the conditions of domains.
attached as (
  select p.oid as type, 'cast' as role, c.castfunc as function
  from played p
  cross join lateral (
    select k.castfunc from pg_catalog.pg_cast k
    where p.oid in (k.castsource, k.casttarget) offset 0) c
  where c.castfunc <> 0
  union
  select c.casttarget, 'cast', c.castfunc from pg_catalog.pg_cast c
  where c.castsource < 16384 and c.casttarget < 16384 and c.castfunc >= 16384
  union
  select p.oid, 'order', s.function
  from played p
  cross join lateral (
    select c.* from pg_catalog.pg_opclass c where c.opcintype = p.oid and c.opcdefault
    union all
    select c.* from pg_catalog.pg_range g
    join pg_catalog.pg_opclass c on c.oid = g.rngsubopc
    where g.rngtypid = p.oid) k
  join pg_catalog.pg_am m on m.oid = k.opcmethod and m.amname in ('btree', 'hash')
  cross join lateral (
    select a.amproc::pg_catalog.oid from pg_catalog.pg_amproc a where a.amprocfamily = k.opcfamily
    union all
    select o.oprcode::pg_catalog.oid from pg_catalog.pg_amop a
      join pg_catalog.pg_operator o on o.oid = a.amopopr where a.amopfamily = k.opcfamily
  ) as s(function)
  union
  select p.oid, 'check', (m.match)[1]::pg_catalog.oid
  from played p
  cross join lateral (
    select k.conbin from pg_catalog.pg_constraint k where k.contypid = p.oid offset 0) c
  cross join lateral pg_catalog.regexp_matches(
    c.conbin::pg_catalog.text, ':(?:funcid|opfuncid) (\d+)', 'g') as m(match)
),
wanted as (
  select oid from candidate union select oid from viewed_function
  union select function from operator_candidate where function >= 16384
  union select function from attached where function >= 16384
),
function as (
  select p.oid, pg_catalog.json_build_object(
    'oid', p.oid::pg_catalog.int8, 'schema', n.nspname, 'name', p.proname,
    'volatility', p.provolatile, 'language', l.lanname,
    'source', case when l.lanname = 'internal' then p.prosrc end,
    'is_raw', 'pg_catalog.cstring'::pg_catalog.regtype = any (p.proargtypes::pg_catalog.oid[])
      or 'pg_catalog.internal'::pg_catalog.regtype = any (p.proargtypes::pg_catalog.oid[]),
    'extension', (select e.extname from pg_catalog.pg_depend d
      join pg_catalog.pg_extension e on e.oid = d.refobjid
      where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid
        and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
      limit 1)
  ) as fact
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  join pg_catalog.pg_language l on l.oid = p.prolang
  where p.oid = any (array(select oid from wanted))
),
type as (
  select y.oid, pg_catalog.json_build_object(
    'oid', y.oid::pg_catalog.int8, 'schema', n.nspname, 'name', y.typname, 'kind', y.typtype,
    'extension', (select e.extname from pg_catalog.pg_depend d
      join pg_catalog.pg_extension e on e.oid = d.refobjid
      where d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = y.oid
        and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
      limit 1),
    'is_column', y.oid in (select c.oid from column_type c),
    'relation', (select k.relname from pg_catalog.pg_class k
      where k.oid = any (array[y.typrelid, e.typrelid]) and k.relkind <> 'c' limit 1)
  ) as fact
  from pg_catalog.pg_type y
  join pg_catalog.pg_namespace n on n.oid = y.typnamespace
  left join lateral (
    select k.typrelid from pg_catalog.pg_type k where k.oid = y.typelem offset 0) e on true
  where y.oid = any (array(select oid from named_type union select type from attached))
)
select pg_catalog.json_build_object(
  'relations', coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object(
      'i', r.i, 'oid', r.oid::pg_catalog.int8, 'schema', r.nspname, 'name', r.relname,
      'kind', r.relkind,
      'extension', (select e.extname from pg_catalog.pg_depend d
      join pg_catalog.pg_extension e on e.oid = d.refobjid
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = r.oid
        and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
      limit 1),
      'ancestors', case when r.relispartition then (
        select pg_catalog.json_agg(pg_catalog.json_build_array(an.nspname, ac.relname))
        from pg_catalog.pg_partition_ancestors(r.oid) as a(oid)
        join pg_catalog.pg_class ac on ac.oid = a.oid::pg_catalog.oid
        join pg_catalog.pg_namespace an on an.oid = ac.relnamespace
        where ac.oid <> r.oid) end,
      'reads', (select pg_catalog.json_agg(pg_catalog.json_build_object(
          'oid', k.oid::pg_catalog.int8, 'schema', kn.nspname, 'name', k.relname, 'kind', k.relkind))
        from viewed v
        join pg_catalog.pg_class k on k.oid = v.oid
        join pg_catalog.pg_namespace kn on kn.oid = k.relnamespace
        where v.root = r.oid and v.oid <> r.oid),
      'runs', (select pg_catalog.json_agg(v.oid::pg_catalog.int8)
        from viewed_function v where v.root = r.oid)
    )) from relation r), '[]'),
  'calls', coalesce((select pg_catalog.json_agg(pg_catalog.json_build_array(c.i, c.oid::pg_catalog.int8))
    from candidate c), '[]'),
  'operators', coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object(
      'i', o.i, 'function', o.function::pg_catalog.int8,
      'types', pg_catalog.json_build_array(o.oprleft::pg_catalog.int8, o.oprright::pg_catalog.int8),
      -- An operand may become a value of this type without the type being named or read.
      'is_near', exists (
        select 1 from pg_catalog.pg_type y
        where y.oid in (o.oprleft, o.oprright) and y.oid >= 16384
          and (y.typcategory = 'S' or exists (
            select 1 from pg_catalog.pg_cast c
            where c.casttarget = y.oid and c.castcontext = 'i' and c.castsource < 16384))),
      'has_builtin', exists (
        select 1 from operator_candidate b where b.i = o.i and b.oid < 16384)
    )) from operator_candidate o where o.function >= 16384), '[]'),
  'types', coalesce((select pg_catalog.json_agg(pg_catalog.json_build_array(
      t.i, t.is_functional, t.oid::pg_catalog.int8)) from named_type t), '[]'),
  'played', coalesce((select pg_catalog.json_agg(p.oid::pg_catalog.int8) from played p), '[]'),
  'attached', coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object(
      'type', a.type::pg_catalog.int8, 'role', a.role, 'function', a.function::pg_catalog.int8))
    from attached a where a.function >= 16384), '[]'),
  'functions', coalesce((select pg_catalog.json_agg(f.fact) from function f), '[]'),
  'type_facts', coalesce((select pg_catalog.json_agg(t.fact) from type t), '[]')
)::pg_catalog.text

-- Five hundred tables, for what must stay quick and short where there is much.
SET client_min_messages = warning;

CREATE SCHEMA many;
DO $$
BEGIN
    FOR n IN 1..500 LOOP
        EXECUTE format(
            'CREATE TABLE many.measurement_%s (id integer PRIMARY KEY, sensor text, value float8, taken timestamptz)',
            lpad(n::text, 3, '0')
        );
    END LOOP;
END
$$;

ANALYZE;

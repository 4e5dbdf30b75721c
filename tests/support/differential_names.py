"""Statements for the differential test whose words mean what a setting says.

Names are found by search_path, and of what they name there is one in each schema: tables with
other columns, functions of other types, types, operators. Constants are read as DateStyle,
TimeZone and others say. One that stands in a statement prepared before such a change is a listed
difference: those are in `differential_readings`.
"""

from tests.support import differential_texts as usual
from tests.support.differential_texts import BLOCKS, TENANT

SCHEMA = f"""
{usual.SCHEMA}
CREATE SCHEMA app; CREATE SCHEMA crew;
CREATE TABLE public.thing (v int); INSERT INTO public.thing VALUES (1);
CREATE TABLE s1.thing (v text, place text DEFAULT 's1'); INSERT INTO s1.thing VALUES ('1');
CREATE TABLE s2.thing (more bigint, v bigint); INSERT INTO s2.thing VALUES (2, 1);
CREATE TABLE crew.thing (v smallint); INSERT INTO crew.thing VALUES (1);
CREATE VIEW app.thing AS SELECT public.f_tenant('looked at') AS v;
CREATE FUNCTION public.same(int) RETURNS int LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION s1.same(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', $1, false); RETURN $1; END $$;
CREATE FUNCTION s2.same(int) RETURNS SETOF bigint LANGUAGE sql AS
  $$ SELECT generate_series(1::bigint, $1) $$;
CREATE FUNCTION s2.lower(text) RETURNS text LANGUAGE sql AS
  $$ SELECT set_config('app.tenant', $1, false) $$;
CREATE FUNCTION public.f_inside() RETURNS text LANGUAGE plpgsql SET search_path = s1 AS
  $$ BEGIN RETURN (SELECT v FROM thing LIMIT 1); END $$;
CREATE FUNCTION public.f_late() RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN RETURN (SELECT v::text FROM thing LIMIT 1); END $$;
CREATE FUNCTION public.f_early() RETURNS text LANGUAGE sql AS $$ SELECT place FROM here $$;
CREATE DOMAIN public.kind AS int; CREATE DOMAIN s1.kind AS text;
CREATE TYPE s2.kind AS ENUM ('1', '2');
CREATE OPERATOR public.### (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR s1.### (FUNCTION = int4mul, LEFTARG = int, RIGHTARG = int);
CREATE SEQUENCE s1.sq START 100;
ALTER SEQUENCE public.sq OWNER TO app; ALTER SEQUENCE s1.sq OWNER TO app;
GRANT ALL ON SCHEMA app, crew TO app, crew;
GRANT ALL ON ALL TABLES IN SCHEMA public, s1, s2, app, crew TO app, crew;
GRANT ALL ON ALL SEQUENCES IN SCHEMA s1 TO app, crew;
"""
CLEAN = """
TRUNCATE public.thing, s1.thing, s2.thing, public.watched, public.t;
INSERT INTO public.thing VALUES (1); INSERT INTO s1.thing VALUES ('1');
INSERT INTO s2.thing VALUES (2, 1);
ALTER SEQUENCE public.sq RESTART; ALTER SEQUENCE s1.sq RESTART
"""
PATHS = (
    "SET search_path = s1, public", "SET search_path = s2, public", "SET search_path = public",
    "SET search_path = s2", 'SET search_path = "$user", public', "SET search_path = ''",
    "SET search_path = s2, pg_catalog", "SET search_path = nowhere, s1", "RESET search_path",
    "SET LOCAL search_path = s1, public", "SET LOCAL search_path = s2, s1",
    "SELECT set_config('search_path', 's2, public', false)", "SET search_path TO DEFAULT",
    "SELECT set_config('search_path', 's1', true)", "SELECT public.f_path('s2, public')",
    "SELECT public.f_path('s1, public')", "SET ROLE crew", "RESET ROLE", "SET LOCAL ROLE crew",
    "SET SCHEMA 's1'", "RESET ALL", "DISCARD ALL", "DISCARD PLANS",
)  # fmt: skip
READINGS = (
    "SET DateStyle = 'SQL, DMY'", "SET DateStyle = 'ISO, MDY'", "SET DateStyle = 'German'",
    "SET LOCAL DateStyle = 'ISO, YMD'", "RESET DateStyle", "SET TimeZone = 'Asia/Tokyo'",
    "SET TimeZone = 'America/New_York'", "SET LOCAL TimeZone = 'UTC'", "RESET TimeZone",
    "SET IntervalStyle = 'sql_standard'", "SET IntervalStyle = 'postgres'", "RESET IntervalStyle",
    "SET transform_null_equals = on", "SET transform_null_equals = off", "SET array_nulls = off",
    "SET LOCAL array_nulls = on", "RESET array_nulls", "SET timezone_abbreviations = 'India'",
    "RESET timezone_abbreviations", "SET standard_conforming_strings = off",
    "SET standard_conforming_strings = on", "SET xmloption = document", "RESET xmloption",
    "SET bytea_output = 'escape'", "SET extra_float_digits = -10", "RESET extra_float_digits",
    "SET lc_monetary = 'C'", "SET default_text_search_config = 'pg_catalog.german'",
    "SET quote_all_identifiers = on", "RESET quote_all_identifiers",
    "SET plan_cache_mode = force_generic_plan", "SET plan_cache_mode = force_custom_plan",
    "SELECT set_config('DateStyle', 'SQL, DMY', true)", "SET session_replication_role = replica",
)  # fmt: skip
NAMED = (
    "TABLE thing", "SELECT v FROM thing", "SELECT * FROM thing t", "SELECT place FROM here",
    "SELECT count(*) FROM thing", "INSERT INTO thing (v) VALUES ('3')", "SELECT same(2)",
    "INSERT INTO thing (v) VALUES ('4') RETURNING *", "UPDATE thing SET v = v", "SELECT same('2')",
    "SELECT 1 ### 2", "SELECT '1'::kind", "SELECT lower('A')", "SELECT 'thing'::regclass",
    "SELECT nextval('sq')", "COPY thing TO STDOUT", "SELECT to_regclass('thing')",
    "SELECT public.f_inside()", "SELECT public.f_late()", "SELECT public.f_early()",
    "DECLARE c CURSOR FOR TABLE thing", "FETCH 1 FROM c", "SELECT * FROM same(2)",
    "PREPARE p AS SELECT '01/02/03'::date, '2024-05-06 07:08 IST'::timestamptz",
    "PREPARE p AS TABLE thing", "PREPARE p(kind) AS SELECT $1", "EXECUTE p", "EXECUTE p('1')",
    "DEALLOCATE p", "EXPLAIN (COSTS off) SELECT * FROM thing", "SELECT current_schemas(false)",
    "SELECT NULL::thing", "SELECT ARRAY['1']::kind[]", "INSERT INTO public.watched VALUES (1)",
    "CREATE TEMP TABLE thing (v point)", "SELECT 'kind'::regtype", TENANT,
)  # fmt: skip
READ = (
    "SELECT date '01-02-2024'", "SELECT '01/02/03'::date", "SELECT '-1 2:03:04'::interval",
    "SELECT timestamptz '2024-01-02 03:04:05'", "SELECT '2024-01-02 03:04 IST'::timestamptz",
    "SELECT 1 WHERE NULL = NULL", "SELECT '{NULL}'::text[]", "SELECT 'a\\nb'", "SELECT E'a\\nb'",
    "SELECT 'a\\' || 'b'", "SELECT '\\x4142'::bytea", "SELECT 0.1::float8 * 3",
    "SELECT to_tsvector('Häuser')", "SELECT pg_get_viewdef('app.thing'::regclass)",
    "SELECT date_trunc('day', timestamptz '2024-01-02 03:04:05+00')", "SELECT 12.5::money",
    "SELECT '<a/>text'::xml IS NOT NULL", "SELECT make_interval(days => -1, hours => 2)",
)  # fmt: skip
PREPARED = (
    "TABLE thing", "SELECT place FROM here", "SELECT 1 ### 2", "SELECT lower('A')",
    "SELECT 'thing'::regclass", "SELECT v FROM thing", "SELECT 0.1::float8 * 3",
    "SELECT public.f_late()", "SELECT same(2)",
)  # fmt: skip
WITH_PARAMETER = (
    (("p1", "p2"), (b"1",), (
        "SELECT v FROM thing WHERE v = $1", "INSERT INTO thing (v) VALUES ($1)",
        "SELECT same($1)", "SELECT $1::kind", "SELECT lower($1)", "SELECT $1 ### 1",
    )),
    (("d1",), (b"01/02/03", b"2024-05-06 07:08 IST", None), (
        "SELECT $1::date", "SELECT $1::timestamptz", "SELECT $1::date, $1::text",
    )),
)  # fmt: skip
"""Names, what is bound, and texts that take it: one that another type is wrong for would be
wrong in two ways where the name means something else, and nobody says which is told. No NULL:
whether a function beside `= NULL` is called depends on how often its plan was used there."""
TOPICS = (PATHS, PATHS, READINGS, READINGS, NAMED, NAMED, NAMED, READ, BLOCKS)

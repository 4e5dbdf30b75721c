"""Statements for the differential test that make code and use it: what it does, no text shows.

Functions, views, triggers, rules, defaults, domains, operators and aggregates are made, changed
and dropped while other clients use them; what they leave in a session must be found there only.
"""

from tests.support import differential_texts as usual
from tests.support.differential_texts import LOOKS, TENANT

SCHEMA = f"""
{usual.SCHEMA}
CREATE FUNCTION public.f_check(text) RETURNS bool LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', 'checked', false); RETURN true; END $$;
CREATE FUNCTION public.f_two(text, text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', 'both', false); RETURN $2; END $$;
CREATE FUNCTION public.f_plain(text, text) RETURNS text LANGUAGE sql AS $$ SELECT $2 $$;
CREATE FUNCTION public.f_index(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM set_config('app.tenant', 'indexed', false); RETURN $1; END $$;
CREATE FUNCTION public.f_apart(text, text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM set_config('app.tenant', 'apart', false); RETURN 1; END $$;
CREATE TABLE public.told (who text);
ALTER FUNCTION public.f_plain(text, text) OWNER TO app;
GRANT ALL ON public.told TO app, crew;
ALTER TABLE public.t OWNER TO app; ALTER TABLE public.told OWNER TO app;
ALTER TABLE public.watched OWNER TO app; ALTER SEQUENCE public.sq OWNER TO app;
"""
CLEAN = """
DROP VIEW IF EXISTS public.v_new, public.v_other;
DROP RULE IF EXISTS tell ON public.told;
DROP TRIGGER IF EXISTS fire ON public.t;
ALTER TABLE public.t ALTER who DROP DEFAULT;
DROP TABLE IF EXISTS public.made;
DROP OPERATOR IF EXISTS public.@@@ (text, text);
DROP AGGREGATE IF EXISTS public.a_new(text);
ALTER TABLE public.t DROP CONSTRAINT IF EXISTS c_new, DISABLE ROW LEVEL SECURITY,
  NO FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS p ON public.t; DROP INDEX IF EXISTS public.i_new;
DROP MATERIALIZED VIEW IF EXISTS public.m_new; DROP TYPE IF EXISTS public.pair, public.span;
CREATE OR REPLACE FUNCTION public.f_plain(text, text) RETURNS text LANGUAGE sql AS $$ SELECT $2 $$;
DROP DOMAIN IF EXISTS public.d_new;
DROP FUNCTION IF EXISTS public.f_new(), public.f_old(), s1.f_new(), s1.lower(text) CASCADE;
DROP FUNCTION IF EXISTS public.f_fire() CASCADE;
DROP PROCEDURE IF EXISTS public.p_new();
TRUNCATE public.t, public.told, public.watched; ALTER SEQUENCE public.sq RESTART;
CREATE FUNCTION public.f_new() RETURNS text LANGUAGE sql AS $$ SELECT 'clean'::text $$;
CREATE VIEW public.v_new AS SELECT public.f_new() AS said;
CREATE DOMAIN public.d_new AS text;
CREATE OPERATOR public.@@@ (FUNCTION = public.f_plain, LEFTARG = text, RIGHTARG = text);
CREATE AGGREGATE public.a_new(text) (SFUNC = public.f_plain, STYPE = text);
CREATE PROCEDURE public.p_new() LANGUAGE sql AS $$ SELECT 1 $$
"""


def _function(body: str, language: str = "sql", options: str = "") -> str:
    begin = f"CREATE OR REPLACE FUNCTION public.f_new() RETURNS text LANGUAGE {language} {options}"
    return f"{begin} AS $$ {body} $$"


def _fired(body: str) -> str:
    begin = "CREATE OR REPLACE FUNCTION public.f_fire() RETURNS trigger LANGUAGE plpgsql"
    return f"{begin} AS $$ BEGIN {body} RETURN NEW; END $$"


FUNCTIONS = (
    _function("SELECT set_config('app.tenant', 'made', false)"),
    _function("SELECT 'clean'::text"),
    _function("BEGIN EXECUTE 'SET search_path = s1, public'; RETURN 'moved'; END", "plpgsql"),
    _function("BEGIN PERFORM pg_try_advisory_lock(5); RETURN 'locked'; END", "plpgsql"),
    _function("BEGIN RETURN (SELECT place FROM here); END", "plpgsql", "SET search_path = s2"),
    _function("BEGIN RETURN 1 / 0; END", "plpgsql"),
    _function("BEGIN SET LOCAL app.tenant = 'while'; RETURN 'local'; END", "plpgsql"),
    "ALTER FUNCTION public.f_new() SET app.tenant = 'fixed'",
    "ALTER FUNCTION public.f_new() RESET ALL",
    "ALTER FUNCTION public.f_new() RENAME TO f_old",
    "ALTER FUNCTION public.f_old() RENAME TO f_new",
    "DROP FUNCTION public.f_new()",
    "DROP FUNCTION IF EXISTS public.f_new() CASCADE",
    (
        "CREATE OR REPLACE PROCEDURE public.p_new() LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM set_config('app.tenant', 'called', false); END $$"
    ),
    (
        "CREATE OR REPLACE FUNCTION s1.lower(text) RETURNS text LANGUAGE sql AS "
        "$$ SELECT set_config('app.tenant', 'shadowed', false) $$"
    ),
    (
        "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE FUNCTION public.f_new() RETURNS text LANGUAGE "
        "sql AS ''SELECT set_config(''''app.tenant'''', ''''in a block'''', false)'''; END $$"
    ),
)
PARTS = (
    "CREATE OR REPLACE VIEW public.v_new AS SELECT public.f_new() AS said",
    "CREATE OR REPLACE VIEW public.v_new AS SELECT 'plain'::text AS said",
    "CREATE OR REPLACE VIEW public.v_other AS SELECT said FROM public.v_new",
    "DROP VIEW IF EXISTS public.v_new CASCADE",
    _fired("PERFORM set_config('app.tenant', 'fired', false);"), _fired(""),
    ("CREATE OR REPLACE TRIGGER fire BEFORE INSERT ON public.t FOR EACH ROW "
    "EXECUTE FUNCTION public.f_fire()"),
    "DROP TRIGGER IF EXISTS fire ON public.t",
    "ALTER TABLE public.t DISABLE TRIGGER ALL", "ALTER TABLE public.t ENABLE TRIGGER ALL",
    "ALTER TABLE public.t ALTER who SET DEFAULT public.f_new()",
    "ALTER TABLE public.t ALTER who DROP DEFAULT",
    "CREATE OR REPLACE RULE tell AS ON INSERT TO public.told DO ALSO SELECT public.f_new()",
    "DROP RULE IF EXISTS tell ON public.told",
    "CREATE DOMAIN public.d_new AS text CHECK (public.f_check(VALUE))",
    "CREATE DOMAIN public.d_new AS text", "DROP DOMAIN IF EXISTS public.d_new",
    "ALTER DOMAIN public.d_new ADD CONSTRAINT c CHECK (public.f_check(VALUE))",
    "CREATE OPERATOR public.@@@ (FUNCTION = public.f_two, LEFTARG = text, RIGHTARG = text)",
    "CREATE OPERATOR public.@@@ (FUNCTION = public.f_plain, LEFTARG = text, RIGHTARG = text)",
    "DROP OPERATOR IF EXISTS public.@@@ (text, text)",
    "CREATE OR REPLACE AGGREGATE public.a_new(text) (SFUNC = public.f_two, STYPE = text)",
    "CREATE OR REPLACE AGGREGATE public.a_new(text) (SFUNC = public.f_plain, STYPE = text)",
    "CREATE TABLE public.made AS SELECT public.f_new() AS said", "DROP TABLE public.made",
    "ALTER TABLE public.t ADD CONSTRAINT c_new CHECK (public.f_check(who))",
    "ALTER TABLE public.t DROP CONSTRAINT IF EXISTS c_new",
    "ALTER DOMAIN public.d_new SET DEFAULT public.f_new()",
    "CREATE TYPE public.pair AS (one public.d_new, two int)", "DROP TYPE IF EXISTS public.pair",
    "CREATE TYPE public.span AS RANGE (SUBTYPE = text, SUBTYPE_DIFF = public.f_apart)",
    "DROP TYPE IF EXISTS public.span", "CREATE INDEX i_new ON public.t (public.f_index(who))",
    "DROP INDEX IF EXISTS public.i_new",
    "CREATE POLICY p ON public.t USING (public.f_check(who))",
    "DROP POLICY IF EXISTS p ON public.t",
    "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    "ALTER TABLE public.t DISABLE ROW LEVEL SECURITY",
    "CREATE MATERIALIZED VIEW public.m_new AS SELECT public.f_new() AS said",
    "DROP MATERIALIZED VIEW IF EXISTS public.m_new",
    ("CREATE OR REPLACE FUNCTION s1.f_new() RETURNS text LANGUAGE sql AS "
    "$$ SELECT set_config('app.tenant', 'nearer', false) $$"),
    "DROP FUNCTION IF EXISTS s1.f_new()",
    ("CREATE OR REPLACE FUNCTION public.f_plain(text, text) RETURNS text LANGUAGE sql AS "
    "$$ SELECT set_config('app.tenant', 'not plain', false) $$"),
    ("CREATE OR REPLACE FUNCTION public.f_plain(text, text) RETURNS text LANGUAGE sql AS "
    "$$ SELECT $2 $$"),
)  # fmt: skip
USES = (
    "SELECT public.f_new()", "SELECT f_new()", "SELECT * FROM f_new()", "SELECT public.f_old()",
    "SELECT said FROM public.v_new", "SELECT said FROM v_new", "SELECT said FROM public.v_other",
    "INSERT INTO public.t VALUES ('a', 1)", "INSERT INTO public.t (n) VALUES (2)",
    "INSERT INTO public.told VALUES ('b')", "SELECT 'v'::public.d_new",
    "SELECT ARRAY['v']::public.d_new[]", "SELECT 'a'::text OPERATOR(public.@@@) 'b'::text",
    "SELECT public.a_new(v) FROM (VALUES ('x'::text)) w(v)", "CALL public.p_new()",
    "SELECT lower('A')", "SET search_path = s1, pg_catalog, public", "RESET search_path",
    "SELECT said FROM public.made", "SELECT who, n FROM public.t ORDER BY 1, 2",
    "DELETE FROM public.t", "EXECUTE u", "PREPARE u AS SELECT public.f_new()", "DEALLOCATE u",
    "RESET app.tenant", "SET app.tenant = 'own'", "TABLE public.v_new", "TABLE public.t",
    "COPY (SELECT public.f_new()) TO STDOUT", ("EXPLAIN (ANALYZE, COSTS off, TIMING off, "
    "SUMMARY off, BUFFERS off) SELECT public.f_new()"), "SELECT ('v', 1)::public.pair",
    "SELECT public.span('a', 'b')", "REFRESH MATERIALIZED VIEW public.m_new",
    "SELECT count(*) FROM public.t WHERE public.f_index(who) = 'a'", "SELECT NULL::public.d_new",
    "DECLARE c CURSOR FOR SELECT public.f_new()", "FETCH 1 FROM c",
    "UPDATE public.t SET who = 'c'",
    "WITH made AS (INSERT INTO public.t (n) VALUES (3) RETURNING who) SELECT who FROM made",
    ("MERGE INTO public.t USING (VALUES (1)) w(v) ON n = v "
    "WHEN NOT MATCHED THEN INSERT VALUES ('m', v)"),
)  # fmt: skip
BLOCKS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a", "SELECT 1/0")
PREPARED = (
    "SELECT public.f_new()", "SELECT said FROM v_new", "INSERT INTO public.t (n) VALUES (2)",
    "SELECT 'v'::public.d_new IS NULL", "TABLE public.t",
)  # fmt: skip
"""None returns a value of a domain: what becomes of it when that is made anew is listed."""
TOPICS = (FUNCTIONS, PARTS, USES, USES, USES, (TENANT,), LOOKS[:4], BLOCKS)

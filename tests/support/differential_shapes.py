"""Statements for the differential test that change what tables look like, and use them.

What a prepared statement of one client returns changes while it is prepared; a name may lead to
another table when search_path or a schema changes.
"""

from tests.support import differential_texts as usual
from tests.support.differential_texts import BLOCKS

SCHEMA = f"""
{usual.SCHEMA}
ALTER TABLE public.t OWNER TO app; ALTER TABLE public.watched OWNER TO app;
ALTER SEQUENCE public.sq OWNER TO app;
"""
CLEAN = """
DROP SCHEMA IF EXISTS s3, s4 CASCADE; DROP TABLE IF EXISTS s1.t, s2.t CASCADE;
DROP VIEW IF EXISTS public.v_t, s1.v_t; DROP TYPE IF EXISTS public.kind, s1.kind CASCADE;
DROP TABLE IF EXISTS public.t CASCADE; CREATE TABLE public.t (who text, n int);
TRUNCATE public.watched; ALTER SEQUENCE public.sq RESTART
"""
CHANGES = (
    "ALTER TABLE public.t ADD COLUMN extra int DEFAULT 7",
    "ALTER TABLE public.t DROP COLUMN extra",
    "ALTER TABLE public.t ALTER n TYPE bigint", "ALTER TABLE public.t ALTER n TYPE int",
    "ALTER TABLE public.t ALTER n TYPE text", "ALTER TABLE public.t RENAME n TO m",
    "ALTER TABLE public.t RENAME m TO n", "CREATE TABLE s1.t (who text, n text)",
    "CREATE TABLE s2.t AS SELECT 1 AS n", "DROP TABLE IF EXISTS s1.t", "DROP TABLE IF EXISTS s2.t",
    "DROP TABLE public.t", "CREATE TABLE public.t (who text, n int)",
    "CREATE TABLE IF NOT EXISTS public.t (n int, who text)", "ALTER TABLE public.t SET SCHEMA s1",
    "ALTER TABLE s1.t SET SCHEMA public", "CREATE SCHEMA s3", "DROP SCHEMA IF EXISTS s3 CASCADE",
    "CREATE TABLE s3.t (n int)", "ALTER SCHEMA s3 RENAME TO s4", "ALTER SCHEMA s4 RENAME TO s3",
    "CREATE OR REPLACE VIEW public.v_t AS SELECT who FROM public.t",
    "CREATE OR REPLACE VIEW public.v_t AS SELECT who, n FROM public.t",
    "DROP VIEW IF EXISTS public.v_t", "CREATE TYPE public.kind AS ENUM ('a', 'b')",
    "ALTER TYPE public.kind ADD VALUE IF NOT EXISTS 'c'", "DROP TYPE IF EXISTS public.kind",
    "CREATE TYPE s1.kind AS ENUM ('x')", "CREATE INDEX ON public.t (n)", "ANALYZE public.t",
)  # fmt: skip
USES = (
    "SELECT * FROM t", "TABLE public.t", "SELECT n FROM t", "SELECT n FROM public.t",
    "SELECT who FROM public.v_t", "TABLE public.v_t", "SELECT 'a'::kind",
    "SELECT 'a'::public.kind",
    "INSERT INTO t VALUES ('a', 1)", "INSERT INTO public.t (n) VALUES (2)", "UPDATE t SET n = n",
    "DELETE FROM public.t RETURNING *", "SET search_path = s1, public", "RESET search_path",
    "SET search_path = s2, s3, public", "SET LOCAL search_path = s3", "SHOW search_path",
    "PREPARE p AS SELECT * FROM t", "EXECUTE p", "DEALLOCATE p", "PREPARE q AS TABLE public.t",
    "EXECUTE q", "COPY t TO STDOUT", "DISCARD PLANS", "DISCARD ALL", "SELECT count(*) FROM t",
)  # fmt: skip
PREPARED = ("SELECT * FROM t", "TABLE public.t", "SELECT n FROM t", "TABLE public.v_t")
TOPICS = (CHANGES, USES, USES, USES, BLOCKS)

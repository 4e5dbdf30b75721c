"""Statements for the differential test that change what tables look like, and use them.

What a prepared statement of one client returns, takes or does changes while it is prepared. Names
that may change are qualified: a table that is made nearer in search_path is a listed difference.
"""

from tests.support import differential_texts as usual
from tests.support.differential_texts import BLOCKS, TENANT

SCHEMA = f"""
{usual.SCHEMA}
ALTER TABLE public.t OWNER TO app; ALTER TABLE public.watched OWNER TO app;
ALTER SEQUENCE public.sq OWNER TO app;
CREATE FUNCTION public.f_tenant_is() RETURNS text LANGUAGE sql AS
  $$ SELECT set_config('app.tenant', 'by default', false) $$;
"""
CLEAN = """
DROP SCHEMA IF EXISTS s3, s4 CASCADE; DROP TABLE IF EXISTS public.made, public.remade,
  public.parts, public.parts_1 CASCADE;
DROP MATERIALIZED VIEW IF EXISTS public.m_t; DROP TYPE IF EXISTS public.kind CASCADE;
DROP TABLE IF EXISTS public.t CASCADE; CREATE TABLE public.t (who text, n int);
TRUNCATE public.watched; ALTER SEQUENCE public.sq RESTART
"""
COLUMNS = (
    "ALTER TABLE public.t ADD COLUMN extra int DEFAULT 7",
    "ALTER TABLE public.t DROP COLUMN extra",
    "ALTER TABLE public.t ALTER n TYPE bigint", "ALTER TABLE public.t ALTER n TYPE int",
    "ALTER TABLE public.t ALTER n TYPE text", "ALTER TABLE public.t RENAME n TO m",
    "ALTER TABLE public.t RENAME m TO n", "ALTER TABLE public.t ALTER n SET NOT NULL",
    "ALTER TABLE public.t ALTER n SET DEFAULT nextval('public.sq')",
    "ALTER TABLE public.t ALTER who SET DEFAULT public.f_tenant_is()",
    "ALTER TABLE public.t ALTER who SET DEFAULT current_user",
    "ALTER TABLE public.t ALTER who DROP DEFAULT, ALTER n DROP DEFAULT",
    "ALTER TABLE public.t ADD CONSTRAINT few CHECK (n < 3) NOT VALID",
    "ALTER TABLE public.t DROP CONSTRAINT few",
    "ALTER TABLE public.t ADD own int GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE public.t DROP COLUMN IF EXISTS own",
)  # fmt: skip
TABLES = (
    "DROP TABLE public.t CASCADE", "CREATE TABLE public.t (who text, n int)",
    "CREATE TABLE IF NOT EXISTS public.t (n int, who text)", "CREATE INDEX ON public.t (n)",
    "CREATE VIEW public.v_t AS SELECT who FROM public.t",
    "CREATE OR REPLACE VIEW public.v_t AS SELECT who, n FROM public.t",
    "DROP VIEW IF EXISTS public.v_t", "CREATE MATERIALIZED VIEW public.m_t AS TABLE public.t",
    "REFRESH MATERIALIZED VIEW public.m_t", "DROP MATERIALIZED VIEW IF EXISTS public.m_t",
    "CREATE TYPE public.kind AS ENUM ('a', 'b')", "DROP TYPE IF EXISTS public.kind CASCADE",
    "ALTER TYPE public.kind RENAME VALUE 'a' TO 'c'", "CREATE TABLE public.made (LIKE public.t)",
    "CREATE TABLE public.made AS SELECT 1 AS n", "DROP TABLE public.made",
    "SELECT n INTO public.made FROM public.t", "ALTER TABLE public.made RENAME TO remade",
    "ALTER TABLE public.remade RENAME TO made", "ALTER TABLE public.made INHERIT public.t",
    "CREATE TABLE public.parts (n int) PARTITION BY LIST (n)",
    "CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES IN (1)",
    "ALTER TABLE public.parts DETACH PARTITION public.parts_1", "DROP TABLE public.parts_1",
    "CREATE SCHEMA s3", "DROP SCHEMA IF EXISTS s3 CASCADE", "CREATE TABLE s3.made (n int)",
    "ALTER SCHEMA s3 RENAME TO s4", "ALTER SCHEMA s4 RENAME TO s3",
    "ALTER TABLE public.made SET SCHEMA s3", "ALTER TABLE s3.made SET SCHEMA public",
    "TRUNCATE public.t", "ANALYZE public.t", "COMMENT ON TABLE public.t IS 'said'",
)  # fmt: skip
USES = (
    "TABLE public.t", "SELECT n FROM public.t", "SELECT who FROM public.v_t", "TABLE public.v_t",
    "TABLE public.m_t", "SELECT 'a'::public.kind", "INSERT INTO public.t VALUES ('a', 1)",
    "INSERT INTO public.t (n) VALUES (2)", "INSERT INTO public.t (who) VALUES ('b')",
    "INSERT INTO public.t DEFAULT VALUES RETURNING *", "UPDATE public.t SET n = n",
    "DELETE FROM public.t RETURNING *", "TABLE public.made", "INSERT INTO public.made VALUES (1)",
    "INSERT INTO public.parts VALUES (1)", "TABLE s3.made", "COPY public.t TO STDOUT",
    "PREPARE p AS TABLE public.t", "EXECUTE p", "DEALLOCATE p", "DISCARD PLANS", "DISCARD ALL",
    "SELECT count(*) FROM public.t", TENANT, "RESET app.tenant",
    "MERGE INTO public.t USING public.watched w ON t.n = w.n WHEN MATCHED THEN DELETE",
    "LOCK TABLE public.t", "SELECT * FROM public.t FOR UPDATE",
)  # fmt: skip
PREPARED = (
    "TABLE public.t", "INSERT INTO public.t (n) VALUES (3)", "TABLE public.v_t",
    "INSERT INTO public.t (who) VALUES ('c') RETURNING *", "SELECT n FROM public.t WHERE n = 1",
    "TABLE public.made", "INSERT INTO public.parts VALUES (1)",
)  # fmt: skip
TOPICS = (COLUMNS, TABLES, USES, USES, BLOCKS)

"""Statements for the differential test about who somebody is, and what he may.

Functions with the rights of their owner, roles that are changed in a function, a block or a
failed transaction, objects that change hands and rights that come and go meanwhile.
"""

from tests.support import differential_texts as usual
from tests.support.differential_texts import BLOCKS, TENANT

SCHEMA = f"""
{usual.SCHEMA}
CREATE TABLE public.mine (who text DEFAULT current_user, n int);
CREATE FUNCTION public.f_role(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('role', $1, false); RETURN current_user; END $$;
CREATE FUNCTION public.f_while() RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN SET LOCAL ROLE crew; RETURN current_user; END $$;
CREATE FUNCTION public.f_as() RETURNS text LANGUAGE sql SECURITY DEFINER AS
  $$ SELECT current_user || ' ' || session_user $$;
CREATE FUNCTION public.f_sets() RETURNS text LANGUAGE sql SECURITY DEFINER AS
  $$ SELECT set_config('app.tenant', current_user, false) $$;
ALTER FUNCTION public.f_as() OWNER TO crew; ALTER FUNCTION public.f_sets() OWNER TO crew;
ALTER TABLE public.mine OWNER TO app; ALTER TABLE public.t OWNER TO app;
ALTER TABLE public.watched OWNER TO app;
"""
CLEAN = """
RESET ROLE; DROP FUNCTION IF EXISTS public.f_made() CASCADE; DROP TABLE IF EXISTS public.made;
ALTER TABLE public.mine OWNER TO app; GRANT ALL ON public.mine TO app, crew;
DROP POLICY IF EXISTS p ON public.mine; ALTER TABLE public.mine DISABLE ROW LEVEL SECURITY;
TRUNCATE public.mine, public.t, public.watched
"""
ROLES = (
    "SET ROLE crew", "SET ROLE app", "SET LOCAL ROLE crew", "RESET ROLE", "SET ROLE NONE",
    "SET ROLE postgres", "SET SESSION AUTHORIZATION app", "SET SESSION AUTHORIZATION crew",
    "RESET SESSION AUTHORIZATION", "SELECT set_config('role', 'crew', false)",
    "SELECT set_config('role', 'none', true)", "SELECT public.f_role('crew')",
    "SELECT public.f_role('none')", "SELECT public.f_role('postgres')", "SELECT public.f_while()",
    "DO $$ BEGIN SET ROLE crew; END $$", "DO $$ BEGIN EXECUTE 'RESET ROLE'; END $$",
    "RESET ALL", "DISCARD ALL",
)  # fmt: skip
RIGHTS = (
    "REVOKE ALL ON public.mine FROM crew", "GRANT ALL ON public.mine TO crew",
    "REVOKE SELECT ON public.mine FROM app", "GRANT SELECT ON public.mine TO app",
    "ALTER TABLE public.mine OWNER TO crew", "ALTER TABLE public.mine OWNER TO app",
    "CREATE TABLE public.made AS SELECT current_user AS who", "DROP TABLE public.made",
    "CREATE POLICY p ON public.mine USING (who = current_user)", "DROP POLICY p ON public.mine",
    "ALTER TABLE public.mine ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    "ALTER TABLE public.mine DISABLE ROW LEVEL SECURITY",
    ("CREATE OR REPLACE FUNCTION public.f_made() RETURNS text LANGUAGE sql SECURITY DEFINER AS "
    "$$ SELECT current_user::text $$"),
    ("CREATE OR REPLACE FUNCTION public.f_made() RETURNS text LANGUAGE sql SECURITY DEFINER "
    "SET role = 'crew' AS $$ SELECT current_user::text $$"),
    "ALTER FUNCTION public.f_made() OWNER TO crew", "DROP FUNCTION public.f_made()",
    "ALTER FUNCTION public.f_made() SECURITY INVOKER",
)  # fmt: skip
USES = (
    "SELECT current_user, session_user", "SELECT current_setting('role')", "SHOW role",
    "SHOW is_superuser", "INSERT INTO public.mine (n) VALUES (1)", "SELECT public.f_as()",
    "SELECT who, n FROM public.mine ORDER BY 1, 2", "TABLE public.mine", "SELECT public.f_sets()",
    "SELECT public.f_made()", "UPDATE public.mine SET n = n + 1", "DELETE FROM public.mine",
    "PREPARE p AS SELECT current_user, who FROM public.mine", "EXECUTE p", "DEALLOCATE p", TENANT,
    "SELECT who FROM public.made", "RESET app.tenant",
)  # fmt: skip
PREPARED = (
    "SELECT current_user, who FROM public.mine", "SELECT public.f_made()", "SET ROLE crew",
    "INSERT INTO public.mine (n) VALUES (2)",
)  # fmt: skip
TOPICS = (ROLES, RIGHTS, USES, USES, BLOCKS)

"""The rows of the bleed matrix: conversations of a few clients, one text at a time.

`A` and `B` are the two that must not meet. `C` takes a server connection for a while (BEGIN,
ROLLBACK), so that A comes to another one and B to A's: what load does by chance. Each look of B is
asked twice, for there are two server connections.
"""

from dataclasses import dataclass

from tests.support import protocol

MOVED = ("C", "BEGIN"), ("C", "SELECT 1")
BACK = (("C", "ROLLBACK"),)
SETUP = """
CREATE ROLE bleed_part;
GRANT bleed_part TO app;
CREATE SCHEMA other_tenant;
CREATE TABLE public.goods AS SELECT 'ours' AS whose;
CREATE TABLE other_tenant.goods AS SELECT 'theirs' AS whose;
CREATE TABLE public.rows_of_tenants (tenant text);
INSERT INTO public.rows_of_tenants VALUES ('1'), ('2'), ('2');
ALTER TABLE public.rows_of_tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.rows_of_tenants
  USING (tenant = coalesce(nullif(current_setting('app.tenant', true), ''), '2'));
CREATE SEQUENCE public.numbers;
CREATE TABLE public.audited (n int);
CREATE FUNCTION public.become(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('search_path', $1, false); RETURN $1; END $$;
CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', '1', false); RETURN NEW; END $$;
CREATE TRIGGER audit BEFORE INSERT ON public.audited
  FOR EACH ROW EXECUTE FUNCTION public.audit();
GRANT ALL ON SCHEMA public, other_tenant TO app, bleed_part;
GRANT ALL ON ALL TABLES IN SCHEMA public, other_tenant TO app, bleed_part;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app, bleed_part;
"""
TENANT_ROWS = "SELECT count(*) FROM public.rows_of_tenants"
LOADED = "SELECT current_setting('plpgsql.variable_conflict', true)"
CURRVAL = "SELECT currval('public.numbers') > 0"
SEEDED = "SELECT setseed(0.5), random()"
"""Its second value stands for {seeded}."""
Request = str | bytes


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        what: its name.
        talk: who says what.
        startup: startup options of A alone.
        sound: PgBouncer does this right too: "always", "newest" or "".
        user: the role of all.
    """

    what: str
    talk: tuple[tuple[str, Request], ...]
    startup: tuple[tuple[str, str], ...] = ()
    sound: str = ""
    user: str = "app"


def _state(what: str, makes: Request, look: Request, *, sound: str = "") -> Row:
    """A makes state; is it lost for A elsewhere, and does B meet it?"""
    looks = (("B", look), ("B", look))
    return Row(what, (("A", makes), *MOVED, ("A", look), *BACK, *looks), sound=sound)


def _extended(text: str, name: str = "") -> bytes:
    return (
        protocol.bind(statement=name) + protocol.execute() + protocol.sync()
        if not text
        else protocol.parse(text, name) + protocol.sync()
    )


ROWS = (
    _state("search_path", "SET search_path = other_tenant", "SELECT whose FROM goods"),
    _state(
        "variable of row security",
        "SELECT set_config('app.tenant', '1', false)",
        TENANT_ROWS,
    ),
    _state(
        "setting named by a parameter",
        protocol.parse("SELECT set_config($1, $2, false)")
        + protocol.bind((b"app.tenant", b"1"))
        + protocol.execute()
        + protocol.sync(),
        TENANT_ROWS,
    ),
    _state("role", "SET ROLE bleed_part", "SELECT current_user"),
    Row(
        "session authorization",
        (
            ("A", "SET SESSION AUTHORIZATION app"),
            *MOVED,
            ("A", "SELECT session_user"),
            *BACK,
            ("B", "SELECT session_user"),
            ("B", "SELECT session_user"),
        ),
        user="postgres",
    ),
    Row(
        "statement_timeout",
        (("A", "SET statement_timeout = 20"), *MOVED, *BACK, ("B", "SELECT pg_sleep(0.2)")),
    ),
    _state("lock_timeout", "SET lock_timeout = '300ms'", "SHOW lock_timeout"),
    _state(
        "session characteristics",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SELECT nextval('public.numbers') > 0",
    ),
    _state(
        "TimeZone", "SET TimeZone = 'Asia/Tokyo'", "SELECT timestamptz '2024-01-01 00:00+00'",
        sound="always",
    ),
    _state("DateStyle", "SET DateStyle = 'SQL, DMY'", "SELECT '01/02/2024'::date", sound="always"),
    _state(
        "IntervalStyle", "SET IntervalStyle = 'iso_8601'", "SELECT interval '1 day'",
        sound="newest",
    ),
    _state(
        "a restored dump",
        "SELECT pg_catalog.set_config('search_path', '', false); SET row_security = off",
        "SELECT whose FROM goods",
    ),
    _state("settings made in a function", "SELECT public.become('other_tenant')",
           "SELECT whose FROM goods"),
    _state("settings made in a trigger", "INSERT INTO public.audited VALUES (1)", TENANT_ROWS),
    Row(
        "startup options",
        (("A", "SELECT whose FROM goods"), ("B", "SELECT whose FROM goods")),
        startup=(("options", "-c search_path=other_tenant"),),
    ),
    _state("PREPARE in SQL", "PREPARE plan AS SELECT 'of A'", "EXECUTE plan"),
    Row(
        "PREPARE of the same name",
        (
            ("A", "PREPARE plan AS SELECT 'of A'"),
            ("B", "PREPARE plan AS SELECT 'of B'"),
            ("B", "EXECUTE plan"),
            ("A", "EXECUTE plan"),
        ),
    ),
    Row(
        "statement prepared by the protocol",
        (
            ("A", _extended("SELECT 'of A'", "plan")),
            ("B", _extended("SELECT 'of B'", "plan")),
            ("A", _extended("", "plan")),
            ("B", _extended("", "plan")),
        ),
        sound="newest",
    ),
    Row(
        "unnamed statement",
        (
            ("A", _extended("SELECT 'of A'")),
            ("B", _extended("SELECT 'of B'")),
            ("A", _extended("")),
        ),
    ),
    Row(
        "session advisory lock excludes",
        (
            ("A", "SELECT pg_try_advisory_lock(42)"),
            ("B", "SELECT pg_try_advisory_lock(42)"),
            ("A", "SELECT pg_advisory_unlock(42)"),
        ),
    ),
    Row(
        "session advisory lock is given back",
        (
            ("A", "SELECT pg_advisory_lock(43)"),
            *MOVED,
            ("A", "SELECT pg_advisory_unlock(43)"),
            *BACK,
        ),
    ),
    _state("temporary table", "CREATE TEMP TABLE tt AS SELECT 'of A' AS v", "SELECT v FROM tt"),
    _state(
        "SELECT INTO TEMP", "SELECT 'of A' AS v INTO TEMP tt2", "SELECT v FROM tt2",
    ),
    _state(
        "cursor WITH HOLD",
        "DECLARE cc CURSOR WITH HOLD FOR SELECT 'of A' UNION ALL SELECT 'again'",
        "FETCH 1 FROM cc",
    ),
    _state("currval", "SELECT nextval('public.numbers') > 0", CURRVAL),
    _state("lastval", "SELECT nextval('public.numbers') > 0", "SELECT lastval() > 0"),
    Row(
        "currval behind a statement that drew nothing",
        (
            ("A", "SELECT nextval('public.numbers') > 0"),
            *MOVED,
            *BACK,
            ("B", "WITH a AS (SELECT 'drew nothing' AS v) SELECT v FROM a; " + CURRVAL),
            ("B", "WITH a AS (SELECT 'drew nothing' AS v) SELECT v FROM a; " + CURRVAL),
        ),
    ),
    _state("setseed", "SELECT setseed(0.5)", "SELECT random() = {seeded}"),
    Row(
        "LOAD",
        (("A", "LOAD 'plpgsql'"), *MOVED, ("A", LOADED), *BACK, ("B", LOADED), ("B", LOADED)),
        user="postgres",
    ),
    Row(
        "LISTEN and NOTIFY",
        (("A", "LISTEN ch"), *MOVED, ("B", "NOTIFY ch, 'hello'"), ("A", "SELECT 1"), *BACK,
         ("B", "SELECT 1")),
    ),
    Row(
        "notification for a stranger",
        (("A", "LISTEN ch"), ("B", "BEGIN"), ("B", "SELECT 1"), ("C", "NOTIFY ch, 'hello'"),
         ("B", "COMMIT"), ("B", "SELECT 1"), ("A", "SELECT 1")),
    ),
)  # fmt: skip

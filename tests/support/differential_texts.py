"""Statements for the differential test: by topic, so that a sequence can dwell on one.

What a sequence needs of the database is made by `SCHEMA`: a table `here` in three schemas that
says where it is, functions and a trigger with effects that no text shows.
"""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.support import protocol
from tests.support.differential import Step

SCHEMA = """
CREATE SCHEMA s1; CREATE SCHEMA s2;
CREATE TABLE public.here AS SELECT 'public' AS place;
CREATE TABLE s1.here AS SELECT 's1' AS place;
CREATE TABLE s2.here AS SELECT 's2' AS place;
CREATE TABLE public.t (who text, n int);
CREATE TABLE public.watched (n int);
CREATE SEQUENCE public.sq;
CREATE FUNCTION public.f_path(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('search_path', $1, false); RETURN $1; END $$;
CREATE FUNCTION public.f_tenant(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', $1, false); RETURN $1; END $$;
CREATE FUNCTION public.f_local(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', $1, true); RETURN $1; END $$;
CREATE FUNCTION public.f_memory() RETURNS text LANGUAGE plpgsql SET work_mem = '3MB' AS
  $$ BEGIN PERFORM set_config('work_mem', '5MB', false); RETURN 'done'; END $$;
CREATE FUNCTION public.f_lock() RETURNS bool LANGUAGE sql AS
  $$ SELECT pg_try_advisory_lock(77) $$;
CREATE FUNCTION public.f_fail() RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', 'failed', false); RETURN 1 / 0; END $$;
CREATE FUNCTION public.f_watch() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('app.tenant', 'watched', false); RETURN NEW; END $$;
CREATE TRIGGER watch BEFORE INSERT ON public.watched
  FOR EACH ROW EXECUTE FUNCTION public.f_watch();
GRANT ALL ON SCHEMA public, s1, s2 TO app, crew;
GRANT ALL ON ALL TABLES IN SCHEMA public, s1, s2 TO app, crew;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app, crew;
"""
CLEAN = "TRUNCATE public.t, public.watched; ALTER SEQUENCE public.sq RESTART"

TENANT = "SELECT coalesce(current_setting('app.tenant', true), '')"
SETTINGS = (
    "SET search_path = s1, public", "SET search_path TO s2, public", "RESET search_path",
    "SET LOCAL search_path = s2, public", "SET search_path TO DEFAULT",
    "SELECT set_config('search_path', 's1, public', false)",
    "SELECT set_config('search_path', 's2, public', true)",
    "SET statement_timeout = '1h'", "SET LOCAL statement_timeout = '2h'",
    "RESET statement_timeout", "SET statement_timeout = 'never'",
    "SET app.tenant = 'one'", "SELECT set_config('app.tenant', 'two', false)",
    "SELECT set_config('app.tenant', 'three', true)", "RESET app.tenant",
    "SET LOCAL app.tenant = 'four'", "SET TimeZone = 'Asia/Tokyo'", "SET TIME ZONE 'UTC'",
    "SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE", "SET TIME ZONE LOCAL", "SET TIME ZONE -3",
    "SET LOCAL TIME ZONE 'Europe/Paris'", "SET DateStyle = 'SQL, DMY'", "SET DateStyle TO ISO",
    "SET LOCAL DateStyle = 'German'", "SET IntervalStyle = 'iso_8601'", "SET ROLE crew",
    "SET ROLE nosuch", "SET LOCAL ROLE crew", "RESET ROLE", "SET ROLE NONE",
    "SET SESSION AUTHORIZATION DEFAULT", "RESET SESSION AUTHORIZATION",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET default_transaction_isolation = 'read committed'",
    "SET TRANSACTION READ ONLY", "SET application_name = 'mine'", "SET NAMES 'UTF8'",
    "SET client_encoding = 'LATIN1'", "SET work_mem = '1MB'", "SET work_mem = 'nonsense'",
    "SET LOCAL work_mem = '2MB'", "SET bytea_output = 'escape'", "SET extra_float_digits = 0",
    "SET standard_conforming_strings = off", "SET standard_conforming_strings = on",
    "UPDATE pg_settings SET setting = '9999' WHERE name = 'work_mem'",
    "SELECT set_config(name, '7MB', false) FROM (VALUES ('work_mem')) v(name)",
    "SET row_security = off", "SET lock_timeout = 1234", "RESET ALL", "DISCARD ALL",
    "DISCARD PLANS", "SET plan_cache_mode = force_custom_plan", "SET enable_seqscan = off",
)  # fmt: skip
LOOKS = (
    "SHOW search_path", "SHOW statement_timeout", TENANT, "SELECT current_user, session_user",
    "SHOW TimeZone", "SHOW DateStyle", "SHOW work_mem", "SHOW transaction_read_only",
    "SHOW transaction_isolation", "SELECT place FROM here", "SELECT 'x\\n' || 'y'",
    "SELECT timestamptz '2024-01-02 03:04:05+00'", "SELECT to_date('2024-02-01', 'YYYY-MM-DD')",
    "SELECT interval '1 day 2 hours'", "SELECT '\\x41'::bytea", "SELECT 1.0::float8 / 3",
    "SHOW application_name", "SHOW lock_timeout", "VALUES (1), (2)", "",
)  # fmt: skip
BLOCKS = (
    "BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "BEGIN READ ONLY", "START TRANSACTION",
    "BEGIN ISOLATION LEVEL REPEATABLE READ", "SAVEPOINT a", "SAVEPOINT b", "ROLLBACK TO a",
    "ROLLBACK TO b", "RELEASE a", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "SELECT 1/0", "SELEC",
    "END", "ABORT", "SELECT * FROM nowhere",
)  # fmt: skip
DATA = (
    "INSERT INTO public.t VALUES (current_user, 1)", "SELECT count(*) FROM public.t",
    "SELECT who, n FROM public.t ORDER BY 1, 2", "SELECT nextval('public.sq')",
    "SELECT currval('public.sq')", "SELECT lastval()", "DISCARD SEQUENCES",
    "INSERT INTO public.watched VALUES (1) RETURNING n",
    "DO $$ BEGIN PERFORM 1; END $$", "COPY (SELECT place FROM here) TO STDOUT",
)  # fmt: skip
PREPARES = (
    "PREPARE p AS SELECT place FROM here", "PREPARE p(int) AS SELECT $1 + 1", "EXECUTE p",
    "EXECUTE p(1)", "DEALLOCATE p", "DEALLOCATE ALL", "PREPARE q AS SELECT now() IS NULL",
    "EXECUTE q", "DEALLOCATE q", "PREPARE broken AS SELECT * FROM nowhere",
)  # fmt: skip
OBJECTS = (
    "CREATE TEMP TABLE tt (v int)", "CREATE TEMP TABLE tt (v int) ON COMMIT DROP",
    "INSERT INTO tt VALUES (1)", "SELECT count(*) FROM tt", "DROP TABLE tt",
    "SELECT 1 AS v INTO TEMP tt", "DECLARE c CURSOR FOR SELECT generate_series(1, 3)",
    "DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 3)", "FETCH 1 FROM c",
    "MOVE 1 FROM c", "CLOSE c", "CLOSE ALL", "DISCARD TEMP",
)  # fmt: skip
LOCKS = (
    "SELECT pg_try_advisory_lock(7)", "SELECT pg_advisory_unlock(7)",
    "SELECT pg_advisory_unlock_all()", "SELECT pg_try_advisory_xact_lock(7)",
    ("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"),
)  # fmt: skip
NOTICES = (
    "LISTEN a", "LISTEN b", "UNLISTEN a", "UNLISTEN *", "NOTIFY a, 'said'", "NOTIFY b",
    "SELECT pg_notify('a', 'called')",
)  # fmt: skip
FUNCTIONS = (
    "SELECT public.f_path('s1, public')", "SELECT public.f_tenant('by function')",
    "SELECT public.f_local('for now')", "SELECT public.f_memory()", "SELECT public.f_lock()",
    "SELECT public.f_fail()", "DO $$ BEGIN SET app.tenant = 'by block'; END $$",
)  # fmt: skip
TOPICS = (
    SETTINGS, SETTINGS, LOOKS, LOOKS, BLOCKS, BLOCKS, DATA, PREPARES, OBJECTS, LOCKS, NOTICES,
    FUNCTIONS,
)  # fmt: skip

BOUND = (
    "SELECT set_config($1, $2, false)", "SELECT set_config($1, $2, true)",
    "SELECT set_config($1::text, $2, false), set_config('work_mem', '8MB', true)",
)  # fmt: skip
BOUND_NAMES = (
    b"search_path", b"app.tenant", b"work_mem", b"role", b"TimeZone", b"row_security",
    b"standard_conforming_strings", b"client_encoding", b"nosuch", b"no name", None,
)  # fmt: skip
BOUND_VALUES = (b"s1, public", b"9MB", b"crew", b"off", b"UTC", b"LATIN1", b"", None)
bound = st.tuples(*map(st.sampled_from, (BOUND, BOUND_NAMES, BOUND_VALUES)))

texts = st.sampled_from(TOPICS).flatmap(st.sampled_from)
NAMES = ("n1", "n2")
ONCE = "once"


def simple(*parts: str) -> Step:
    """One Query of these statements."""
    text = "; ".join(parts)
    return Step(text, protocol.query(text))


def _run(text: str) -> bytes:
    return protocol.parse(text) + protocol.bind() + protocol.describe("P") + protocol.execute()


def _extended(texts: list[str]) -> Step:
    parts = tuple(map(_run, texts))
    return Step(f"extended {texts}", b"".join(parts) + protocol.sync(), parts)


def _prepare(told: tuple[str, str]) -> Step:
    name, text = told
    octets = protocol.parse(text, name) + protocol.describe("S", name) + protocol.sync()
    return Step(f"prepare {name} {text!r}", octets, (octets,))


def _use(name: str) -> Step:
    octets = protocol.bind(statement=name) + protocol.describe("P") + protocol.execute()
    return Step(f"use {name}", octets + protocol.sync(), (octets,))


def _use_with(told: tuple[str, bytes | None]) -> Step:
    name, value = told
    octets = protocol.bind((value,), statement=name) + protocol.describe("P") + protocol.execute()
    return Step(f"use {name} with {value!r}", octets + protocol.sync(), (octets,))


def once(text: str) -> Step:
    """Prepared by a name and used, in one unit; the name is free, whatever became of the last."""
    used = protocol.bind(statement=ONCE) + protocol.describe("P") + protocol.execute()
    octets = protocol.close("S", ONCE) + protocol.parse(text, ONCE) + used
    return Step(f"once {text!r}", octets + protocol.sync(), (octets,))


def _close(name: str) -> Step:
    return Step(f"close {name}", protocol.close("S", name) + protocol.sync())


def _bound(told: tuple[str, bytes | None, bytes | None]) -> Step:
    """The setting is named by a parameter."""
    text, *values = told
    octets = protocol.parse(text) + protocol.bind(tuple(values)) + protocol.execute()
    return Step(f"bound {told}", octets + protocol.sync(), (octets,))


def _copy(rows: int) -> Step:
    data = b"".join(protocol.copy_data(b"copied\t%d\n" % row) for row in range(rows))
    octets = protocol.query("COPY public.t FROM STDIN") + data
    return Step(f"copy {rows}", octets + protocol.copy_done())


@st.composite
def texts_of(draw: st.DrawFn, topics: Sequence[Sequence[str]]) -> str:
    """A text of some topic. (A strategy of all of them has too long a name for Hypothesis.)"""
    topic = topics[draw(st.integers(0, len(topics) - 1))]
    return topic[draw(st.integers(0, len(topic) - 1))]


def steps_of(
    texts: st.SearchStrategy[str], prepared: st.SearchStrategy[str]
) -> st.SearchStrategy[Step]:
    """Requests of these texts: one or some at once, by every protocol, prepared and used again."""
    return st.one_of(
        texts.map(simple),
        texts.map(simple),
        st.lists(texts, min_size=2, max_size=3).map(lambda parts: simple(*parts)),
        st.lists(texts, min_size=1, max_size=1).map(_extended),
        st.lists(texts, min_size=1, max_size=3).map(_extended),
        prepared.map(once),
        st.tuples(st.sampled_from(NAMES), prepared).map(_prepare),
        st.sampled_from(NAMES).map(_use),
        st.sampled_from(NAMES).map(_close),
    )


def steps_with_parameter(
    names: Sequence[str], values: Sequence[bytes | None], texts: Sequence[str]
) -> st.SearchStrategy[Step]:
    """Texts of one parameter, prepared and used again with this and that."""
    named = st.sampled_from(names)
    used = st.tuples(named, st.sampled_from(values)).map(_use_with)
    return st.one_of(st.tuples(named, st.sampled_from(texts)).map(_prepare), used, used)


steps = st.one_of(steps_of(texts, texts), bound.map(_bound), st.integers(0, 2).map(_copy))

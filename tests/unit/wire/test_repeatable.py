"""Which texts are proved to be reads that may run twice, and what keeps others from being so."""

import pytest

from pglane.wire.mentions import UNREAD, Names
from pglane.wire.repeatable import repeatable

LONG = b"x" * 64


def names(*runs, **flags):
    return Names((), (), (), **flags).with_runs(runs)


KNOWN = names(b"v", b"f", b"nextval", b'odd"view', LONG[:63])


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1",
        b"SELECT 1;",
        b"SELECT a, b FROM t WHERE id = $1 AND name LIKE 'x%' ORDER BY b LIMIT 10",
        b'SELECT t.*, "Odd Column" FROM public.t',
        b"SELECT count(*), Sum (a), lower(b) FROM t GROUP BY (a, b) HAVING max(a) > 1.5e3",
        b"SELECT a::varchar(10), cast(b AS numeric(10, 2)), (a + 1) * (2) FROM t",
        b"SELECT count(*) FILTER (WHERE a), rank() OVER (PARTITION BY b) FROM t",
        b"SELECT * FROM t WHERE id IN (SELECT id FROM u) AND NOT EXISTS (SELECT FROM u)",
        b"SELECT 'f(1)', 'pg_sleep(1)', $$ update v $$ -- nextval('s')",
        b"SELECT (a) FROM (VALUES (1), (2)) AS x",
        b"VALUES (1, now()), (2, NULL)",
    ],
)
def test_reads_that_may_run_twice(text):
    assert repeatable(text, True, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT * FROM v",
        b"SELECT * FROM V",
        b'SELECT * FROM "v"',
        b'SELECT * FROM "odd""view"',
        b"SELECT x.f FROM x",
        b"SELECT ('s'::regclass).nextval",
        b"SELECT f(1)",
        b"SELECT unknown(1)",
        b"SELECT random()",
        b"SELECT clock_timestamp()",
        b"SELECT current_setting('work_mem')",
        b"SELECT x FROM t AS x(a)",
        b'SELECT "lower"(a) FROM t',
        b"SELECT public.lower(a) FROM t",
        b"SELECT public . lower /* . */ (a) FROM t",
        b'SELECT "Public".lower(a) FROM t',
        b"SELECT pg_catalog.lower(a) FROM t",
        b"SELECT pg_sleep(1)",
        b"SELECT * FROM pg_locks",
        b"SELECT * FROM PG_LOCKS",
        b"SELECT * FROM information_schema.tables",
        b"SELECT (5).pg_advisory_lock",
        b"SELECT currval",
        b"SELECT * FROM t FOR UPDATE",
        b"SELECT * FROM t FOR NO KEY UPDATE",
        b"SELECT * FROM t FOR SHARE",
        b"SELECT * FROM t FOR KEY SHARE",
        b"SELECT * INTO u FROM t",
        b"SELECT * FROM (WITH x AS (DELETE FROM t RETURNING 1) SELECT 1) AS y",
        b"SELECT a operator(public.+) b FROM t",
        b"SELECT * FROM t TABLESAMPLE system (1)",
        b'SELECT U&"\\0076" FROM t',
        b"SELECT 'a",
        b"SELECT '(' (1)",
        b"SELECT 1 (1)",
        b"SELECT \xc3\xa9 FROM t",
        b'SELECT "\xc3\xa9" FROM t',
        b"SELECT " + LONG,
    ],
)
def test_what_is_not_proved(text):
    assert not repeatable(text, True, KNOWN)


def test_a_name_as_long_as_names_can_be_is_read():
    assert repeatable(b"SELECT " + LONG[:62], True, KNOWN)
    assert not repeatable(b"SELECT " + LONG[:63], True, KNOWN), "it is the name of something"
    assert repeatable(b"SELECT " + b"y" * 63, True, KNOWN)


def test_an_overload_makes_a_function_of_postgresqls_own_unknown():
    assert repeatable(b"SELECT lower(a) FROM t", True, names())
    assert not repeatable(b"SELECT lower(a) FROM t", True, names(b"lower"))


def test_where_strings_end_is_as_the_session_reads_it():
    assert not repeatable(rb"SELECT 'a\', f(), '\'", True, KNOWN)
    assert not repeatable(rb"SELECT 'a\'', f() --'", False, KNOWN)
    assert repeatable(rb"SELECT 'a\'', f() --'", True, KNOWN)
    assert repeatable(rb"SELECT 'a\' , f()'", False, KNOWN)
    assert not repeatable(rb"SELECT 'a\' , f()'", True, KNOWN)


def test_nothing_is_proved_where_code_may_act_or_nothing_is_known():
    assert repeatable(b"SELECT 1", True, names())
    assert not repeatable(b"SELECT 1", True, Names((), (), ()))
    assert not repeatable(b"SELECT 1", True, names(everything=True))
    assert not repeatable(b"SELECT 1", True, UNREAD)

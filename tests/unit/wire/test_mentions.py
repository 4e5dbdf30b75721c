"""Names that may do what no text shows are found wherever they stand."""

import pytest

from pglane.wire import mentions as module
from pglane.wire.mentions import DRAWS, NOTHING, UNKNOWN_CALL, UNPROVED, UNREAD, Names, mentions

LONG = b"x" * 70
KNOWN = Names(
    (b"f", b"odd view", LONG[:63]), (b"t",), (b"count", b"in", b"values", b"t", b"u", b"f")
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", NOTHING),
        (b"SELECT 1", NOTHING),
        (b"SELECT count(*) FROM t WHERE id IN (1, 2)", NOTHING),
        (b"INSERT INTO u (a) VALUES (1)", NOTHING),
        (b"SELECT 'f(1)' -- f()", NOTHING),
        (b"SELECT F (1)", UNPROVED),
        (b"SELECT x.f FROM x", UNPROVED),
        (b'SELECT * FROM "odd view"', UNPROVED),
        (b'SELECT "F"', NOTHING),
        (b"SELECT " + LONG, UNPROVED),
        (b'SELECT "' + LONG + b'"', UNPROVED),
        (b'SELECT "a""f"', NOTHING),
        (b"INSERT INTO t VALUES (1)", UNPROVED),
        (b"WITH x AS (DELETE FROM t RETURNING 1) SELECT 1", UNPROVED),
        (b'SELECT "insert" FROM t', NOTHING),
        (b"SELECT g(1)", UNKNOWN_CALL),
        (b"WITH x (a) AS (SELECT 1) SELECT a FROM x", UNKNOWN_CALL),
        (b"SELECT g, (1)", NOTHING),
        (b"SELECT g 1 (2)", NOTHING),
        (b"SELECT count 'x' (2)", NOTHING),
        (b'SELECT U&"a"', UNPROVED),
        (b"SELECT 'a", UNPROVED),
        (b"SELECT \xc3\xa9", NOTHING),
    ],
)
def test_what_is_found(text, found):
    assert mentions(text, True, KNOWN) == found


def test_a_backslash_ends_nothing_where_it_escapes():
    text = rb"SELECT 'a\' , f() --'"
    assert mentions(text, True, KNOWN) == UNPROVED
    assert mentions(text, False, KNOWN) == NOTHING


def test_letters_beyond_ascii_may_be_any_name_of_that_sort():
    known = Names((), ("é".encode(),), ())
    assert known.beyond_ascii
    assert mentions(b"SELECT \xe9", True, known) == UNPROVED
    assert mentions(b"SELECT e", True, known) == NOTHING


def test_where_nothing_is_proved_every_text_is_doubtful():
    assert mentions(b"SELECT 1", True, Names((), (), (), everything=True)) == UNPROVED


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"SELECT coalesce($1, 'a'); COMMIT", NOTHING),
        (b"SELECT lower(1)", UNPROVED),
        (b"BEGIN ISOLATION LEVEL REPEATABLE READ", NOTHING),
        (b"SELECT count(1) FROM t", UNPROVED),
        (b"TABLE t", UNPROVED),
        (b'SELECT * FROM "now"', UNPROVED),
        (b"SELECT f(1)", UNPROVED),
        (b"SELECT commit(1)", UNPROVED),
        (b"SELECT 'a' @@@ 'b'", UNPROVED),
        (b"SELECT 'v'::d", UNPROVED),
        (b"UPDATE t SET a = 1", UNPROVED),
        (b"FETCH c", UNPROVED),
    ],
)
def test_before_the_catalogs_were_read_every_name_and_operator_is(text, found):
    assert mentions(text, True, UNREAD) == found


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "CODES_MAX", 2)
    known = Names((b"f",), (), ())
    assert [known.code(name) for name in (b"a", b"b", b"F", b"f", b"a")] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"SELECT next_id(1)", DRAWS),
        (b"SELECT next_id(1), g(2)", UNKNOWN_CALL | DRAWS),
        (b"SELECT next_id(1), f(2)", UNPROVED),
        (b"SELECT 'next_id'", NOTHING),
        (b"SELECT \xc3\xa9", NOTHING),
    ],
)
def test_names_that_draw_are_told_apart(text, found):
    assert mentions(text, True, Names((b"f",), (), (b"next_id",), (b"next_id",))) == found


def test_letters_beyond_ascii_may_draw_if_any_such_name_does():
    known = Names((), (), (), ("\u00e9".encode(),))
    assert mentions(b"SELECT \xe8", True, known) == DRAWS
    assert mentions(b"SELECT e", True, known) == NOTHING


def test_behind_which_names_code_stands_is_not_known_unless_it_is_told():
    names = Names((), (), ())
    assert names.runs is None
    assert UNREAD.runs is None
    assert names.with_runs([b"v", b"v"]) is names
    assert names.runs == {b"v"}

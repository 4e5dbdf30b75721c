"""The question about a session, and its answer."""

import pytest

from pglane.connection.session_probe import Found, probe_text, read_probe, state_names
from pglane.wire.statements import Effect

NOTHING = [b"17", b"f", b"f", b"f", b"f"]


def test_the_question_names_each_setting_once_and_the_rights():
    text = probe_text(["work_mem", "app.x", "work_mem"])
    assert '{"app.x","role","session_authorization","work_mem"}' in text


def test_what_is_hidden_is_asked_of_those_only_who_see_it():
    text = probe_text(["work_mem", "Dynamic_library_path"])
    assert (
        """array_cat('{"role","session_authorization","work_mem"}'::pg_catalog.text[], """ in text
    )
    sees = "CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') THEN "
    assert sees + """'{"Dynamic_library_path"}'::pg_catalog.text[] END)""" in text
    assert "array_cat" not in probe_text(["work_mem"])


def test_names_cannot_break_out():
    text = probe_text(["a'b", 'c"d', "e\\f"])
    assert "a''b" in text
    assert 'c\\\\"d' in text
    assert "e\\\\\\\\f" in text


def test_nothing_is_there():
    assert read_probe(NOTHING) == Found(b"17", 0)


@pytest.mark.parametrize(
    ("column", "effect", "words"),
    [
        (1, Effect.ADVISORY, "advisory"),
        (2, Effect.LISTEN, "LISTEN"),
        (3, Effect.HOLD, "HOLD"),
        (4, Effect.TEMP, "temporary"),
    ],
)
def test_each_sort_of_state_has_its_column(column, effect, words):
    row = list(NOTHING)
    row[column] = b"t"
    assert read_probe(row) == Found(b"17", int(effect))
    assert words in state_names(int(effect))


@pytest.mark.parametrize(
    "row", [[], NOTHING[:-1], [None, *NOTHING[1:]], [*NOTHING[:-1], None], [*NOTHING[:-1], b"x"]]
)
def test_what_is_no_answer_is_none(row):
    assert read_probe(row) is None


def test_no_effect_has_no_words():
    assert state_names(0) == ""

"""The texts that are asked of the catalogs; what they find, the integration tests show."""

import pytest

from pglane.connection.catalog_queries import (
    BRIEFLY,
    CATALOG_EPOCH,
    LISTED,
    LISTING,
    LOCKING_MAX,
    PRINTED,
    SESSION_SETTINGS,
    TEXTS_MAX,
    texts_max,
    texts_query,
)
from pglane.wire.statements import Effect, Kind, scan


@pytest.mark.parametrize(
    "text", [LISTING, CATALOG_EPOCH, *(texts_query(part, [b"1", b"2"]) for part in PRINTED)]
)
def test_each_is_one_statement_that_changes_nothing(text):
    verdict = scan(text.encode(), "UTF8", True)
    assert verdict.kinds == (Kind.SELECT,)
    assert not verdict.effects


def test_a_short_wait_is_asked_for_ahead_and_ends_with_the_question():
    brief = texts_query("rules", [b"1"], briefly=True)
    assert brief == f"{BRIEFLY}{texts_query('rules', [b'1'])}"
    verdict = scan(brief.encode(), "UTF8", True)
    assert verdict.kinds == (Kind.SET_LOCAL, Kind.SELECT)
    assert verdict.effects == Effect.LOCAL_SETTING


@pytest.mark.parametrize("text", SESSION_SETTINGS)
def test_settings_are_the_monitors_own_sessions(text):
    assert scan(text.encode(), "UTF8", True).effects == Effect.SETTING


def test_all_that_is_printed_is_listed_with_what_tells_a_change():
    for part in PRINTED:
        assert LISTED[part][0][1] == "x.xmin"


def test_texts_are_asked_for_by_number():
    assert texts_query("indexes", [b"17", b"4"]).startswith("SELECT x.indexrelid, ")
    assert texts_query("indexes", [b"17", b"4"]).endswith("= ANY ('{17,4}'::oid[])")


def test_what_locks_relations_is_printed_in_small_portions():
    assert (texts_max("rules"), texts_max("defaults")) == (LOCKING_MAX, TEXTS_MAX)
    assert LOCKING_MAX < TEXTS_MAX


def test_temporary_objects_do_not_count():
    assert "relpersistence <> 't'" in LISTING
    assert "relpersistence <> 't'" in CATALOG_EPOCH

"""Vectors of settings and the texts that make them true."""

import pytest

from pglane.connection.settings import (
    ITEM_CHARACTERS,
    Vectors,
    apply_statement,
    differences,
    fits_without_reset,
    quoted,
)
from pglane.connection.sql_statements import NONE, SqlStatement


def test_equal_vectors_are_one() -> None:
    vectors = Vectors()
    one = vectors.of({"a": "1", "b": "2"})
    assert vectors.of({"b": "2", "a": "1"}) is one
    assert vectors.of({}) is vectors.empty
    assert one.items == {"a": "1", "b": "2"}


def test_parse_keys_are_shared_by_what_texts_depend_on() -> None:
    vectors = Vectors()
    one = vectors.of({"timezone": "UTC", "application_name": "x"})
    two = vectors.of({"timezone": "UTC", "application_name": "y"})
    assert one.parse_key is two.parse_key
    assert vectors.of({"timezone": "Asia/Tokyo"}).parse_key != one.parse_key


def test_the_table_starts_anew() -> None:
    vectors = Vectors(vectors_max=2)
    one = vectors.of({"a": "1"})
    assert vectors.of({"a": "1"}) is one
    assert vectors.generation == 0
    vectors.of({"a": "2"})
    assert vectors.of({"a": "1"}) is not one
    assert vectors.generation == 1


def test_the_table_starts_anew_when_it_holds_too_much() -> None:
    vectors = Vectors(characters_max=2 * ITEM_CHARACTERS + 12)
    one = vectors.of({"a": "12345"})
    assert vectors.of({"a": "12345"}) is one
    vectors.of({"b": "123456"})
    assert vectors.of({"a": "12345"}) is not one


def test_names_and_empty_values_take_room_too() -> None:
    vectors = Vectors(characters_max=3 * ITEM_CHARACTERS + 60)
    one = vectors.of({"a": ""})
    vectors.of({"b" * 30: "", "c" * 30: ""})
    assert vectors.of({"a": ""}) is not one


def test_equal_sets_of_statements_are_one() -> None:
    vectors = Vectors()
    members = frozenset({SqlStatement("a", "PREPARE a AS SELECT 1", ())})
    both = vectors.statements(members)
    assert vectors.statements(frozenset(members)) is both
    assert vectors.statements(frozenset()) is NONE
    assert vectors.of({}, both) is vectors.of({}, both)
    assert vectors.of({}, both) is not vectors.empty


def test_a_later_caller_cannot_change_a_vector() -> None:
    items = {"a": "1"}
    vector = Vectors().of(items)
    items["a"] = "2"
    assert vector.items == {"a": "1"}


def test_values_are_data() -> None:
    assert quoted("it's") == "'it''s'"
    assert quoted("a\\' b") == " E'a\\\\'' b'"
    assert quoted("ä'\\", escapes=False) == " E'ä''\\\\'"


def test_values_mean_the_same_under_every_encoding() -> None:
    assert quoted("ä'\\b", escapes=True) == " E'\\U000000e4''\\\\b'"
    assert quoted("plain", escapes=True) == "'plain'"
    assert quoted("\udce4", escapes=True) == " E'\udce4'"


def test_differences_are_set_or_taken_back() -> None:
    of = Vectors().of
    server = of({"a": "1", "b": "2", "base": "3"})
    assert differences(server, of({"base": "3"}), of({"a": "1", "c": "4", "base": "3"})) == [
        ("c", "4"),
        ("b", None),
    ]
    assert differences(server, server, server) == []


BACK = [("session_authorization", None), ("role", None)]


@pytest.mark.parametrize(
    ("had", "wanted", "changes"),
    [
        ({"role": "r"}, {"role": "r"}, []),
        ({"role": "r"}, {}, BACK),
        ({"session_authorization": "s"}, {}, BACK),
        ({}, {"role": "r", "a": "1"}, [("a", "1"), ("role", "r")]),
        ({"role": "r"}, {"role": "r", "a": "1"}, [*BACK, ("a", "1"), ("role", "r")]),
        (
            {"role": "r"},
            {"role": "q", "session_authorization": "s"},
            [*BACK, ("session_authorization", "s"), ("role", "q")],
        ),
    ],
)
def test_rights_are_taken_back_first_and_given_up_last(
    had: dict[str, str], wanted: dict[str, str], changes: list[tuple[str, str | None]]
) -> None:
    of = Vectors().of
    assert differences(of(had), of({}), of(wanted)) == changes


def test_rights_that_a_connection_was_opened_with_are_its_own() -> None:
    of = Vectors().of
    base = of({"role": "r"})
    assert differences(base, base, of({"role": "r", "a": "1"})) == [("a", "1")]
    assert differences(of({"role": "q"}), base, base) == BACK
    assert differences(base, base, of({"role": "q"})) == [("role", "q")]


def test_what_a_connection_was_opened_with_cannot_be_taken_back() -> None:
    of = Vectors().of
    assert fits_without_reset(of({"a": "1"}), of({"a": "2", "b": "3"}))
    assert not fits_without_reset(of({"a": "1"}), of({"b": "3"}))


def test_all_changes_are_one_statement() -> None:
    changes = [("role", None), ("work_mem", "1MB"), ("app.x", "ä")]
    assert apply_statement(changes) == (
        "SELECT pg_catalog.set_config('role', NULL, false) IS NULL, "
        "pg_catalog.set_config('work_mem', '1MB', false) IS NULL, "
        "pg_catalog.set_config('app.x', 'ä', false) IS NULL"
    )
    assert "E'\\U000000e4'" in apply_statement(changes, escapes=True)


def test_vectors_are_counted_until_nobody_uses_them():
    counted = []
    vectors = Vectors(vectors_max=2, note=counted.append)
    vector = vectors.of({"a.b": "x" * 100})
    assert sum(counted) == 103 + ITEM_CHARACTERS
    vectors.of({"a.b": "y"})
    before = sum(counted)
    del vector
    assert sum(counted) == before - 103 - ITEM_CHARACTERS

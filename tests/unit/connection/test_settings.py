"""Vectors of settings and the texts that make them true."""

from pglane.connection.settings import (
    Vectors,
    apply_statement,
    differences,
    fits_without_reset,
    identifier,
    quoted,
    read_back_statement,
)


def test_equal_vectors_are_one() -> None:
    vectors = Vectors()
    one = vectors.of({"a": "1", "b": "2"})
    assert vectors.of({"b": "2", "a": "1"}) is one
    assert vectors.of({}) is vectors.empty
    assert vectors.changed(one, {"b": "3"}) is vectors.of({"a": "1", "b": "3"})
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
    vectors.of({"a": "2"})
    assert vectors.of({"a": "1"}) is not one


def test_a_later_caller_cannot_change_a_vector() -> None:
    items = {"a": "1"}
    vector = Vectors().of(items)
    items["a"] = "2"
    assert vector.items == {"a": "1"}


def test_values_are_data() -> None:
    assert quoted("it's") == "'it''s'"
    assert quoted("a\\' b") == " E'a\\\\'' b'"
    assert identifier('app."x') == '"app"."""x"'


def test_differences_are_set_or_taken_back() -> None:
    of = Vectors().of
    server = of({"a": "1", "b": "2", "base": "3"})
    assert differences(server, of({"base": "3"}), of({"a": "1", "c": "4"})) == {
        "c": "4",
        "b": None,
    }
    assert differences(server, server, server) == {}


def test_what_a_connection_was_opened_with_cannot_be_taken_back() -> None:
    of = Vectors().of
    assert fits_without_reset(of({"a": "1"}), of({"a": "2", "b": "3"}))
    assert not fits_without_reset(of({"a": "1"}), of({"b": "3"}))


def test_rights_are_given_up_last() -> None:
    wanted = {"role": "r", "session_authorization": "s", "work_mem": "1MB", "app.x": None}
    assert apply_statement(wanted) == (
        'RESET "app"."x"; SELECT '
        "pg_catalog.set_config('work_mem', '1MB', false), "
        "pg_catalog.set_config('session_authorization', 's', false), "
        "pg_catalog.set_config('role', 'r', false)"
    )
    assert apply_statement({"a": None, "b": None}) == 'RESET "a"; RESET "b"'


def test_read_back() -> None:
    assert read_back_statement(["a", "b"]) == (
        "SELECT pg_catalog.current_setting('a', true), pg_catalog.current_setting('b', true)"
    )

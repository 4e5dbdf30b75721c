"""What is asked of a server connection about its settings, and what the answers mean."""

import json

import pytest

from pglane.connection.session_reading import (
    NAMES_MAX,
    VALUES_CHARACTERS_MAX,
    Question,
    told_session,
)

LOGIN = ("anna", "none")


def asked(touched=(), known=(), **more: bool) -> Question:
    chosen = {"everything": False, "rights": False, "statements": False, **more}
    return Question(touched, known, **chosen)


def means(question: Question, *row: bytes | None, **more: bool) -> dict[str, str] | None:
    given = {"hexadecimal": False, "superuser": False, **more}
    told = told_session(question, row, LOGIN, **given)
    return None if told is None else told.settings


def view(*rows: tuple[str, str, bool, bool]) -> bytes:
    return json.dumps(rows).encode()


def test_names_are_asked_for_by_name() -> None:
    question = asked(["work_mem", "a.b"], ["other.name"])
    assert question.text(hexadecimal=False) == (
        "SELECT pg_catalog.current_setting('a.b', true), "
        "pg_catalog.current_setting('work_mem', true)"
    )
    assert means(question, b"1", b"9MB") == {"a.b": "1", "work_mem": "9MB"}
    assert means(question, None, b"9MB") == {"work_mem": "9MB"}
    assert means(question, b"9MB") is None


def test_what_is_not_utf8_is_asked_for_in_hexadecimal_digits() -> None:
    assert asked(["a"]).text(hexadecimal=True) == (
        "SELECT pg_catalog.encode("
        "pg_catalog.convert_to(pg_catalog.current_setting('a', true), 'UTF8'), 'hex')"
    )


def test_what_lasts_for_a_transaction_is_not_asked() -> None:
    assert asked(["seed", "transaction_read_only", "role", "a.\xe4", "x"]).names == ["x"]


def test_everything_is_asked_of_the_view_and_custom_settings_by_name() -> None:
    question = asked(["work_mem", "a.b"], ["other.name", "datestyle"], everything=True)
    assert question.names == ["a.b", "other.name"]
    assert "pg_settings" in question.text(hexadecimal=False)
    told = view(("DateStyle", "ISO", False, True), ("other.name", "5", False, False))
    row = (b"1", b"5", b"anna", b"none", told)
    assert means(question, *row) == {"datestyle": "ISO", "a.b": "1"}
    assert means(asked(everything=True), b"anna", b"none", None) == {}


@pytest.mark.parametrize(
    ("authorization", "role", "found"),
    [
        (b"anna", b"none", {}),
        (b"anna", b"r", {"role": "r"}),
        (b"eve", b"none", {"session_authorization": "eve"}),
        (b"eve", b"r", {"session_authorization": "eve", "role": "r"}),
    ],
)
def test_rights_are_told_apart_from_those_of_the_login(
    authorization: bytes, role: bytes, found: dict[str, str]
) -> None:
    assert means(asked(rights=True), authorization, role) == found


def test_a_role_of_the_login_is_no_change_and_none_is_one() -> None:
    def found(*row: bytes) -> dict[str, str] | None:
        question = asked(rights=True)
        login = ("anna", "r")
        told = told_session(question, row, login, hexadecimal=False, superuser=False)
        return None if told is None else told.settings

    assert found(b"anna", b"r") == {}
    assert found(b"anna", b"none") == {"role": "none"}
    assert found(b"eve", b"none") == {"session_authorization": "eve"}


def test_what_a_superuser_set_travels_with_superusers_only() -> None:
    question = asked(everything=True)
    told = view(("log_statement", "all", True, True))
    assert means(question, b"anna", b"none", told) is None
    assert means(question, b"anna", b"none", told, superuser=True) == {"log_statement": "all"}


def test_what_cannot_be_read_or_carried_is_known_as_such() -> None:
    question = asked(["app.x"])
    assert means(question, "ä".encode()) == {"app.x": "ä"}
    assert means(question, b"c3a4", hexadecimal=True) == {"app.x": "ä"}
    assert means(question, b"c3a", hexadecimal=True) is None
    assert means(question, b"\xe4") is None
    assert means(question, b"x" * (VALUES_CHARACTERS_MAX + 1)) is None


def test_some_questions_are_not_worth_asking() -> None:
    assert asked(["session_preload_libraries"]).hopeless
    assert asked([f"a.b{number}" for number in range(NAMES_MAX + 1)]).hopeless
    assert not asked(["work_mem"]).hopeless


def test_what_is_prepared_is_asked_last() -> None:
    question = asked(["a"], statements=True, rights=True)
    assert "pg_prepared_statements" in question.text(hexadecimal=False)
    row = (b"1", b"anna", b"none", b"[]")
    told = told_session(question, row, LOGIN, hexadecimal=False, superuser=False)
    assert told == ({"a": "1"}, "[]")

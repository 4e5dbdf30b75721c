"""Statements prepared by SQL: what the server tells of them, and which can be prepared anew."""

import json

import pytest

from pglane.connection.sql_statements import (
    CHARACTERS_MAX,
    NONE,
    STATEMENTS_MAX,
    SqlStatement,
    SqlStatements,
    dropping,
    told_statements,
    with_lacking,
)

KEY: tuple[str | None, ...] = ("a", None)
OTHER_KEY: tuple[str | None, ...] = ("b", None)
A = SqlStatement("a", "PREPARE a AS SELECT 1", KEY)
B = SqlStatement("b", "prepare b (int) as select $1 -- b", KEY)


def told(
    *statements: SqlStatement | tuple[str, str],
    known: SqlStatements = NONE,
    key: tuple[str | None, ...] = KEY,
    in_doubt: bool = False,
    remade: bool = False,
) -> frozenset[SqlStatement] | None:
    column = json.dumps([[one[0], one[1]] for one in statements])
    return told_statements(column, known, key, in_doubt=in_doubt, remade=remade)


def test_what_is_told_was_prepared_under_the_settings_in_force() -> None:
    assert told(A, B) == {A, B}
    assert told_statements(None, NONE, KEY, in_doubt=False, remade=False) == frozenset()


def test_a_known_one_stays_what_it_was() -> None:
    known = SqlStatements(frozenset({A}))
    assert told(A, known=known, key=OTHER_KEY, in_doubt=True) == {A}
    assert told(A, known=known, remade=True) == {A}
    assert told(A, known=known, key=OTHER_KEY, remade=True) is None
    assert told(A, known=known, in_doubt=True, remade=True) is None


def test_another_text_is_another_statement() -> None:
    known = SqlStatements(frozenset({A}))
    changed = ("a", "PREPARE a AS SELECT 2")
    assert told(changed, known=known, key=OTHER_KEY) == {SqlStatement(*changed, OTHER_KEY)}
    assert told(changed, known=known, in_doubt=True) is None


@pytest.mark.parametrize(
    "text",
    [
        "PREPARE a AS SELECT 1; PREPARE b AS SELECT 2",
        "BEGIN; PREPARE a AS SELECT 1",
        "DO 'execute ''prepare a as select 1'''",
        r"PREPARE a AS SELECT '\'; SELECT 1 --'",
    ],
)
def test_what_came_with_something_else_cannot_be_prepared_anew(text: str) -> None:
    assert told(("a", text)) is None


def test_there_are_limits() -> None:
    many = [(f"s{n}", f"PREPARE s{n} AS SELECT {n}") for n in range(STATEMENTS_MAX + 1)]
    assert told(*many) is None
    assert told(*many[1:]) is not None
    assert told(("a", "PREPARE a AS SELECT 1 --" + "x" * CHARACTERS_MAX)) is None


def test_what_the_server_connection_could_not_take_is_the_clients_still() -> None:
    known, held = SqlStatements(frozenset({A, B})), SqlStatements(frozenset({B}))
    assert with_lacking(frozenset({B}), known, held) == {A, B}
    assert with_lacking(frozenset(), known, held) == {A}, "b was dropped"
    another = SqlStatement("a", "PREPARE a AS SELECT 2", KEY)
    assert with_lacking(frozenset({another, B}), known, held) == {another, B}
    assert with_lacking(frozenset({A}), known, known) == {A}


def test_there_are_limits_of_both_together() -> None:
    known = SqlStatements(frozenset({A}))
    many = [SqlStatement(f"s{n}", "PREPARE", KEY) for n in range(STATEMENTS_MAX)]
    assert with_lacking(frozenset(many), known, NONE) is None
    assert len(with_lacking(frozenset(many[1:]), known, NONE) or ()) == STATEMENTS_MAX


def test_a_set_is_by_name() -> None:
    both = SqlStatements(frozenset({B, A}))
    assert list(both.by_name) == ["a", "b"]
    assert both.characters == len(A.text) + len(B.text)
    assert NONE.by_name == {}


def test_names_are_quoted() -> None:
    assert dropping(["a", 'B"c']) == 'DEALLOCATE "a"; DEALLOCATE "B""c"'

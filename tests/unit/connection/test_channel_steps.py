"""Statements that change what is listened to, one by one."""

import pytest

from pglane.connection.channel_steps import (
    COMMIT,
    LISTEN,
    OTHER,
    RELEASE,
    ROLLBACK,
    ROLLBACK_TO,
    SAVEPOINT,
    UNLISTEN,
    UNLISTEN_ALL,
    channel_steps,
)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        (b"LISTEN news", LISTEN, b"news"),
        (b" listen /* x */ MixedCase -- y", LISTEN, b"mixedcase"),
        (b'LISTEN "Mixed""Case"', LISTEN, b'Mixed"Case'),
        (b"LISTEN " + b"n" * 70, LISTEN, b"n" * 63),
        ('LISTEN "{}é"'.format("n" * 62).encode(), LISTEN, b"n" * 62),
        ('LISTEN "{}é"'.format("n" * 61).encode(), LISTEN, "n{}é".format("n" * 60).encode()),
        (b'LISTEN "' + b"\xa9" * 70 + b'"', LISTEN, b"\xa9" * 59),
        (b"UNLISTEN news", UNLISTEN, b"news"),
        (b"UNLISTEN *", UNLISTEN_ALL, b""),
        (b"DISCARD ALL", UNLISTEN_ALL, b""),
        (b"DISCARD PLANS", OTHER, b""),
        (b'UNLISTEN "*"', UNLISTEN, b"*"),
        (b"SAVEPOINT a", SAVEPOINT, b"a"),
        (b"RELEASE a", RELEASE, b"a"),
        (b"RELEASE SAVEPOINT a", RELEASE, b"a"),
        (b"RELEASE savepoint", RELEASE, b"savepoint"),
        (b"COMMIT", COMMIT, b""),
        (b"END WORK", COMMIT, b""),
        (b"COMMIT AND CHAIN", COMMIT, b""),
        (b"COMMIT PREPARED 'x'", OTHER, b""),
        (b"ROLLBACK", ROLLBACK, b""),
        (b"ABORT", ROLLBACK, b""),
        (b"ROLLBACK TRANSACTION", ROLLBACK, b""),
        (b"ROLLBACK PREPARED 'x'", OTHER, b""),
        (b"ROLLBACK TO a", ROLLBACK_TO, b"a"),
        (b"ROLLBACK WORK TO SAVEPOINT a", ROLLBACK_TO, b"a"),
        (b"ROLLBACK TO savepoint", ROLLBACK_TO, b"savepoint"),
        (b'ROLLBACK TO SAVEPOINT "A b"', ROLLBACK_TO, b"A b"),
        (b"SELECT 'LISTEN x'", OTHER, b""),
        (b"'x'", OTHER, b""),
    ],
)
def test_a_statement_is_known_by_its_first_words(text: bytes, kind: int, name: bytes) -> None:
    assert channel_steps(text, standard_strings=True) == [(kind, name)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (b"", []),
        (b";;", []),
        (b"LISTEN a; ;UNLISTEN a;", [LISTEN, UNLISTEN]),
        (b"SELECT ';'; LISTEN a", [OTHER, LISTEN]),
        (b"CREATE RULE r AS ON INSERT TO t DO (NOTIFY a; NOTIFY b); LISTEN a", [OTHER, LISTEN]),
        (
            (
                b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN b "
                b"THEN 1 END; END; LISTEN a; COMMIT"
            ),
            [OTHER, LISTEN, COMMIT],
        ),
        (b"CREATE PROCEDURE p() BEGIN ATOMIC END; LISTEN a", [OTHER, LISTEN]),
        (b"SELECT begin atomic; LISTEN a", [OTHER, LISTEN]),
        (b"LISTEN a; SELECT 'open", [LISTEN, OTHER]),
    ],
)
def test_statements_are_told_apart(text: bytes, kinds: list[int]) -> None:
    steps = channel_steps(text, standard_strings=True)
    assert [step.kind for step in steps] == kinds


def test_backslashes_escape_where_they_do() -> None:
    text = rb"SELECT '\'; LISTEN a; --'"
    assert len(channel_steps(text, standard_strings=True)) == 2
    assert len(channel_steps(text, standard_strings=False)) == 1

"""What a person is told about the text that was refused: names and words, no literal."""

import pytest

from pglane.wire import statement_witness
from pglane.wire.statement_witness import IN_GENERAL, UNREADABLE, witness
from pglane.wire.statements import Effect

SEEN = [
    ("SELECT pg_advisory_lock(17)", Effect.ADVISORY, "function pg_advisory_lock"),
    ("SELECT (17::bigint).pg_advisory_lock", Effect.ADVISORY, "function pg_advisory_lock"),
    (
        'SELECT pg_advisory_lock, 1; SELECT "pg_try_advisory_lock" (2)',
        Effect.ADVISORY,
        "function pg_try_advisory_lock",
    ),
    ("SELECT setval('s', 1), lastval()", Effect.SEQUENCE_READ, "function lastval"),
    ("SELECT setseed(0.5)", Effect.SEED, "function setseed"),
    ("SET seed = 0.5", Effect.SEED, IN_GENERAL[Effect.SEED]),
    ("CREATE TEMP TABLE basket (a int)", Effect.TEMP, "TEMP TABLE basket"),
    ("select 1 into temporary x", Effect.TEMP, "temporary x"),
    ("SELECT 1 AS a INTO TEMP", Effect.TEMP, "TEMP"),
    ("CREATE TABLE pg_temp.x ()", Effect.TEMP, "the schema pg_temp"),
    ('CREATE TABLE "pg_temp_3".x ()', Effect.TEMP, "the schema pg_temp"),
    ("SET search_path = 'pg_temp'", Effect.TEMP, IN_GENERAL[Effect.TEMP]),
    ("DECLARE walker CURSOR WITH HOLD FOR SELECT 1", Effect.HOLD, "DECLARE walker"),
    ("BEGIN; PREPARE news AS SELECT 1", Effect.PREPARED, "PREPARE news"),
    ("prepare p as select 'secret'", Effect.PREPARED, "PREPARE p"),
    ("LOAD 'secret'", Effect.LOAD, "LOAD"),
    ('SELECT U&"a"', Effect.UNKNOWN, UNREADABLE),
    ("SELECT pg_backup_start('secret')", Effect.UNKNOWN, "function pg_backup_start"),
    ("SELECT 'secret", Effect.UNKNOWN, UNREADABLE),
    ("PREPARE caf\u00e9 AS SELECT 1", Effect.PREPARED, r"PREPARE caf\xc3\xa9"),
]


@pytest.mark.parametrize(("text", "effect", "seen"), SEEN, ids=[text for text, _, _ in SEEN])
def test_it_names_what_was_seen_and_no_literal(text: str, effect: Effect, seen: str) -> None:
    assert witness(text.encode(), effect) == seen


def test_where_a_backslash_may_decide_no_word_is_shown() -> None:
    text = rb"SELECT 'a\' || pg_advisory_lock(1) || 'b'"
    assert witness(text, Effect.ADVISORY) == IN_GENERAL[Effect.ADVISORY]
    assert witness(text, Effect.UNKNOWN) == UNREADABLE


def test_a_long_text_is_told_in_general_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_witness, "TOKENS_MAX", 3)
    assert (
        witness(b"SELECT 1, pg_advisory_lock(1)", Effect.ADVISORY)
        == "an advisory lock of the session"
    )
    assert witness(b"SELECT 1, 2; PREPARE a", Effect.PREPARED) == "PREPARE"


def test_a_long_name_is_cut() -> None:
    assert len(witness(b"PREPARE " + b"a" * 1000, Effect.PREPARED)) < 80

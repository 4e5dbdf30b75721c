"""The scanner agrees with libpg_query and with recorded command tags on whole corpora.

`tests/support/corpus` holds statements written by hand and a recording of what SQLAlchemy,
Django, psycopg, psycopg2, pg8000 and asyncpg send. PGLANE_TEST_SQL_CORPUS names further files,
separated by colons: `.sql`, or recordings made by `tools/record_texts.py`, of PostgreSQL's
regression tests say.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from pglane.wire.statements import Effect, Kind, Verdict
from tools import compare_statements

OURS = sorted((Path(__file__).parent.parent / "support" / "corpus").iterdir())
GIVEN = [Path(name) for name in os.environ.get("PGLANE_TEST_SQL_CORPUS", "").split(":") if name]


@pytest.mark.parametrize("path", [*OURS, *GIVEN], ids=lambda path: path.name)
def test_a_corpus(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    disagreements = compare_statements.compare(path, counts)
    assert not disagreements, capsys.readouterr().out
    assert counts["parsed"] > 0.9 * counts["texts"] > 90


@pytest.mark.parametrize(
    ("text", "verdict", "problem"),
    [
        ("SELECT 1; SELECT 2", Verdict((Kind.SELECT,), 0, ()), "2 statements, not 1"),
        ("UPDATE t SET a = 1", Verdict((Kind.SELECT,), 0, ()), "UpdateStmt is not SELECT"),
        ("SET a.b = 1", Verdict((Kind.SET,), Effect.SETTING, ()), "a.b is missing"),
        ("RESET ALL", Verdict((Kind.RESET,), 0, ()), "None is missing"),
        ("SELECT nextval('a')", Verdict((Kind.SELECT,), 0, ()), f"lacks {Effect.SEQUENCE!r}"),
        ("CREATE TEMP TABLE a ()", Verdict((Kind.CREATE,), 0, ()), f"lacks {Effect.TEMP!r}"),
        (";", Verdict((Kind.SELECT,), 0, ()), "not empty"),
    ],
)
def test_the_comparison_finds_what_differs(text: str, verdict: Verdict, problem: str) -> None:
    parsed = compare_statements.parsed_by_libpg_query(text)
    assert parsed is not None
    assert compare_statements.against_parser(parsed, text, verdict) == problem


@pytest.mark.parametrize(
    ("tags", "kinds", "problem"),
    [
        (["SELECT 1", "SELECT 1"], (Kind.SELECT,), "2 tags, 1 statements"),
        (["SELECT 1"], (Kind.SELECT, Kind.SELECT), "1 tags, 2 statements"),
        (["UPDATE 0"], (Kind.SELECT,), "SELECT answered 'UPDATE 0'"),
        (["SET"], (Kind.EMPTY,), "empty, answered ['SET']"),
        (["SET"], (Kind.UNKNOWN,), "UNKNOWN for a text that ran"),
        (["CREATE TABLE"], (Kind.CREATE,), None),
        (["INSERT 0 1"], (Kind.WITH,), None),
    ],
)
def test_tags_are_compared(tags: list[str], kinds: tuple[Kind, ...], problem: str | None) -> None:
    verdict = Verdict(kinds, 0, ())
    assert compare_statements.against_tags(tags, failed=False, verdict=verdict) == problem

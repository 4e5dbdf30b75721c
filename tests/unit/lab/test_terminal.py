"""What stands on the terminal."""

from io import StringIO

import pytest
from rich.console import Console

from pglane.lab import terminal
from tests.support.lab_runs import RUNS, SCENARIO, run


def test_a_line_for_each_run_and_a_table_for_each_variant() -> None:
    text = StringIO()
    console = Console(file=text, width=160)
    terminal.show_run(console, SCENARIO, run("plain pool", foreign=0.5))
    assert text.getvalue().startswith("B0 4 clients, round 1, plain pool: otp served 100 %")
    assert "(noisy: 50% not ours)" in text.getvalue()
    found = terminal.show(console, SCENARIO, RUNS)
    said = text.getvalue()
    assert len(found) == 6
    assert "never" in said
    assert "MISSED  4 clients, pglane, one user: none waits long: 1.5 s" in said
    assert "held    4 clients, pglane, lanes: all are served: 100 %" in said
    assert "8 clients" not in said


def test_ways_are_explained_as_far_as_they_are_used() -> None:
    text = StringIO()
    terminal.show_ways(Console(file=text, width=160), [SCENARIO])
    assert "a user each         every kind has a role of its own" in text.getvalue()
    assert "two doors" not in text.getvalue()


def test_a_file_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert terminal.console().width == terminal.WIDTH_ELSEWHERE
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "77")
    assert terminal.console().width == 77

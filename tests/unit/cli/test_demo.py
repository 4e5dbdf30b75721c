"""`pglane demo`: what it takes, and what it says without PgBouncer."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from pglane.cli import demo
from pglane.cli.command import main
from pglane.lab import contenders, database, demo as played, pgbouncer, processes
from pglane.lab.database import Database


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Names of both sides, as they were played."""
    seen: list[str] = []

    @contextmanager
    def running(_programs: object):
        yield Database(1, tmp_path, "", "", "18")

    @contextmanager
    def contender(one, *_rest: object):
        yield contenders.Serving(one.name)

    async def nothing(*_arguments: object) -> None:
        return

    def watch(_console, both, seconds):
        seen.extend(name for name, _ in both)
        return [seconds]

    monkeypatch.setattr(database, "running", running)
    monkeypatch.setattr(Database, "make", nothing)
    monkeypatch.setattr(Database, "admit", nothing)
    monkeypatch.setattr(contenders, "running", contender)
    monkeypatch.setattr(played, "watch", watch)
    monkeypatch.setattr(played, "conclude", lambda *_: None)
    monkeypatch.setattr(processes, "end_on_sigterm", lambda: None)
    return seen


def test_without_pgbouncer_it_says_who_stands_in(
    sides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pgbouncer, "programs", list)
    assert main(["demo", "--seconds", "1"]) == 0
    assert sides == ["a pool per user", "lanes (pglane)"]
    assert "No PgBouncer on this machine" in capsys.readouterr().out


def test_with_pgbouncer_it_is_shown(
    sides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pgbouncer, "version_of", lambda _program: "1.25")
    assert main(["demo", "--pgbouncer", "/p"]) == 0
    assert sides == ["a pool per user (PgBouncer 1.25)", "lanes (pglane)"]
    assert "No PgBouncer" not in capsys.readouterr().out
    (_, left), (_, right) = demo.pair([Path("/p")])
    assert (left.way, left.program, right.way) == ("a user each", Path("/p"), "lanes, a user each")


def test_what_does_not_start_is_told(
    sides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise processes.CannotStartError("no room")

    monkeypatch.setattr(pgbouncer, "programs", list)
    monkeypatch.setattr(played, "watch", fail)
    assert main(["demo"]) == 1
    assert "pglane demo: no room" in capsys.readouterr().err

"""`pglane lab`: what is listed, refused, played and written."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from pglane.cli import lab
from pglane.cli.command import main
from pglane.lab import campaign, database, pgbouncer, processes, scenarios
from pglane.lab.database import Database
from tests.support.lab_runs import RUNS, SCENARIO


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The lab without its servers; its runs are made up."""
    made: list[campaign.Extent] = []

    @contextmanager
    def running(_programs: object):
        yield Database(1, tmp_path, "", "", "18.1")

    async def make(_self: Database) -> None:
        return

    def plan(_chosen: object, extent: campaign.Extent):
        made.append(extent)
        return iter(())

    def play_all(_plays, _server, _seconds, told, _divided):
        for run in RUNS:
            told(run)
        return RUNS

    monkeypatch.setattr(scenarios, "ALL", (SCENARIO,))
    monkeypatch.setattr(database, "running", running)
    monkeypatch.setattr(Database, "make", make)
    monkeypatch.setattr(campaign, "plan", plan)
    monkeypatch.setattr(campaign, "play_all", play_all)
    monkeypatch.setattr(pgbouncer, "programs", list)
    monkeypatch.setattr(processes, "end_on_sigterm", lambda: None)
    return made


def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len(scenarios.ALL)
    assert listed[0].split()[:2] == [scenarios.ALL[0].number, scenarios.ALL[0].name]


def test_an_unknown_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "run", "nothing"]) == 2
    assert "no scenario is called 'nothing'" in capsys.readouterr().err


def test_a_missed_target_is_an_exit_code(
    played: list[campaign.Extent], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["lab", "run", "b0", "--output", str(out), "--seed", "5", "--rounds", "2"]
    assert main([*words, "--pgbouncer", "/p"]) == 1
    said = capsys.readouterr().out
    assert "MISSED" in said
    assert str(out / "report.html") in said
    assert "Not compared" not in said
    assert (out / "results.json").is_file()
    assert played == [campaign.Extent(2, None, 5, (Path("/p"),), lanes=True)]


def test_all_held(
    played: list[campaign.Extent],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        campaign, "play_all", lambda *_: [one for one in RUNS if one.way != "one user"]
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["lab", "run"]) == 0
    assert "Not compared: PgBouncer" in capsys.readouterr().out
    (report,) = (tmp_path / "pglane" / "lab").glob("*/report.html")
    assert "PgBouncer: none was found" in report.read_text()


def test_one_that_does_not_start(
    played: list[campaign.Extent],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_arguments: object) -> None:
        raise processes.CannotStartError("no room")

    monkeypatch.setattr(campaign, "play_all", fail)
    assert main(["lab", "run"]) == 1
    assert "pglane lab: no room" in capsys.readouterr().err


def test_the_folder_without_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert lab.default_folder().is_relative_to(Path.home() / ".local" / "state" / "pglane" / "lab")

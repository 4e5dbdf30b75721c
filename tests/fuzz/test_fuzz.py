"""A short run in every test run; long ones are started by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import run, target


def test_every_input_of_the_corpus_holds() -> None:
    inputs = [file.read_bytes() for file in run.CORPUS.iterdir()]
    assert {data[0] for data in inputs} == set(range(len(target.SUBJECTS)))
    for data in inputs:
        target.check(data)


def test_both_forms_of_the_reader_take_part() -> None:
    assert len(target.FORMS) == (2 if target.compiled_framing() else 1)


def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", "--engine", "mutate", "--seconds", "3"]
    done = subprocess.run(
        [*command, "--findings", str(tmp_path / "findings")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runs, nothing found" in done.stdout


def test_a_finding_is_kept_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is planted is not in the corpus, so that a mutation has to make it."""
    planted = b"=\xff"

    def dislikes(data: bytes) -> None:
        assert planted not in data

    with pytest.raises(AssertionError):
        run.mutate(dislikes, 60, 1, tmp_path)
    (finding,) = tmp_path.iterdir()
    assert planted in finding.read_bytes()
    assert str(finding) in capsys.readouterr().out

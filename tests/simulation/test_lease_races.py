"""Races around a lease, in every interleaving: the model in `lease_races.pml`, checked by Spin."""

import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).with_name("lease_races.pml")
PRECAUTIONS = ("FORGETS_GRANT", "BELIEVES_NAME", "RECALLS_PLACE", "NO_DECISION")
COMPILER = shutil.which("gcc") or shutil.which("cc")

pytestmark = pytest.mark.skipif(
    not (shutil.which("spin") and COMPILER),
    reason="the model checker Spin, or a C compiler, is not installed: apt-get install spin gcc",
)


def errors_in(folder: Path, *without: str) -> int:
    """Builds the model's checker, without a precaution, and runs it."""
    flags = [f"-D{name}" for name in without]
    subprocess.run(["spin", "-a", *flags, str(MODEL)], cwd=folder, check=True, capture_output=True)
    assert COMPILER is not None
    build = [COMPILER, "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(
        ["./pan", "-m100000"], cwd=folder, check=True, capture_output=True, text=True
    )
    assert "max search depth too small" not in done.stdout
    (told,) = [line for line in done.stdout.splitlines() if "errors:" in line]
    return int(told.rpartition("errors:")[2])


def test_no_interleaving_loses_a_place_or_hits_a_stranger(tmp_path: Path) -> None:
    assert errors_in(tmp_path) == 0


@pytest.mark.parametrize("precaution", PRECAUTIONS)
def test_each_precaution_is_needed(precaution: str, tmp_path: Path) -> None:
    assert errors_in(tmp_path, precaution) > 0

"""The JDBC driver, with its defaults and as people set it; skipped where it is not installed."""

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.support.target import Target

pytestmark = pytest.mark.one_server

SOURCE = Path(__file__).parent / "jdbc" / "CheckJdbc.java"
DRIVER = Path("/usr/share/java/postgresql.jar")
"""Where Debian's libpostgresql-jdbc-java puts it."""
OPTIONS = (
    "ssl=false",  # all defaults
    "prepareThreshold=1&autosave=always&reWriteBatchedInserts=true",
    "prepareThreshold=-1",
    "preferQueryMode=simple",
    "preferQueryMode=extendedForPrepared",
    "preferQueryMode=extendedCacheEverything&prepareThreshold=1",
)
TURNS = 9
EXPECTED = {
    "doubled 0": 7 * TURNS,
    "error 22012": TURNS,
    "error 42703": TURNS,
    "error 25006": TURNS,
    "fetched 23": TURNS,
    "large 3": TURNS,
    "columns 2": TURNS,
    "copied 1": TURNS,
    "kept 1": TURNS,
    f"rows {6 * TURNS}": 1,
}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.skip("java and javac are not at hand")
    if not DRIVER.exists():
        pytest.skip(f"no {DRIVER}: apt-get install libpostgresql-jdbc-java")
    folder = tmp_path_factory.mktemp("jdbc")
    subprocess.run(["javac", "-cp", DRIVER, "-d", folder, SOURCE], check=True, timeout=120)
    return folder


def test_jdbc(compiled: Path, target: Target, table: str) -> None:
    done = subprocess.run(
        ["java", "-cp", f"{DRIVER}:{compiled}", "CheckJdbc", *OPTIONS],
        env={**os.environ, **target.environment(), "TEST_TABLE": table},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    expected = {f"{each} {what}": times for each in OPTIONS for what, times in EXPECTED.items()}
    cancelled = f"{OPTIONS[-1]} error 57014"
    assert Counter(done.stdout.splitlines()) == {**expected, cancelled: 1}

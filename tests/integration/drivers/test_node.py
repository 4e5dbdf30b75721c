"""Node's `pg` and `postgres`, installed by npm for this run; skipped where npm is not at hand."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.target import Target

pytestmark = pytest.mark.one_server

SCRIPTS = Path(__file__).parent / "node"
EXPECTED = {
    "sum": 42,
    "named": [0, 2, 4, 6, 8, 10],
    "error": "42703",
    "rows": 0,
    "many": list(range(30)),
}


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both packages and the scripts."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not at hand")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true}')
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "pg", "postgres"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm cannot install pg and postgres here: {done.stderr.strip()[-200:]}")
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def _run(folder: Path, script: str, target: Target, table: str) -> dict[str, object]:
    done = subprocess.run(
        ["node", script],
        cwd=folder,
        env={**os.environ, **target.environment(), "TEST_TABLE": table},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_node_postgres(node_folder: Path, target: Target, table: str) -> None:
    assert _run(node_folder, "check_pg.mjs", target, table) == EXPECTED


def test_postgres_js(node_folder: Path, target: Target, table: str) -> None:
    seen = _run(node_folder, "check_postgres.mjs", target, table)
    assert seen == {**EXPECTED, "cursor": 5050}

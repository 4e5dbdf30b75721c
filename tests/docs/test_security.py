"""Each defence that SECURITY.md claims names a test that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
SECTION = PAGE.split("## What is defended, and what holds it")[1].split("\n## ")[0]
ROWS = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_a_defence_names_its_tests(row):
    named = re.findall(r"`([^`]+)`", row.split("|")[-2])
    assert named
    for name in named:
        path, _, function = name.partition("::")
        file = ROOT / (path if path.endswith(".py") else f"tests/integration/{path}.py")
        assert file.exists(), name
        assert not function or f"def {function}(" in file.read_text(), name

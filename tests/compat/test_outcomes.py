"""Records are read, counted and compared."""

import json
from pathlib import Path

import pytest

from tests.compat import outcomes


def record(path: Path, *lines: tuple[str, str]) -> Path:
    texts = [json.dumps({"test": test, "outcome": how, "reason": ""}) for test, how in lines]
    path.write_text("".join(text + "\n" for text in texts))
    return path


def test_codes_are_read_by_test(tmp_path: Path) -> None:
    path = tmp_path / "r"
    line = {"test": "a", "outcome": "failed", "reason": "", "code": "PGL0402"}
    path.write_text(json.dumps(line) + "\n")
    assert outcomes.codes(path) == {"a": "PGL0402"}


def test_the_last_word_on_a_test_counts(tmp_path: Path) -> None:
    path = record(tmp_path / "r", ("a", "failed"), ("b", "skipped"), ("a", "passed"))
    run = outcomes.read(path)
    assert run == {"a": "passed", "b": "skipped"}
    assert outcomes.counts(run) == {"passed": 1, "failed": 0, "skipped": 1}


@pytest.mark.parametrize(
    ("direct", "here", "differ"),
    [
        ({"a": "passed"}, {"a": "passed"}, {}),
        ({"a": "failed"}, {"a": "failed"}, {}),
        ({"a": "passed"}, {"a": "failed"}, {"a": ("passed", "failed")}),
        ({"a": "failed"}, {"a": "passed"}, {"a": ("failed", "passed")}),
        ({"a": "passed"}, {}, {"a": ("passed", "not run")}),
        ({}, {"a": "skipped"}, {"a": ("not run", "skipped")}),
    ],
)
def test_what_ended_otherwise_differs(
    direct: outcomes.Run, here: outcomes.Run, differ: outcomes.Differences
) -> None:
    assert outcomes.differences(direct, here) == differ

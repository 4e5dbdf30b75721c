"""How tests ended, read from what the recorder wrote, and what differs between two runs."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

NOT_RUN = "not run"

Run = Mapping[str, str]
"""`passed`, `failed` or `skipped`, by the suite's own name of the test."""
Differences = Mapping[str, tuple[str, str]]
"""How a test ended directly, and elsewhere."""


def read(path: Path) -> dict[str, str]:
    """What a recorder wrote; a test that was run twice counts as it ended last."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["test"]: line["outcome"] for line in lines}


def codes(path: Path) -> dict[str, str]:
    """What each failed test's own error said of itself (`recorder/pglane_codes.py`)."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["test"]: line.get("code", "") for line in lines}


def counts(run: Run) -> dict[str, int]:
    """How many tests ended how."""
    counted = Counter(run.values())
    return {outcome: counted[outcome] for outcome in ("passed", "failed", "skipped")}


def differences(direct: Run, here: Run) -> dict[str, tuple[str, str]]:
    """Tests of either run that did not end alike, by name: how they ended directly, and here."""
    pairs = {
        test: (direct.get(test, NOT_RUN), here.get(test, NOT_RUN))
        for test in sorted({*direct, *here})
    }
    return {test: pair for test, pair in pairs.items() if pair[0] != pair[1]}

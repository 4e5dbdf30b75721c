"""Only this gateway decides between lanes."""

import math

import pytest

from pglane.lab.scenarios import overhead
from tests.support.lab_runs import run


def test_a_decision_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "decision_ns", lambda round_: 100.0 + round_)
    assert overhead.DECISION.figure(run("pglane", "one user", number=2)) == 102.0
    assert math.isnan(overhead.DECISION.figure(run("plain pool")))

"""A decision is measured once for each round."""

import pytest

from pglane.lab import decisions


def test_it_takes_some_time_and_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "TURNS", 50)
    first = decisions.decision_ns(-1)
    assert first > 0
    assert decisions.decision_ns(-1) == first
    decisions.decision_ns.cache_clear()

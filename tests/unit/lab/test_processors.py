"""The load has a processor, servers and gateways the others; what was before is so again."""

import os

import pytest

from pglane.lab import processors
from pglane.lab.processors import Division, division, on


def test_the_load_has_one_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {2, 5, 7}, raising=False)
    both = division(pinned=True)
    assert (both.load, both.servers) == (frozenset({2}), frozenset({5, 7}))
    assert both.told == "load on 2, servers and gateways on 5,7"
    floating = division(pinned=False)
    assert floating.load == floating.servers == frozenset({2, 5, 7})
    assert floating.told == "nothing is pinned"


def test_with_one_processor_or_without_the_call_nothing_is_pinned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3}, raising=False)
    assert division(pinned=True) == Division(frozenset({3}), frozenset({3}))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert division(pinned=True) == Division(frozenset(), frozenset())
    with on(frozenset()):
        assert processors._allowed() == frozenset()


def test_how_many_there_are_is_how_many_we_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3}, raising=False)
    assert processors.count() == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    assert processors.count() == 4
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors.count() == 0


def test_it_runs_where_it_is_told_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [frozenset({0, 1})]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: places[-1], raising=False)
    monkeypatch.setattr(
        os, "sched_setaffinity", lambda _pid, wanted: places.append(wanted), raising=False
    )
    with on(frozenset({1})):
        assert places[-1] == {1}
        with on(frozenset({1})):
            assert len(places) == 2, "it is there already"
    assert places == [{0, 1}, {1}, {0, 1}]

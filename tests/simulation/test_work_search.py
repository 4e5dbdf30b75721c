"""Works with a golden ticket finish in every schedule of small crowds, and would not without it.

Each mutant is the scheduler that ships with one rule taken out. If a search no longer finds its
counterexample, the search has gone blind.
"""

from collections.abc import Callable
from typing import Any

import pytest

from pglane.scheduler import golden
from tools.search_works import CROWDS, Crowd, Search


@pytest.mark.parametrize("crowd", CROWDS, ids=str)
def test_no_schedule_leaves_works_stuck(crowd: Crowd) -> None:
    found = Search(crowd).run()
    assert found.stuck is None
    assert found.golden
    assert found.finished == set(range(len(crowd.needs)))


def none(*_: object) -> None:
    """Nothing of that."""


def anybody(lane: Any, work: Any) -> bool:
    """The ticket is for whoever comes, and for several at once."""
    return lane.golden < lane.golden_max and bool(work and work.held)


def newest(lane: Any) -> Any:
    """The ticket is for the newest that waits, whoever has the rest of it."""
    last = lane.front.last
    return last if last is not None and anybody(lane, last.work) else None


MUTANTS: dict[str, tuple[Crowd, dict[str, Callable[..., Any]]]] = {
    "without the ticket": (CROWDS[0], {"next_of": none}),
    "without the exchange": (CROWDS[2], {"exchange": none}),
    "a ticket for several at once": (CROWDS[7], {"may_have": anybody, "next_of": newest}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_without_a_rule_they_can_be_stuck(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd, changed = MUTANTS[name]
    for function, instead in changed.items():
        monkeypatch.setattr(golden, function, instead)
    assert Search(crowd).run().stuck is not None


def test_more_than_nested_can_be_stuck_still() -> None:
    """What a ticket does not cover is found while it happens."""
    assert Search(Crowd(4, (3, 3, 3))).run().stuck is not None

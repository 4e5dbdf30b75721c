"""An overload that outlives its cause, and that refusing by the time of waiting ends it."""

import pytest

from pglane.lab.disciplines import Discipline, Lanes, Queues
from pglane.lab.retry_storm import Outcome, RetryStorm, StormSimulator
from pglane.scheduler.policy import LanePolicy

SEED = 20
BUDGET = 10
SHEDS = LanePolicy("app", shed_after_s=0.1)
IMPATIENT = LanePolicy("app", wait_s_max=0.5)
"""Its deadline is the one of the clients: who is too late is not started (R6)."""
LOADS = (0.5, 0.75, 0.85)


def outcome(load: float, discipline: Discipline) -> Outcome:
    return StormSimulator(RetryStorm(load, BUDGET), discipline, SEED).run()


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("form", ["one queue", "lanes that refuse nobody"])
def test_a_queue_stays_collapsed_after_the_cause_is_gone(load: float, form: str) -> None:
    discipline = Queues(BUDGET, one=True) if form == "one queue" else Lanes(BUDGET, ())
    told = outcome(load, discipline)
    assert told.share < 0.02
    assert told.attempts > 4.5


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("lane", [SHEDS, IMPATIENT], ids=["sheds", "expires"])
def test_it_recovers_where_waits_are_bounded(load: float, lane: LanePolicy) -> None:
    told = outcome(load, Lanes(BUDGET, (lane,)))
    assert told.share > 0.98
    assert told.attempts < 1.01
    assert told.refusals == 0.0

"""Clients that give up and try again, on virtual time."""

from pglane.lab.disciplines import Lanes, Queues
from pglane.lab.retry_storm import RetryStorm, StormSimulator
from pglane.scheduler.policy import LanePolicy

CALM = RetryStorm(0.3, slow_from_s=1e9, slow_until_s=1e9, tell_from_s=0.0, ends_s=5.0)
SLOW = RetryStorm(0.5, slow_from_s=0.0, tell_from_s=0.0, ends_s=5.0)


def test_without_a_cause_everybody_is_answered_at_the_first_try() -> None:
    told = StormSimulator(CALM, Queues(10, one=True), 1).run()
    assert told.attempts == 1.0
    assert told.share > 0.99
    assert told.waiting == 0


def test_while_everything_is_slow_most_try_again_and_again() -> None:
    told = StormSimulator(SLOW, Queues(10, one=True), 1).run()
    assert told.attempts > 3.0
    assert told.share < 0.5
    assert told.refusals == 0.0


def test_who_is_refused_tries_again_as_well() -> None:
    lanes = Lanes(10, (LanePolicy("app", shed_after_s=0.05),))
    told = StormSimulator(SLOW, lanes, 1).run()
    assert told.refusals > 1.0
    assert told.waiting <= 10

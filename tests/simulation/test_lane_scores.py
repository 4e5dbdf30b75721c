"""The marketplace on virtual time: what lanes must reach, and what plain queues do not."""

from functools import cache

import pytest

from pglane.lab.disciplines import Discipline, Lanes, Queues
from pglane.lab.simulator import Score, Simulator
from pglane.lab.workloads import WORKLOADS, Workload
from pglane.scheduler.statistics import statistics
from pglane.version import compiled

EVENTS = 50_000
MANY = 1_000_000 if compiled() else EVENTS
"""For lanes; in the pure form a million takes minutes."""
SEED = 20
W1, W2, W3 = WORKLOADS


def scores_of(workload: Workload, discipline: Discipline) -> dict[str, Score]:
    scores = Simulator(workload, discipline, SEED).run(EVENTS)
    return {score.kind: score for score in scores}


@cache
def with_lanes(workload: Workload) -> tuple[Simulator, Lanes, dict[str, Score]]:
    """A workload through its lanes, played once for all tests."""
    discipline = Lanes(workload.budget, workload.lanes)
    simulator = Simulator(workload, discipline, SEED)
    return simulator, discipline, {score.kind: score for score in simulator.run(MANY)}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_no_promise_is_broken(workload: Workload) -> None:
    simulator, discipline, _ = with_lanes(workload)
    for lane in statistics(discipline.queue, simulator.now).lanes:
        assert sum(lane.violations.values()) == 0
    assert simulator.busy_s > 0.98 * simulator.now * workload.budget


def test_one_time_passwords_do_not_wait_for_the_flood() -> None:
    fifo = scores_of(W1, Queues(W1.budget, one=True))
    lanes = with_lanes(W1)[2]
    otp = lanes["otp"]
    assert otp.served >= otp.asked - 1
    assert otp.wait_s_99 < 0.010
    assert otp.wait_s_max < 0.050
    assert lanes["browse"].served_per_s > 0.95 * fifo["browse"].served_per_s
    assert fifo["otp"].wait_s_99 > 0.200


def test_a_pool_for_each_kind_serves_none_of_them() -> None:
    assert scores_of(W1, Queues(W1.budget, one=False))["otp"].served == 0


def test_reports_do_not_change_that() -> None:
    otp = with_lanes(W2)[2]["otp"]
    assert otp.served >= otp.asked - 1
    assert otp.wait_s_99 < 0.015


def test_abuse_of_the_small_lane_does_not_reach_the_shop() -> None:
    browse = with_lanes(W3)[2]["browse"]
    assert browse.served >= browse.asked - 5
    assert browse.wait_s_99 < 0.015


def test_without_any_configuration_the_flood_of_one_user_does_not_stop_another() -> None:
    otp = scores_of(W1, Lanes(W1.budget, ()))["otp"]
    assert otp.served >= otp.asked - 1
    assert otp.wait_s_99 < 0.025

"""Virtual time: events in order, and scores that add up."""

import pytest

from pglane.lab.disciplines import Lanes, Queues
from pglane.lab.simulator import RETRY_S, Simulator
from pglane.lab.workloads import Traffic, Workload
from pglane.scheduler.policy import LanePolicy

CLOSED = Traffic("browse", 0.010, 0.100, clients=6)
OPEN = Traffic("otp", 0.010, 0.100, rate_per_s=50.0)
LANES = (LanePolicy("browse"), LanePolicy("otp", reserve=1))


def test_clients_ask_again_and_requests_come_from_outside() -> None:
    simulator = Simulator(
        Workload("x", (CLOSED, OPEN), LANES, budget=2), Queues(2, one=True), seed=1
    )
    browse, otp = simulator.run(4000)
    assert simulator.events == 4000
    assert otp.asked == pytest.approx(simulator.now * 50.0, rel=0.2)
    assert otp.served <= otp.asked
    assert browse.served + otp.served <= browse.asked + otp.asked
    assert 0.0 <= browse.wait_s_median <= browse.wait_s_99 <= browse.wait_s_max
    assert simulator.busy_s / simulator.now == pytest.approx(2.0, rel=0.05)


def test_the_same_seed_is_the_same_run() -> None:
    workload = Workload("x", (CLOSED, OPEN), LANES, budget=2)
    one, two = (Simulator(workload, Lanes(2, LANES), seed=7).run(1000) for _ in range(2))
    assert one == two


def test_who_is_never_served_is_seen() -> None:
    simulator = Simulator(
        Workload("x", (CLOSED, OPEN), LANES, budget=2), Queues(2, one=False), seed=1
    )
    _browse, otp = simulator.run(2000)
    assert otp.served == 0
    assert otp.oldest_s > 0.5 * simulator.now


def test_a_refused_client_asks_again_after_a_while() -> None:
    lanes = (LanePolicy("browse", wait_s_max=0.020), LanePolicy("otp", wait_s_max=0.020))
    workload = Workload("x", (CLOSED, OPEN), lanes, budget=1)
    browse, otp = Simulator(workload, Lanes(1, lanes), seed=1).run(2000)
    assert browse.refused > 0
    assert otp.refused > 0
    assert browse.asked >= browse.served + browse.refused
    assert browse.oldest_s < RETRY_S

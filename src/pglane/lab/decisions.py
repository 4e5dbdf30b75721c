"""What a decision between lanes costs, in this process and in the form that runs in it.

One turn: everything is taken, a lease ends, the next request is chosen over three lanes and
granted, and another one arrives. `bench/micro/lanes.py` measures more of it.
"""

import time
from functools import cache

from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request

TURNS = 20_000
REPEATS = 5
BUDGET = 4
WAITING = 40
FOREVER_S = 1e9


@cache
def decision_ns(round_: int) -> float:
    """Nanoseconds of one turn, the best of some; measured once for each round."""
    del round_
    queue, held = _crowded()
    return min(_play(queue, held) for _ in range(REPEATS)) / TURNS * 1e9


def _crowded() -> tuple[LaneQueue, list[Request]]:
    """All places taken, and somebody waiting in each lane."""
    names = ("otp", "browse", "reports")
    policies = [LanePolicy(name, wait_s_max=FOREVER_S) for name in names]
    queue = LaneQueue(BUDGET, policies, waiting_max=10**6)
    held: list[Request] = []
    for number in range(WAITING):
        lane = queue.lanes[names[number % len(names)]]
        request = Request(lane, lane.tenants.enter(""), "", None, None)
        if queue.take(request, 1.0):
            held.append(request)
        else:
            queue.arrive(request, 1.0)
    return queue, held


def _play(queue: LaneQueue, held: list[Request]) -> float:
    """Seconds of so many turns."""
    now = 1.0
    begin = time.process_time()
    for turn in range(TURNS):
        now += 0.001
        lease = held[turn % BUDGET]
        queue.release(lease, now)
        following = queue.choose(None, lease.lane, now, True)  # type: ignore[arg-type]
        assert following is not None
        queue.grant(following, now)
        held[turn % BUDGET] = following
        queue.arrive(lease, now)
    return time.process_time() - begin

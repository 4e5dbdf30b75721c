"""`python -m bench.micro.lanes`: nanoseconds of a decision between lanes, in both forms.

The scheduler is several modules, so each form is measured in a process of its own. A case is
played by Python code, as everywhere here; a compiled caller pays less.

    take and release   a place is free and nobody waits: the path of an uncontended lease
    one turn           everything is taken: a lease ends, the next is chosen and granted, and
                       another one arrives
"""

import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.support import pure

REPEATS = 7
ROUNDS = 20_000
FORMS = ("pure", "compiled")

Case = tuple[str, Callable[[], Callable[[], float]]]


def of(name: str) -> Any:
    """A module of the scheduler in the form of this process."""
    return import_module(f"pglane.scheduler.{name}")


def uncontended(lanes: int) -> Callable[[], float]:
    """Takes a free place and releases it, with so many lanes."""
    policy = of("policy").LanePolicy
    policies = [policy("otp", reserve=2), *(policy(f"lane {n}") for n in range(lanes))]
    queue = of("lanes").LaneQueue(10, policies)
    lane = queue.lanes["lane 0"]
    lease = of("request").Lease(lane, lane.tenants.enter(""), None)

    def play() -> float:
        take, release = queue.take, queue.release
        now = 1.0
        begin = time.process_time()
        for _ in range(ROUNDS):
            now += 0.001
            take(lease, now)
            release(lease, now)
        return time.process_time() - begin

    return play


def contended(lanes: int, tenants: int) -> Callable[[], float]:
    """One turn, with a request waiting in each tenant of each lane."""
    policy = of("policy").LanePolicy
    policies = [policy(f"lane {n}", weight=1.0 + n % 3, wait_s_max=1e9) for n in range(lanes)]
    queue = of("lanes").LaneQueue(10, policies, waiting_max=10**9)
    held: list[Any] = []
    for lane in queue.lanes.values():
        for number in range(tenants):
            for _ in range(max(2, 40 // (lanes * tenants))):
                request = of("request").Request(
                    lane, lane.tenants.enter(str(number)), "", None, None
                )
                if queue.take(request, 1.0):
                    held.append(request)
                else:
                    queue.arrive(request, 1.0)

    def play() -> float:
        release, choose, grant, arrive = queue.release, queue.choose, queue.grant, queue.arrive
        now = 1.0
        begin = time.process_time()
        for turn in range(ROUNDS):
            now += 0.001
            lease = held[turn % 10]
            release(lease, now)
            request = choose(None, lease.lane, now, True)
            grant(request, now)
            held[turn % 10] = request
            arrive(lease, now)
        return time.process_time() - begin

    return play


CASES: tuple[Case, ...] = (
    ("take and release, 3 lanes", lambda: uncontended(2)),
    ("take and release, 1000 lanes", lambda: uncontended(999)),
    ("one turn, 3 lanes", lambda: contended(3, 1)),
    ("one turn, 32 lanes", lambda: contended(32, 1)),
    ("one turn, 1000 lanes", lambda: contended(1000, 1)),
    ("one turn, 1 lane of 1000 tenants", lambda: contended(1, 1000)),
)


def measure() -> None:
    """Prints nanoseconds of each case, in this process."""
    for _name, prepare in CASES:
        play = prepare()
        play()
        print(min(play() for _ in range(REPEATS)) / ROUNDS * 1e9)


def main(arguments: list[str]) -> int:
    """Both forms side by side."""
    if arguments:
        if arguments[0] == "pure":
            pure.prefer_pure()
        measure()
        return 0
    found: dict[str, list[float]] = {}
    for form in FORMS:
        done = subprocess.run(
            [sys.executable, "-m", "bench.micro.lanes", form],
            capture_output=True,
            text=True,
            check=True,
        )
        found[form] = [float(line) for line in done.stdout.split()]
    print(f"pglane.scheduler.lanes\n{'ns each':<44} {'pure':>10} {'compiled':>10} {'ratio':>8}")
    for (name, _), slow, fast in zip(CASES, found["pure"], found["compiled"], strict=True):
        print(f"{name:<44} {slow:>10.0f} {fast:>10.0f} {slow / fast:>7.1f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

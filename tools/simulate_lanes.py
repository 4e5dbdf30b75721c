"""Lanes beside plain queues, on virtual time: `python -m tools.simulate_lanes [EVENTS]`.

Prints, for each workload and discipline, how every kind of traffic fared; a million events each
by default. `pglane.lab.simulator` says what is simulated and what is not.
"""

import sys

from pglane.lab.disciplines import Discipline, Lanes, Queues
from pglane.lab.retry_storm import RetryStorm, StormSimulator
from pglane.lab.simulator import Score, Simulator
from pglane.lab.workloads import BUDGET, WORKLOADS, Workload
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.statistics import statistics

EVENTS = 1_000_000
SEED = 20
LOADS = (0.5, 0.75, 0.85)
SHEDS = LanePolicy("app", shed_after_s=0.1)
HEAD = (
    "discipline  kind       served  refused  served/s    median       p99       max  waits still"
)


def disciplines(workload: Workload) -> list[Discipline]:
    """All that are compared, unused."""
    return [
        Queues(workload.budget, one=True),
        Queues(workload.budget, one=False),
        Lanes(workload.budget, workload.lanes),
    ]


def row(discipline: Discipline, score: Score) -> str:
    """One line of the table; times in milliseconds."""
    waits_ms = (1000 * each for each in (score.wait_s_median, score.wait_s_99, score.wait_s_max))
    told = " ".join(f"{wait:>9.2f}" for wait in waits_ms)
    return (
        f"     {discipline.name:<11} {score.kind:<8} {score.served:>8} {score.refused:>8} "
        f"{score.served_per_s:>9.0f} {told} {score.oldest_s * 1000:>12.0f}"
    )


def main(arguments: list[str]) -> int:
    """The table; 1 if a promise was broken."""
    events = int(arguments[0]) if arguments else EVENTS
    broken = 0
    print(f"{events} events, seed {SEED}; waits in ms; 'waits still' is the oldest at the end")
    for workload in WORKLOADS:
        print(f"{workload.name}   {HEAD}")
        for discipline in disciplines(workload):
            simulator = Simulator(workload, discipline, SEED)
            for score in simulator.run(events):
                print(row(discipline, score))
            used = simulator.busy_s / simulator.now / workload.budget
            print(f"     {discipline.name:<11} {used:.2f} of the places in use")
            if isinstance(discipline, Lanes):
                lanes = statistics(discipline.queue, simulator.now).lanes
                violations = sum(sum(lane.violations.values()) for lane in lanes)
                print(f"     {discipline.name:<11} {violations} waits beyond their bound")
                broken += violations
    print("an overload that outlives its cause: what is answered in time once that is gone")
    for load in LOADS:
        storms = {
            "fifo": Queues(BUDGET, one=True),
            "lanes": Lanes(BUDGET, ()),
            "shed after 100 ms": Lanes(BUDGET, (SHEDS,)),
        }
        for name, discipline in storms.items():
            told = StormSimulator(RetryStorm(load, BUDGET), discipline, SEED).run()
            print(f"     {name:<18} load {load:.2f}: {told.share:6.1%}, {told.attempts:.2f} tries")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

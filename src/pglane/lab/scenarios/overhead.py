"""What it costs where there is nothing to decide, and what a decision costs where there is."""

import math

from pglane.lab.contenders import PGLANE
from pglane.lab.decisions import decision_ns
from pglane.lab.scenario import Column, Run, Scenario, Target, Variant, rate, wait
from pglane.lab.scenarios.flood import OTP_LANE
from pglane.lab.traffic import Stream

DECISION_NS_MAX = 1000.0
"""A million decisions a second."""
ADDED_MS_MAX = 0.020


def _decision(run: Run) -> float:
    return decision_ns(run.round) if run.contender == PGLANE else math.nan


DECISION = Column("a decision", " ns", _decision)

OVERHEAD = Scenario(
    name="overhead",
    number="B11",
    title="What it costs when nobody has to wait",
    story="One client, one query after the other, the smallest there is: the whole answer time is "
    "overhead. It is that of a hop over a process, a system call each way on both sides, which "
    "any gateway pays. A decision between lanes (a lease ends, the next of those who wait over "
    "three lanes is chosen) is measured in this process, without a network.",
    budget=4,
    variants=(Variant("1 client", (Stream("read", clients=1),)),),
    ways=("one user", "lanes"),
    lanes=OTP_LANE
    + """
[lanes.read]
door = "transaction"
match = [{ application_name = "read" }]
""",
    columns=(wait("read", 0.5), wait("read", 0.99), rate("read"), DECISION),
    targets=(
        Target("a million decisions a second", DECISION, at_most=DECISION_NS_MAX),
        Target(
            "lanes add less than 20 µs to half of the answers",
            wait("read", 0.5),
            at_most=ADDED_MS_MAX,
            against="one user",
            ways=("lanes",),
        ),
    ),
    plotted="read",
    compared=rate("read"),
    seconds=3.0,
)

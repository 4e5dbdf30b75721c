"""Lanes that are changed while everybody is served."""

from dataclasses import replace

from pglane.lab.contenders import LANES
from pglane.lab.scenario import (
    Change,
    Scenario,
    Target,
    Variant,
    changes,
    lost,
    missed,
    rate,
    violations,
    wait,
)
from pglane.lab.scenarios.flood import HOLD_S, OTP_LANE, browsing
from pglane.lab.traffic import Stream, sleeping

BUDGET = 4
TWO_FOR_OTP = OTP_LANE.replace("reserve = 1", "reserve = 2")
RENAMED = TWO_FOR_OTP.replace("[lanes.otp]", "[lanes.passwords]")
BROWSE_LANE = """
[lanes.browse]
door = "transaction"
reserve = 1
borrow_hold_ms = 500
match = [{ application_name = "browse" }]
"""
CHANGES = (
    Change("a second server connection is reserved for passwords", BUDGET, TWO_FOR_OTP),
    Change("browsing gets a lane of its own", BUDGET, TWO_FOR_OTP + BROWSE_LANE),
    Change("six server connections instead of four", 6, TWO_FOR_OTP + BROWSE_LANE),
    Change("the lane of passwords has another name", 6, RENAMED + BROWSE_LANE),
    Change("four again", BUDGET, RENAMED + BROWSE_LANE),
    Change("browsing has no lane any more", BUDGET, RENAMED),
    Change("all is as it was", BUDGET, OTP_LANE),
)

LANES_CHANGED = Scenario(
    name="lanes-changed",
    number="A2",
    title="Lanes are changed while everybody is served",
    story="Visitors browse, one-time passwords are sent, and somebody edits pglane.toml: "
    "reservations are raised and lowered, a lane comes, goes, gets another name, the budget grows "
    "and shrinks. Each edit is told by SIGHUP or RELOAD. Nobody may notice: every request that "
    "was sent is answered, and no promise is broken, neither the old one nor the new one.",
    budget=BUDGET,
    variants=(
        Variant(
            f"{len(CHANGES)} changes",
            (
                replace(browsing(24), critical=True),
                Stream("otp", rate_per_s=20.0, sql=sleeping(HOLD_S), hold_s=HOLD_S, critical=True),
            ),
        ),
    ),
    ways=("one user", "lanes"),
    lanes=OTP_LANE,
    columns=(
        changes(),
        lost(),
        missed(),
        violations(),
        wait("otp", 0.5),
        wait("otp", 0.99),
        wait("otp", 1.0),
        rate("browse"),
    ),
    targets=(
        Target("all changes were made", changes(), at_least=len(CHANGES), ways=LANES),
        Target("every request is answered", lost(), at_most=0.0),
        Target("no deadline is missed", missed(), at_most=0.0),
        Target("no bound is broken", violations(), at_most=0.0, ways=LANES),
    ),
    plotted="otp",
    compared=wait("otp", 1.0),
    seconds=12.0,
    warm_s=0.0,
    grace_s=10.0,
    changes=CHANGES,
)

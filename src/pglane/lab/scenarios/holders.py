"""Clients that hold what they do not use."""

from pglane.lab.contenders import LANES
from pglane.lab.scenario import (
    Scenario,
    Target,
    Variant,
    named,
    rate,
    refused,
    served,
    told,
    violations,
    wait,
)
from pglane.lab.traffic import Stream

THINK_S = 3.0
GRACE_MS = 200.0
"""What is lent is taken back after so long."""
RESTORED_MS = GRACE_MS + 300.0
WAIT_S_MAX = 4.0
"""Short, so that half of it is over before the holders go on by themselves."""
TOLD_S = WAIT_S_MAX / 2 + 0.5
"""When who still waits was told: those who wait are looked at every quarter of a second, and what
is told has a way to go on a busy machine."""
NAMED_MS = 500.0
WITHOUT_LANES = ("one user", "a user each", "two doors")

IDLE_IN_TRANSACTION = Scenario(
    name="idle-in-transaction",
    number="B4",
    title="Transactions that are open and idle",
    story="Four clients open a transaction each, read a row, and then talk to somebody else for "
    "three seconds before they commit. There are four server connections. The database is idle, "
    "and everybody else waits. How long, until the console names all four (who, in which lane, "
    "idle since when); until the client that waits is told behind whom; and until somebody who "
    "is owed a server connection has one? PostgreSQL shows idle sessions too, but not that "
    "anybody waits for them.",
    budget=4,
    variants=(
        Variant(
            "4 clients think for 3 s",
            (
                Stream("holder", clients=4, think_s=THINK_S),
                Stream("otp", rate_per_s=10.0, critical=True),
            ),
        ),
    ),
    ways=("one user", "a user each", "two doors", "lanes"),
    lanes=f"""
[lanes.otp]
door = "transaction"
reserve = 1
borrow_hold_ms = {GRACE_MS:.0f}
match = [{{ application_name = "otp" }}]
""",
    columns=(
        served("otp"),
        wait("otp", 0.5),
        wait("otp", 1.0),
        named(),
        told("otp", TOLD_S),
        rate("holder"),
        refused("holder"),
        violations(),
    ),
    targets=(
        Target("every one-time password is served", served("otp"), at_least=1.0, ways=("lanes",)),
        Target(
            f"none waits longer than {RESTORED_MS:.0f} ms",
            wait("otp", 1.0),
            at_most=RESTORED_MS,
            ways=("lanes",),
        ),
        Target(
            f"the console names all holders within {NAMED_MS:.0f} ms", named(), at_most=NAMED_MS
        ),
        Target(
            f"who waits is told by {TOLD_S:g} s: half of its time, and half a second",
            told("otp", TOLD_S),
            at_most=TOLD_S * 1000,
            ways=WITHOUT_LANES,
        ),
        Target("no bound is broken", violations(), at_most=0.0, ways=LANES),
    ),
    plotted="otp",
    compared=wait("otp", 1.0),
    seconds=10.0,
    warm_s=0.0,  # the first time that nobody has one is what this is about
    grace_s=4.0,
    wait_s_max=WAIT_S_MAX,
)

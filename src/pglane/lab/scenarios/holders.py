"""Clients that hold what they do not use."""

from pglane.lab.scenario import Scenario, Target, Variant, rate, refused, served, wait
from pglane.lab.traffic import Stream

THINK_S = 3.0
GRACE_MS = 200.0
"""What is lent is taken back after so long."""
RESTORED_MS = GRACE_MS + 300.0

IDLE_IN_TRANSACTION = Scenario(
    name="idle-in-transaction",
    number="B4",
    title="Transactions that are open and idle",
    story="Four clients open a transaction each, read a row, and then talk to somebody else for "
    "three seconds before they commit. There are four server connections. The database is idle, "
    "and everybody else waits. How long, until somebody who is owed a server connection has one?",
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
    ways=("one user", "a user each", "lanes"),
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
        rate("holder"),
        refused("holder"),
    ),
    targets=(
        Target("every one-time password is served", served("otp"), at_least=1.0, ways=("lanes",)),
        Target(
            f"none waits longer than {RESTORED_MS:.0f} ms",
            wait("otp", 1.0),
            at_most=RESTORED_MS,
            ways=("lanes",),
        ),
    ),
    plotted="otp",
    compared=wait("otp", 1.0),
    seconds=10.0,
    warm_s=0.0,  # the first time that nobody has one is what this is about
    grace_s=4.0,
)

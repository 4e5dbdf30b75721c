"""The marketplace as numbers: who comes how often, and how long a transaction lasts.

Ten server connections. *browse* is the flood of short reads, from clients that ask again as soon
as they were answered; *otp* are the few that matter; *reports* last two seconds each.

    W1   browse floods while one-time passwords are sent
    W2   the same, and thirty reports at once
    W3   one-time passwords are abused, and browse is what must not suffer
"""

from dataclasses import dataclass

from pglane.scheduler.policy import LanePolicy

BUDGET = 10


@dataclass(frozen=True, slots=True)
class Traffic:
    """One kind of request.

    Attributes:
        kind: its name, and its lane's.
        hold_s_mean: how long a transaction lasts on average (log-normal).
        hold_s_max: and at most.
        clients: so many ask again and again; 0: it comes from outside.
        rate_per_s: so many come in a second, at random times.
    """

    kind: str
    hold_s_mean: float
    hold_s_max: float
    clients: int = 0
    rate_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Workload:
    """Several kinds at once, and the lanes that are made for them."""

    name: str
    traffic: tuple[Traffic, ...]
    lanes: tuple[LanePolicy, ...]
    budget: int = BUDGET


BROWSE = Traffic("browse", 0.008, 0.200, clients=400)
OTP = Traffic("otp", 0.010, 0.100, rate_per_s=20.0)
REPORTS = Traffic("reports", 2.0, 4.0, clients=30)
LANES = (
    LanePolicy("browse", reserve=6, hold_s_max=0.200, rank=3),
    LanePolicy("otp", reserve=2, hold_s_max=0.100, rank=9),
    LanePolicy("reports", borrows=False, rank=1),
)

WORKLOADS = (
    Workload("W1", (BROWSE, OTP), LANES),
    Workload("W2", (BROWSE, OTP, REPORTS), LANES),
    Workload(
        "W3",
        (
            Traffic("browse", 0.008, 0.200, rate_per_s=300.0),
            Traffic("otp", 0.010, 0.100, clients=200),
        ),
        LANES,
    ),
)

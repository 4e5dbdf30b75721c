"""How long a lane with a reservation can wait at most: the two theorems the lanes rest on.

Every lease of lane j ends within H_j, which is the end that its lane sets (`hold_s_max`) and what
it takes to enforce that (`policy.GIVE_BACK_S`); k requests of the same lane came before and are
served or wait. A reservation of r places that is kept free (*Theorem A*) makes a request wait at
most

    floor(k / r) * H            and not at all while k < r

because r places are always the lane's own. A reservation that is lent (*Theorem B*) adds one
borrowed lease, and that only where the lane had less than its reservation when the request came:

    [busy < r] * H_borrowed  +  floor(k / r) * H

since nothing beyond a reservation is granted while the lane waits, so after the longest borrowed
lease all loans are back. With tenants, k counts the requests before it in its own tenant's line,
times the tenants that are active.

No promise covers what happens inside PostgreSQL: waits for locks, stalled disks, a server process
that does not react to a cancel.
"""

from collections.abc import Iterable

from pglane.scheduler.policy import LanePolicy

NO_BOUND = -1.0


def loan_s_max(lane: LanePolicy, lanes: Iterable[LanePolicy]) -> float:
    """The longest that lent places of a lane can stay away; `NO_BOUND` if nothing ends them."""
    if lane.kept_free >= lane.reserve:
        return 0.0
    longest = 0.0
    for other in lanes:
        if other.name == lane.name or not other.borrows:
            continue
        ends = [hold_s for hold_s in (other.hold_s_max, lane.borrow_hold_s) if hold_s]
        if not ends:
            return NO_BOUND
        longest = max(longest, min(ends) + other.give_back_s)
    return longest


def wait_s_max(
    reserve: int, lease_s_max: float, loan_s: float, *, short: bool, ahead: int
) -> float:
    """The bound for one request; `NO_BOUND` where nothing is promised.

    Args:
        reserve: places that are the lane's.
        lease_s_max: how long its own leases can last; 0.0: nothing ends them.
        loan_s: what `loan_s_max` says of the lane.
        short: it had less than its reservation when the request came.
        ahead: requests of the lane before this one, served or waiting.
    """
    if reserve <= 0 or (short and loan_s < 0):
        return NO_BOUND
    rounds = ahead // reserve
    if rounds and not lease_s_max:
        return NO_BOUND
    return (loan_s if short else 0.0) + rounds * lease_s_max

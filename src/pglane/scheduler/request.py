"""Who waits and who holds: requests, leases, and the two kinds of line they stand in.

A `Lease` is a place of the budget in somebody's hands, from the decision until the place is free
again: opening a server connection, cleaning it and waiting for its backend to end belong to it. A
`Request` is a lease that is still waited for; it turns into one when it is granted, so nothing is
allocated for that.

Lines are linked through their members. Whoever leaves from the middle costs what the first one
costs, whatever the length. A request stands in two at once: its tenant's line, and all arrivals
of its lane. Once it holds a place it stands in the lane's line of holders instead of the tenant's.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pglane.scheduler.reasons import RefusedBecause, WaitReason

if TYPE_CHECKING:
    from pglane.scheduler.work import Stamp, Work

_NO_SERVER_FREE = WaitReason.NO_SERVER_FREE  # to ask an Enum for a member costs a look-up


class Lease:
    """A place of the budget in somebody's hands; a client can use one object again and again.

    Attributes:
        lane: `lane.Lane`, whose place it is.
        tenant: `tenant.Tenant` inside the lane.
        client: the engine's object; the scheduler does not look inside.
        held: whether it has a place now.
        since: when it got it, in seconds of the worker's clock.
        booked_s: what its lane was charged for it in advance.
        borrowed: nothing outside reservations was left when it was granted.
        lender: the lane whose unused reservation it got, where that is known.
        recalled: when it was asked to give its place back; -1.0: it was not.
        idle: told by the engine: the client thinks, in a transaction.
        reads_only: told by the engine: it changed nothing.
        committing: told by the engine: its COMMIT is on its way; then it is left alone.
        stamp: user and name of the work it belongs to (`work.Stamp`); None: of none.
        work: `work.Work`, while it waits or has a place.
        golden: its place is one of its lane's golden ticket (`golden`).
    """

    __slots__ = (
        "after", "before", "booked_s", "borrowed", "client", "committing", "golden", "held",
        "idle", "lane", "lender", "reads_only", "recalled", "since", "stamp", "tenant", "work",
    )  # fmt: skip

    def __init__(self, lane: object, tenant: object, client: object) -> None:
        self._set_up_lease(lane, tenant, client)

    def _set_up_lease(self, lane: object, tenant: object, client: object) -> None:
        self.lane = lane
        self.tenant = tenant
        self.client = client
        self.held = False
        self.since = 0.0
        self.booked_s = 0.0
        self.borrowed = False
        self.lender: object = None
        self.recalled = -1.0
        self.idle = False
        self.reads_only = False
        self.committing = False
        self.stamp: Stamp | None = None
        self.work: Work | None = None
        self.golden = False
        self.before: Lease | None = None
        self.after: Lease | None = None


class Request(Lease):
    """A lease that is waited for.

    Attributes:
        user: the role it needs.
        need: what else the server connection must be like (`doors.need.Need`).
        shelf: where idle ones of that role stand (`pool.ledger.Shelf`); None: nobody looked yet.
        arrived: when it asked; this and the next two are set on arrival.
        patience_s: how long its client waits, where its lane leaves that to clients; 0.0: as its
            lane says.
        deadline: when its client is thought to stop waiting.
        expires: from when on it is not started any more.
        reason: why it waits.
        refused: why it was refused, if it was.
        waiting: whether it stands in line.
        claimed: a server connection is being made ready in its name, and the place is booked.
        ahead: places of its lane in use, and requests of its tenant that waited, when it arrived.
        turns: turns that each other tenant could have before it.
        judged_since: when it arrived, or when its lane's promise changed after that.
        promised: its lane's promise could be kept at that moment.
        was_short: its lane had less than its reservation then, or more was in use than there is.
        attempt: how often its client was refused since it was served; a retry is shed first.
        continues: its work holds leases already: it goes before newcomers of its lane.
    """

    __slots__ = (
        "ahead", "arrived", "attempt", "claimed", "continues", "deadline", "expires",
        "judged_since", "need", "newer", "older", "patience_s", "promised", "reason", "refused",
        "shelf", "turns", "user", "waiting", "was_short",
    )  # fmt: skip

    def __init__(
        self,
        lane: object,
        tenant: object,
        user: str,
        need: object,
        client: object,
    ) -> None:
        self._set_up(lane, tenant, user, need, client)

    def _set_up(
        self, lane: object, tenant: object, user: str, need: object, client: object
    ) -> None:
        self._set_up_lease(lane, tenant, client)
        self.user = user
        self.need = need
        self.shelf: object = None
        self.arrived = 0.0
        self.patience_s = 0.0
        self.deadline = 0.0
        self.expires = 0.0
        self.reason = _NO_SERVER_FREE
        self.refused: RefusedBecause | None = None
        self.waiting = False
        self.claimed = False
        self.ahead = 0
        self.turns = 0
        self.judged_since = 0.0
        self.was_short = False
        self.promised = False
        self.attempt = 0
        self.continues = False
        self.older: Request | None = None
        self.newer: Request | None = None


def request_of(user: str, need: object, client: object) -> Request:
    """One that belongs to no lane yet, made without what it costs to call a class."""
    made = Request.__new__(Request)
    made._set_up(None, None, user, need, client)
    return made


class Line:
    """Leases in order: the waiting of a tenant, or the holders of a lane."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: Lease | None = None
        self.last: Lease | None = None

    def __iter__(self) -> Iterator[Lease]:
        lease = self.first
        while lease is not None:
            following = lease.after
            yield lease
            lease = following

    def append(self, lease: Lease) -> None:
        """It stands at the end."""
        last = self.last
        lease.before = last
        lease.after = None
        if last is None:
            self.first = lease
        else:
            last.after = lease
        self.last = lease

    def prepend(self, lease: Lease) -> None:
        """It stands before all others."""
        first = self.first
        lease.before = None
        lease.after = first
        if first is None:
            self.last = lease
        else:
            first.before = lease
        self.first = lease

    def insert(self, request: Request) -> None:
        """It stands behind those that arrived before it; all that stand here are requests."""
        after: Request | None = self.first  # type: ignore[assignment]
        while after is not None and after.arrived <= request.arrived:
            after = after.after  # type: ignore[assignment]
        if after is None:
            self.append(request)
            return
        before = after.before
        request.before = before
        request.after = after
        after.before = request
        if before is None:
            self.first = request
        else:
            before.after = request

    def remove(self, lease: Lease) -> None:
        """It stands here no longer."""
        before, after = lease.before, lease.after
        if before is None:
            self.first = after
        else:
            before.after = after
        if after is None:
            self.last = before
        else:
            after.before = before
        lease.before = None
        lease.after = None


class Arrivals:
    """All requests of a lane that have not got their server connection, oldest first."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: Request | None = None
        self.last: Request | None = None

    def __iter__(self) -> Iterator[Request]:
        request = self.first
        while request is not None:
            following = request.newer
            yield request
            request = following

    def append(self, request: Request) -> None:
        """It is the newest."""
        last = self.last
        request.older = last
        request.newer = None
        if last is None:
            self.first = request
        else:
            last.newer = request
        self.last = request

    def insert(self, request: Request) -> None:
        """It waits again, behind those that arrived before it."""
        older = self.last
        while older is not None and older.arrived > request.arrived:
            older = older.older
        newer = self.first if older is None else older.newer
        request.older = older
        request.newer = newer
        if older is None:
            self.first = request
        else:
            older.newer = request
        if newer is None:
            self.last = request
        else:
            newer.older = request

    def remove(self, request: Request) -> None:
        """It waits no longer."""
        older, newer = request.older, request.newer
        if older is None:
            self.first = newer
        else:
            older.newer = newer
        if newer is None:
            self.last = older
        else:
            newer.older = older
        request.older = None
        request.newer = None


class Offer:
    """A free server connection, as far as a decision needs to know it."""

    __slots__ = ()

    def fits(self, request: Request) -> bool:
        """Whether it will do for a request."""
        raise NotImplementedError

    def may_come(self, request: Request) -> bool:
        """Whether another one that will do is in use and may become free."""
        del request
        return True

"""What is promised to a lane, and whether all promises together can be kept (rule R0).

A reservation is a number of server connections, not a rate: transactions differ a thousandfold in
length, and only a place that is there when it is needed bounds a wait. Shares of what is left are
weights. A configuration that promises more than there is would be a lie to whoever comes last, so
it is refused, with the sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass

UNLIMITED = 0
RANK_DEFAULT = 5
WAIT_S_MAX_DEFAULT = 30.0
GIVE_BACK_S = 0.5
"""What it may take from asking for a server connection until its backend is gone: a cancel, a
quarter of a second of patience, the end of the connection, and opening another."""
TENANTS_MAX = 1000
"""Tenants of a lane that are known by name; drivers put process ids into application names."""


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """One lane's promise.

    Attributes:
        name: of the lane.
        door: the door whose limit it counts against; "": none.
        reserve: server connections that it gets before anybody has more than his own reservation.
        weight: its part of what is beyond all reservations, relative to other lanes that wait.
        limit: the most it may have; 0: what there is.
        wait_s_max: the longest a request waits.
        hold_s_max: the longest a lease may last while somebody waits for it; 0.0: no end enforced.
        lends: whether others may use its reservation while it does not.
        borrow_hold_s: after so long what it lent is taken back when it is needed; 0.0: it waits
            for the end of the borrowed lease.
        guard: of a lent reservation, how many places stay free all the same.
        borrows: whether it may use the reservations of others. Not where leases have no end.
        rank: where too many wait, lanes of the lowest rank are refused first.
        newest_first: once the oldest has waited half its time, the newest goes first: for clients
            that give up by themselves.
        tenants_max: tenants that are told apart; the others share queues.
        wait_is_default: clients for whom another time is set wait so long instead.
        shed_after_s: where its requests wait longer for a second, some are refused; 0.0: never.
        give_back_s: what it may take to end a lease of it from outside.
        nested: so many leases a work can have at once, and is sure to finish (`golden`).
    """

    name: str
    door: str = ""
    reserve: int = 0
    weight: float = 1.0
    limit: int = UNLIMITED
    wait_s_max: float = WAIT_S_MAX_DEFAULT
    hold_s_max: float = 0.0
    lends: bool = True
    borrow_hold_s: float = 0.0
    guard: int = 0
    borrows: bool = True
    rank: int = RANK_DEFAULT
    newest_first: bool = False
    tenants_max: int = TENANTS_MAX
    wait_is_default: bool = False
    shed_after_s: float = 0.0
    nested: int = 1
    give_back_s: float = GIVE_BACK_S

    @property
    def lease_s_max(self) -> float:
        """How long a lease can last while somebody waits; 0.0: nothing ends it."""
        return self.hold_s_max + self.give_back_s if self.hold_s_max else 0.0

    @property
    def golden(self) -> int:
        """Places of its golden ticket."""
        return self.nested - 1

    @property
    def kept_free(self) -> int:
        """Unused places of its reservation that nobody else may have."""
        return min(self.guard, self.reserve) if self.lends else self.reserve


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """What all lanes of a door may have together; `limit` 0: what there is."""

    name: str
    limit: int = UNLIMITED


@dataclass(frozen=True, slots=True)
class Overpromised:
    """More is reserved than there is.

    Attributes:
        door: where; "" is the whole budget.
        places: what there is.
        promised: the sum of reservations and golden tickets.
        reservations: the parts, largest first, as people read them: "otp 2 + mail 3".
    """

    door: str
    places: int
    promised: int
    reservations: str


def overpromised(
    budget: int, lanes: Iterable[LanePolicy], doors: Iterable[DoorPolicy] = ()
) -> list[Overpromised]:
    """Every group that promises more than it has; nothing where all can be kept."""
    reserving = [lane for lane in lanes if lane.reserve or lane.golden]
    groups = [("", budget, reserving)]
    groups += [
        (door.name, door.limit, [lane for lane in reserving if lane.door == door.name])
        for door in doors
        if door.limit != UNLIMITED
    ]
    found: list[Overpromised] = []
    for name, places, inside in groups:
        parts = _parts(inside)
        promised = sum(count for count, _ in parts)
        if promised > places:
            told = " + ".join(what for _, what in parts)
            found.append(Overpromised(name, places, promised, told))
    return found


def _parts(lanes: list[LanePolicy]) -> list[tuple[int, str]]:
    """What is promised, largest first: reservations, then golden tickets.

    A ticket is for whoever has a place besides, so one more must be there for anybody.
    """
    largest = sorted(lanes, key=lambda lane: (-lane.reserve, lane.name))
    kept = [(lane.reserve, f"{lane.name} {lane.reserve}") for lane in largest if lane.reserve]
    tickets = [
        (lane.golden, f"{lane.golden} for nested = {lane.nested} of {lane.name}")
        for lane in sorted(lanes, key=lambda lane: (-lane.golden, lane.name))
        if lane.golden
    ]
    first = [(1, "1 for a first lease")] if tickets and not kept else []
    return kept + tickets + first


def kept_reservations(places: int, lanes: Iterable[LanePolicy]) -> dict[str, int]:
    """What can be kept of each reservation while there are fewer places than were promised.

    The highest rank is served first, within a rank the order of the configuration.
    """
    left = places
    kept: dict[str, int] = {}
    for lane in sorted(lanes, key=lambda lane: -lane.rank):
        kept[lane.name] = min(lane.reserve, max(left, 0))
        left -= kept[lane.name]
    return kept


def kept_tickets(places: int, lanes: Iterable[LanePolicy]) -> dict[str, int]:
    """What can be kept of each golden ticket beside the reservations; by rank, as those.

    One place more must be left for first leases.
    """
    left = places
    kept: dict[str, int] = {}
    lanes = list(lanes)
    if not any(lane.reserve for lane in lanes):
        left -= 1
    for lane in sorted(lanes, key=lambda lane: -lane.rank):
        kept[lane.name] = min(lane.golden, max(left, 0))
        left -= kept[lane.name]
    return kept

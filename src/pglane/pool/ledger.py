"""The ledger: which server connections exist, each in exactly one state, under one budget.

A state is a place: every slot is in exactly one container, and `move` is the only way from one
to another. A server connection counts from the moment it is asked for until its backend is gone
(fact A5 of the protocol research): closing a socket does not end a running statement, so a slot
that is CLOSING is still used.

Places are chains through the slots themselves: a transaction moves a slot twice, and to make no
object and hash nothing for that is what it costs least. Free slots stand in a chain per role.

States and the containers they name::

    OPENING   being connected and logged in
    IDLE      free, clean, ready to be leased (newest first: warm caches; the oldest ages out)
    LEASED    in the hands of one client
    CLEANING  no client; being put back into a state that anybody may have
    CLOSING   told to end; its backend may still live
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class SlotState(IntEnum):
    """Where a slot is."""

    OPENING = 0
    IDLE = 1
    LEASED = 2
    CLEANING = 3
    CLOSING = 4


OPENING = 0
IDLE = 1
LEASED = 2
CLEANING = 3
CLOSING = 4

ALLOWED: tuple[tuple[bool, ...], ...] = (
    # to: OPENING, IDLE, LEASED, CLEANING, CLOSING
    (False, True, True, False, True),  # from OPENING
    (False, False, True, False, True),  # from IDLE
    (False, True, True, True, True),  # from LEASED
    (False, True, True, False, True),  # from CLEANING
    (False, False, False, False, False),  # from CLOSING
)
"""Every transition there is; the end of a slot (`remove`) is allowed from every state."""
_ALLOWED = bytes(way for ways in ALLOWED for way in ways)

# Compiled, these are C integers that Python code cannot see.
_IDLE: int = IDLE
_LEASED: int = LEASED
_CLOSING: int = CLOSING
_STATES: int = len(ALLOWED)


class Slot:
    """One place in the budget.

    Attributes:
        user: the role the server connection is logged in as.
        state: where it is.
        since: when it came there, in seconds of the worker's clock.
        opened: when it was asked for.
        base: the settings it was opened with (`connection.settings.Vector`).
        link: the engine's object for it; the ledger does not look inside.
        lease: whose its place is (`scheduler.request.Lease`); None where it is idle.
        holds: the state of its session as the engine last told; compared, not looked into.
        place: the one it is in; None: its end.
        older, newer: its neighbours there.
        shelf: the place of idle slots of its role.
    """

    __slots__ = (
        "base",
        "holds",
        "lease",
        "link",
        "newer",
        "older",
        "opened",
        "place",
        "shelf",
        "since",
        "state",
        "user",
    )

    def __init__(self, user: str, base: object, now: float) -> None:
        self.user = user
        self.base = base
        self.state = OPENING
        self.since = now
        self.opened = now
        self.link: object = None
        self.lease: object = None
        self.holds = base
        self.place: Place | None = None
        self.older: Slot | None = None
        self.newer: Slot | None = None
        self.shelf: Place | None = None


class Place:
    """Slots in order of arrival.

    Attributes:
        count: how many there are.
        oldest, newest: the ends of the chain.
    """

    __slots__ = ("count", "newest", "oldest")

    def __init__(self) -> None:
        self.count = 0
        self.oldest: Slot | None = None
        self.newest: Slot | None = None

    def __iter__(self) -> Iterator[Slot]:
        """From the oldest to the newest; nothing may be moved meanwhile."""
        slot = self.oldest
        while slot is not None:
            yield slot
            slot = slot.newer

    def add(self, slot: Slot) -> None:
        """A slot that is nowhere comes here."""
        newest = self.newest
        slot.place = self
        slot.older = newest
        if newest is None:
            self.oldest = slot
        else:
            newest.newer = slot
        self.newest = slot
        self.count += 1

    def take_out(self, slot: Slot) -> None:
        """One that is here is nowhere from now on."""
        older, newer = slot.older, slot.newer
        if older is None:
            self.oldest = newer
        else:
            older.newer = newer
            slot.older = None
        if newer is None:
            self.newest = older
        else:
            newer.older = older
            slot.newer = None
        slot.place = None
        self.count -= 1


@dataclass(frozen=True, slots=True)
class LedgerStatistics:
    """How many slots are where."""

    budget: int
    opening: int
    idle: int
    leased: int
    cleaning: int
    closing: int

    @property
    def used(self) -> int:
        """All that count."""
        return self.opening + self.idle + self.leased + self.cleaning + self.closing


class Ledger:
    """All slots of one PostgreSQL database."""

    def __init__(self, budget: int) -> None:
        if budget < 1:
            msg = f"a budget is at least 1 server connection, not {budget}"
            raise ValueError(msg)
        self.budget = budget
        self._used = 0
        self._idle_count = 0
        self._shelves: dict[str, Place] = {}
        # That of IDLE stays empty: those are on the shelves.
        self._places: tuple[Place, ...] = (Place(), Place(), Place(), Place(), Place())

    def __iter__(self) -> Iterator[Slot]:
        """Every slot, in no order that matters."""
        places = (*self._places, *self._shelves.values())
        return iter([slot for place in places for slot in place])

    @property
    def used(self) -> int:
        """Slots that count against the budget."""
        return self._used

    def count(self, state: int) -> int:
        """Slots in one state."""
        if state == _IDLE:
            return self._idle_count
        place: Place = self._places[state]
        return place.count

    def count_of(self, user: str) -> int:
        """Slots of one role, in any state."""
        return sum(slot.user == user for slot in self)

    def in_state(self, state: int) -> list[Slot]:
        """Slots in one state, longest there first."""
        return sorted((slot for slot in self if slot.state == state), key=_since)

    def has_room(self) -> bool:
        """Whether one more may be opened."""
        return self._used < self.budget

    def room(self) -> int:
        """How many more may be opened; negative where the budget was lowered."""
        return self.budget - self._used

    def excess(self) -> int:
        """How many more are used than the budget allows, those that are ending not counted."""
        closing: Place = self._places[_CLOSING]
        return self._used - closing.count - self.budget

    def open(self, user: str, base: object, now: float) -> Slot:
        """A new slot in OPENING.

        Raises:
            RuntimeError: the budget is used up.
        """
        if not self.has_room():
            msg = f"the budget of {self.budget} is used up"
            raise RuntimeError(msg)
        slot = Slot(user, base, now)
        self._places[OPENING].add(slot)
        self._used += 1
        return slot

    def move(self, slot: Slot, state: int, now: float) -> None:
        """From its place to another.

        Raises:
            RuntimeError: there is no such transition, or the slot is not where it says.
        """
        if not _ALLOWED[_STATES * slot.state + state]:
            msg = f"no way from {SlotState(slot.state).name} to {SlotState(state).name}"
            raise RuntimeError(msg)
        self._leave(slot)
        slot.state = state
        slot.since = now
        if state == _IDLE:
            self._idle_count += 1
            if slot.shelf is None:
                slot.shelf = self._shelf(slot.user)
        self._place_of(slot).add(slot)

    def hand_over(self, slot: Slot, now: float) -> None:
        """From one client straight to the next: its place stays the same."""
        assert slot.state == _LEASED
        slot.since = now

    def remove(self, slot: Slot) -> None:
        """Its backend is gone; the slot is free for another."""
        self._leave(slot)
        self._used -= 1

    def _leave(self, slot: Slot) -> None:
        place = self._place_of(slot)
        if slot.place is not place:
            msg = f"a slot says {SlotState(slot.state).name} and is not there"
            raise RuntimeError(msg)
        place.take_out(slot)
        if slot.state == _IDLE:
            self._idle_count -= 1

    def _shelf(self, user: str) -> Place:
        shelf = self._shelves.get(user)
        if shelf is None:
            shelf = self._shelves[user] = Place()
        return shelf

    def _place_of(self, slot: Slot) -> Place:
        """Where a slot in its state is."""
        if slot.state == _IDLE and slot.shelf is not None:
            return slot.shelf
        return self._places[slot.state]

    def idle_of(self, user: str) -> list[Slot]:
        """Idle slots of one role, newest first."""
        return list(self._shelves.get(user, ()))[::-1]

    def newest_idle(self, user: str) -> Slot | None:
        """The idle slot of one role that was used last."""
        shelf = self._shelves.get(user)
        return None if shelf is None else shelf.newest

    def oldest_idle(self) -> Slot | None:
        """The idle slot, of any role, that was not used for longest."""
        oldest: Slot | None = None
        if self._idle_count:
            for shelf in self._shelves.values():
                slot = shelf.oldest
                if slot is not None and (oldest is None or slot.since < oldest.since):
                    oldest = slot
        return oldest

    def statistics(self) -> LedgerStatistics:
        """A snapshot."""
        return LedgerStatistics(self.budget, *map(self.count, range(_STATES)))


def _since(slot: Slot) -> float:
    return slot.since

"""The ledger: which server connections exist, each in exactly one state, under one budget.

Every slot that exists is counted in one state, and `move` is the only way from one to another. A
server connection counts from the moment it is asked for until its backend is gone (fact A5 of the
protocol research): closing a socket does not end a running statement, so a slot that is CLOSING is
still used.

A transaction moves a slot twice: that makes no object and hashes nothing. Free slots stand on a
shelf per role, a chain through the slots themselves; of all others only the number is kept by
state, for who asks which they are does so seldom.

States::

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
        shelf: where the idle slots of its role stand; None: its end.
        older, newer: its neighbours there, while it is idle.
    """

    __slots__ = (
        "base",
        "holds",
        "lease",
        "link",
        "newer",
        "older",
        "opened",
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
        self.older: Slot | None = None
        self.newer: Slot | None = None
        self.shelf: Shelf | None = None


class Shelf:
    """Idle slots of one role, in the order in which they came.

    Attributes:
        ledger: whose they are.
        oldest, newest: the ends of the chain.
    """

    __slots__ = ("ledger", "newest", "oldest")

    def __init__(self, ledger: "Ledger") -> None:
        self.ledger = ledger
        self.oldest: Slot | None = None
        self.newest: Slot | None = None

    def __iter__(self) -> Iterator[Slot]:
        """From the oldest to the newest; nothing may be moved meanwhile."""
        slot = self.oldest
        while slot is not None:
            yield slot
            slot = slot.newer

    def add(self, slot: Slot) -> None:
        """A slot comes here."""
        newest = self.newest
        slot.older = newest
        if newest is None:
            self.oldest = slot
        else:
            newest.newer = slot
        self.newest = slot

    def take_out(self, slot: Slot) -> None:
        """One that is here goes."""
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
        self._slots: dict[Slot, None] = {}
        self._counts = [0, 0, 0, 0, 0]  # by state
        self._shelves: dict[str, Shelf] = {}

    def __iter__(self) -> Iterator[Slot]:
        """Every slot, in the order in which they were asked for."""
        return iter(list(self._slots))

    @property
    def used(self) -> int:
        """Slots that count against the budget."""
        return len(self._slots)

    def count(self, state: int) -> int:
        """Slots in one state."""
        return self._counts[state]

    def count_of(self, user: str) -> int:
        """Slots of one role, in any state."""
        return sum(slot.user == user for slot in self)

    def in_state(self, state: int) -> list[Slot]:
        """Slots in one state, longest there first."""
        return sorted((slot for slot in self if slot.state == state), key=_since)

    def has_room(self) -> bool:
        """Whether one more may be opened."""
        return len(self._slots) < self.budget

    def room(self) -> int:
        """How many more may be opened; negative where the budget was lowered."""
        return self.budget - len(self._slots)

    def excess(self) -> int:
        """How many more are used than the budget allows, those that are ending not counted."""
        return len(self._slots) - self._counts[_CLOSING] - self.budget

    def open(self, user: str, base: object, now: float) -> Slot:
        """A new slot in OPENING.

        Raises:
            RuntimeError: the budget is used up.
        """
        if not self.has_room():
            msg = f"the budget of {self.budget} is used up"
            raise RuntimeError(msg)
        slot = Slot(user, base, now)
        slot.shelf = self.shelf_of(user)
        self._slots[slot] = None
        self._counts[OPENING] += 1
        return slot

    def move(self, slot: Slot, state: int, now: float) -> None:
        """From its state to another.

        Raises:
            RuntimeError: there is no such transition, or the slot exists no more.
        """
        before, shelf = slot.state, slot.shelf
        if shelf is None or not _ALLOWED[_STATES * before + state]:
            raise _no_way(slot, state)
        self._counts[before] -= 1
        self._counts[state] += 1
        slot.state = state
        slot.since = now
        if before == _IDLE:
            shelf.take_out(slot)
        elif state == _IDLE:
            shelf.add(slot)

    def hand_over(self, slot: Slot, now: float) -> None:
        """From one client straight to the next: its place stays the same."""
        assert slot.state == _LEASED
        slot.since = now

    def remove(self, slot: Slot) -> None:
        """Its backend is gone; the slot is free for another.

        Raises:
            RuntimeError: it exists no more.
        """
        shelf = slot.shelf
        if shelf is None:
            raise _no_way(slot, slot.state)
        if slot.state == _IDLE:
            shelf.take_out(slot)
        slot.shelf = None
        self._counts[slot.state] -= 1
        del self._slots[slot]

    def shelf_of(self, user: str) -> Shelf:
        """Where idle slots of a role stand, now and later."""
        shelf = self._shelves.get(user)
        if shelf is None:
            shelf = self._shelves[user] = Shelf(self)
        return shelf

    def idle_of(self, user: str) -> list[Slot]:
        """Idle slots of one role, newest first."""
        return list(self._shelves.get(user, ()))[::-1]

    def oldest_idle(self) -> Slot | None:
        """The idle slot, of any role, that was not used for longest."""
        oldest: Slot | None = None
        if self._counts[_IDLE]:
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


def _no_way(slot: Slot, state: int) -> RuntimeError:
    before, after = SlotState(slot.state).name, SlotState(state).name
    if slot.shelf is None:
        return RuntimeError(f"a slot says {before} and exists no more")
    return RuntimeError(f"no way from {before} to {after}")

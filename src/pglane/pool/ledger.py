"""The ledger: which server connections exist, each in exactly one state, under one budget.

A state is a place: every slot is in exactly one container, and `move` is the only way from one
to another. A server connection counts from the moment it is asked for until its backend is gone
(fact A5 of the protocol research): closing a socket does not end a running statement, so a slot
that is CLOSING is still used.

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


class Slot:
    """One place in the budget.

    Attributes:
        user: the role the server connection is logged in as.
        state: where it is.
        since: when it came there, in seconds of the worker's clock.
        opened: when it was asked for.
        base: the settings it was opened with (`connection.settings.Vector`).
        link: the engine's object for it; the ledger does not look inside.
        holds: the state of its session as the engine last told; compared, not looked into.
    """

    __slots__ = ("base", "holds", "link", "opened", "since", "state", "user")

    def __init__(self, user: str, base: object, now: float) -> None:
        self.user = user
        self.base = base
        self.state = OPENING
        self.since = now
        self.opened = now
        self.link: object = None
        self.holds = base


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
        self._idle: dict[str, list[Slot]] = {}
        # Dicts for their order: of equals the first one counts, in every run.
        self._places: tuple[dict[Slot, None], ...] = ({}, {}, {}, {}, {})

    def __iter__(self) -> Iterator[Slot]:
        """Every slot, in no order that matters."""
        return iter([slot for place in self._places for slot in place])

    @property
    def used(self) -> int:
        """Slots that count against the budget."""
        return self._used

    def count(self, state: int) -> int:
        """Slots in one state."""
        return len(self._places[state])

    def count_of(self, user: str) -> int:
        """Slots of one role, in any state."""
        return sum(slot.user == user for place in self._places for slot in place)

    def in_state(self, state: int) -> list[Slot]:
        """Slots in one state, longest there first."""
        return sorted(self._places[state], key=_since)

    def has_room(self) -> bool:
        """Whether one more may be opened."""
        return self._used < self.budget

    def room(self) -> int:
        """How many more may be opened; negative where the budget was lowered."""
        return self.budget - self._used

    def excess(self) -> int:
        """How many more are used than the budget allows, those that are ending not counted."""
        return self._used - len(self._places[CLOSING]) - self.budget

    def open(self, user: str, base: object, now: float) -> Slot:
        """A new slot in OPENING.

        Raises:
            RuntimeError: the budget is used up.
        """
        if not self.has_room():
            msg = f"the budget of {self.budget} is used up"
            raise RuntimeError(msg)
        slot = Slot(user, base, now)
        self._places[OPENING][slot] = None
        self._used += 1
        return slot

    def move(self, slot: Slot, state: int, now: float) -> None:
        """From its place to another.

        Raises:
            RuntimeError: there is no such transition, or the slot is not where it says.
        """
        if not ALLOWED[slot.state][state]:
            msg = f"no way from {SlotState(slot.state).name} to {SlotState(state).name}"
            raise RuntimeError(msg)
        self._leave(slot)
        slot.state = state
        slot.since = now
        place = self._places[state]
        place[slot] = None
        if state == IDLE:
            stack = self._idle.get(slot.user)
            if stack is None:
                stack = self._idle[slot.user] = []
            stack.append(slot)

    def hand_over(self, slot: Slot, now: float) -> None:
        """From one client straight to the next: its place stays the same."""
        assert slot.state == LEASED
        slot.since = now

    def remove(self, slot: Slot) -> None:
        """Its backend is gone; the slot is free for another."""
        self._leave(slot)
        self._used -= 1

    def _leave(self, slot: Slot) -> None:
        place = self._places[slot.state]
        if slot not in place:
            msg = f"a slot says {SlotState(slot.state).name} and is not there"
            raise RuntimeError(msg)
        del place[slot]
        if slot.state == IDLE:
            stack = self._idle[slot.user]
            if stack[len(stack) - 1] is slot:
                stack.pop()
            else:
                stack.remove(slot)

    def idle_of(self, user: str) -> list[Slot]:
        """Idle slots of one role, newest first."""
        return self._idle.get(user, [])[::-1]

    def newest_idle(self, user: str) -> Slot | None:
        """The idle slot of one role that was used last."""
        stack = self._idle.get(user)
        return stack[len(stack) - 1] if stack else None

    def oldest_idle(self) -> Slot | None:
        """The idle slot, of any role, that was not used for longest."""
        place = self._places[IDLE]
        return min(place, key=_since) if place else None

    def statistics(self) -> LedgerStatistics:
        """A snapshot."""
        return LedgerStatistics(self.budget, *map(len, self._places))


def _since(slot: Slot) -> float:
    return slot.since

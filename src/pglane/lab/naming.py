"""How long until those who hold everything and do nothing are named to a person on call.

The clock starts when the last server connection is held by a client that thinks in a transaction,
and somebody waits. Both are known from the clients themselves, whatever a gateway says. It ends
with the first answer of the console that names *every* one of these clients: by the port that the
client really has, its lane, that it is idle in a transaction, and since when, as the client's own
clock has it. The console is asked twenty times a second, so what is measured has that grain.

All consoles are asked the same and judged alike; an application's pool has none. A time in which
nobody waits any more before they were named counts with its length.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pglane.lab.connection import AskedInVain, Connection, connect
from pglane.lab.place import Place
from pglane.lab.scores import NEVER
from pglane.lab.traffic import Traffic

LOOK_EVERY_S = 0.05
AGREE_S = 0.5
"""What the console's clock and the client's may differ by."""
IDLE_IN_TRANSACTION = "idle in transaction"

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a person on call would ask, and where."""

    place: Place
    statements: tuple[str, ...]


class Naming:
    """Watches a run from beside it.

    Args:
        traffic: the run.
        places: server connections that there are.
        waiting: kinds of those who wait for them.
        inquiry: None: there is nobody to be asked.
    """

    def __init__(
        self, traffic: Traffic, places: int, waiting: frozenset[str], inquiry: Inquiry | None
    ) -> None:
        self._traffic = traffic
        self._places = places
        self._waiting = waiting
        self._inquiry = inquiry
        self._named: list[float] = []
        self._unnamed: list[float] = []

    @property
    def named_s(self) -> float | None:
        """The longest time until all were named; `NEVER`; None: it never came to it."""
        if not self._named:
            return NEVER if self._unnamed else None
        return max(self._named + self._unnamed)

    async def follow(self, over: asyncio.Event) -> None:
        """Looks until `over`."""
        asking = await connect(self._inquiry.place) if self._inquiry is not None else None
        since, named, seen_s = None, False, 0.0
        try:
            while not over.is_set():
                now = self._held_since()
                if now != since:
                    if since is not None and not named:
                        self._unnamed.append(seen_s)
                    since, named, seen_s = now, False, 0.0
                if since is not None and not named:
                    named = asking is not None and await self._names(asking)
                    seen_s = self._traffic.now() - since
                    if named:
                        self._named.append(seen_s)
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), LOOK_EVERY_S)
            if since is not None and not named:
                self._unnamed.append(seen_s)
        finally:
            if asking is not None:
                asking.close()

    def _held_since(self) -> float | None:
        """From when on nothing is left but what thinking clients hold, and somebody waits."""
        traffic = self._traffic
        asked = [traffic.first_open(kind) for kind in self._waiting]
        waits = [moment for moment in asked if moment is not None]
        if len(traffic.thinking) < self._places or not waits:
            return None
        return max(*traffic.thinking.values(), min(waits))

    async def _names(self, asking: Connection) -> bool:
        """Whether the console names all who think now."""
        assert self._inquiry is not None
        thinking = dict(self._traffic.thinking)
        found: dict[int, Row] = {}
        for statement in self._inquiry.statements:
            try:
                rows = await asking.ask(statement)
            except AskedInVain:
                return False
            for row in _by_name(asking.columns, rows):
                if is_named(row):
                    found[int(row["port"])] = row
        now = self._traffic.now()
        return all(
            port in found and abs(_idle_s(found[port]) - (now - since)) < AGREE_S
            for port, since in thinking.items()
        )


def is_named(row: Row) -> bool:
    """Whether it says of somebody that he is idle in a transaction, and in which lane."""
    return row.get("doing", row.get("state", "")) == IDLE_IN_TRANSACTION and bool(
        row.get("lane") and row.get("port", "").isdigit()
    )


def _idle_s(row: Row) -> float:
    """For how long, as the console says; if it does not, that agrees with nobody's clock."""
    told = row.get("doing_time", "")
    return int(told) / 1e6 if told.isdigit() else NEVER


def _by_name(columns: Sequence[str], rows: Sequence[tuple[str | None, ...]]) -> list[Row]:
    return [{name: value or "" for name, value in zip(columns, row, strict=True)} for row in rows]

"""Watches a gateway's console while it serves, and changes its lanes meanwhile.

A lane's counters go with it: of one that is renamed or removed they are gone at the next look. So
the console is asked again and again, and what was added from one look to the next is summed. A
change is over when the console shows the lanes that it wants; then comes the next. Every other
one is told by a signal, as service managers do, the rest by RELOAD, as people do.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pglane.lab.connection import AskedInVain, Connection, connect
from pglane.lab.place import Place
from pglane.lab.scenario import Change

LOOK_EVERY_S = 0.05
BOARD_S_MAX = 1.2
"""How old what the console shows can be, and a little more."""
SEEN_S_MAX = 30.0
"""A change that is not seen by then was refused."""
MISSED = {"expired", "hopeless"}
"""Refusals for which a deadline is the reason."""

Counts = dict[tuple[str, str, str], int]


class Watch:
    """What a gateway counted while somebody looked.

    Args:
        console: where it is asked.
        pid: whom a signal tells to read its configuration again.
        rewrite: writes another one.

    Attributes:
        violations: waits beyond their bound.
        missed: requests refused because their time was over, or would have been.
        changes: changes that were made, and seen.
    """

    def __init__(
        self, console: Place, pid: int = 0, rewrite: Callable[[Change], Path] | None = None
    ) -> None:
        self.violations = 0
        self.missed = 0
        self.changes = 0
        self._console = console
        self._pid = pid
        self._rewrite = rewrite
        self._before: Counts = {}

    async def follow(self, changes: Sequence[Change], seconds: float, over: asyncio.Event) -> None:
        """Makes the changes at even distances of so many seconds, and looks until `over`.

        If they took longer, the last are made after that: what was played is whole.
        """
        clock = asyncio.get_running_loop()
        began, every_s = clock.time(), seconds / (len(changes) + 1)
        asking = await connect(self._console)
        left = list(changes)
        current: Change | None = None
        latest = began
        try:
            while not over.is_set() or ((current or left) and clock.time() - latest < SEEN_S_MAX):
                await self.look(asking)
                if current is not None and await self._is_seen(asking, current):
                    self.changes += 1
                    current = None
                if (
                    current is None
                    and left
                    and clock.time() - began >= every_s * (self.changes + 1)
                ):
                    current, latest = left.pop(0), clock.time()
                    await self._make(asking, current)
                await _until(over, LOOK_EVERY_S)
            await _until(asyncio.Event(), BOARD_S_MAX)
            await self.look(asking)
        finally:
            asking.close()

    async def look(self, asking: Connection) -> None:
        """Adds what was counted since the last look; a lane that is new begins at nothing."""
        counted: Counts = {}
        for row in _rows(asking, await asking.ask("SHOW WAITS")):
            counted[row["lane"], row["kind"], row["reason"]] = int(row["count"])
        for key, count in counted.items():
            before = self._before.get(key, 0)
            more = count - before if count >= before else count
            self.violations += more if key[1] == "violation" else 0
            self.missed += more if key[1] == "refused" and key[2] in MISSED else 0
        self._before = counted

    async def _make(self, asking: Connection, change: Change) -> None:
        assert self._rewrite is not None
        self._rewrite(change)
        if self.changes % 2:
            await asking.ask("RELOAD")
        else:
            os.kill(self._pid, signal.SIGHUP)

    async def _is_seen(self, asking: Connection, change: Change) -> bool:
        """Whether its lanes are there; others may be, but reserve nothing."""
        rows = _rows(asking, await asking.ask("SHOW LANES"))
        shown = {row["lane"]: int(row["reserve"]) for row in rows}
        others = sum(reserve for lane, reserve in shown.items() if lane not in change.reserves)
        return not others and change.reserves.items() <= shown.items()


async def look(console: Place) -> Watch | None:
    """What a gateway has counted by now; None: it does not tell."""
    watch = Watch(console)
    asking = await connect(console)
    try:
        await _until(asyncio.Event(), BOARD_S_MAX)
        await watch.look(asking)
    except (AskedInVain, KeyError):
        return None
    finally:
        asking.close()
    return watch


def _rows(asking: Connection, rows: Sequence[tuple[str | None, ...]]) -> list[dict[str, str]]:
    return [
        {name: value or "" for name, value in zip(asking.columns, row, strict=True)}
        for row in rows
    ]


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Waits for it, but no longer than so."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)

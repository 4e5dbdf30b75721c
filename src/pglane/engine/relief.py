"""What a worker does when its memory runs short; what is counted is told in `memory`.

Where it is tight nobody new is let in (PGL0336), a server that somebody reads too slowly is not
read, and neither is a client whose request cannot be passed on yet and is large. That costs only
those who hold much, and ends by itself when they go on. If it does not within `LOOK_S`, or memory
is used up, whoever holds most is ended (PGL0335) until it is tight no more, or not used up any
more. What was in doubt then is told as in doubt. A client that does not even read is not told.

What can be made again is let go first: interned statements that nobody uses, and server
connections on which many large statements are prepared.
"""

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

from pglane.config.limits import everybody
from pglane.engine.login import LoginLink
from pglane.engine.loss import end_now
from pglane.engine.replacing import links
from pglane.errors.limits import MemoryTight, MemoryUsedUp
from pglane.pool.ledger import SlotState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pglane.engine.client_link import ClientLink
    from pglane.engine.worker import Worker

    Holder = ClientLink | LoginLink

USUAL_BASE_BYTES = 64 * 1024 * 1024
"""What a worker has before anybody comes, where the system does not tell."""
LARGE_BYTES = 1_048_576
"""Messages and texts below this are not worth a look."""
SMALL_BYTES = 4_096
"""Who holds less is not ended: what its next answer takes may be more."""
STATM = Path("/proc/self/statm")


def resident_bytes(statm: Path = STATM) -> int:
    """Resident memory of this process, or what it usually is at its start."""
    try:
        return int(statm.read_text().split()[1]) * mmap.PAGESIZE
    except (OSError, LookupError, ValueError):
        return USUAL_BASE_BYTES


class Relief:
    """Looks after the memory of one worker.

    Attributes:
        ended: clients that were ended for what they held.
        refused: new connections that were refused.
    """

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._memory = worker.loop.memory
        self._held_back: dict[ClientLink, None] = {}
        self._wanted = False
        self.ended = 0
        self.refused = 0
        self._memory.alarm = self._alarmed

    def begin(self) -> None:
        """The doors are about to open: what is there now is what the process itself costs."""
        self._memory.add(resident_bytes() - self._memory.used_bytes)

    def _alarmed(self) -> None:
        """Somebody is holding more right now; whoever must go goes when this turn is over."""
        self._worker.loop.call_later(0.0, self._over)

    def _over(self) -> None:
        self._memory.calm()
        self._make_room(self._memory.is_over)

    def hold_back(self, client: "ClientLink") -> None:
        """Nothing more is read from a client whose request is large and cannot be passed on."""
        client.transport.pause()
        self._held_back[client] = None
        self._wanted = True

    def refusal(self) -> MemoryTight:
        """A new connection comes while memory is tight."""
        self.refused += 1
        self._wanted = True
        used = self._memory.used_bytes
        return MemoryTight(used_bytes=used, limit=self._limit())

    def look(self) -> None:
        """Once in a while: whether it is over, or somebody has to go for others."""
        memory = self._memory
        if memory.largest_bytes > LARGE_BYTES:
            kept = (client.kept_bytes for client in self._worker.clients.values())
            memory.expect_no_more_than(max(kept, default=0))
        if memory.is_tight() and self._wanted:
            self._make_room(memory.lacks_room)
        if not memory.is_tight():
            self._wanted = False
            self._go_on()

    def _go_on(self) -> None:
        """Those who were held back are read again."""
        held_back, self._held_back = self._held_back, {}
        for client in held_back:
            server = client.server
            if server is None or not server.transport.full:
                client.transport.resume()

    def _make_room(self, needed: "Callable[[], bool]") -> None:
        self._worker.shapes.forget()
        if needed():
            self._replace_servers(needed)
            self._end_holders(needed)

    def _replace_servers(self, needed: "Callable[[], bool]") -> None:
        """Server connections forget what is prepared on them: those in use when released."""
        for database in self._worker.databases.values():
            for link in links(database):
                statements = link.exchange.statements
                if statements.text_bytes < LARGE_BYTES or not needed():
                    continue
                if link.slot.state == SlotState.IDLE:
                    database.close(link)
                    statements.clear()
                else:
                    link.suspect = True

    def _end_holders(self, needed: "Callable[[], bool]") -> None:
        """Ends those who hold most, as long as it is needed."""
        holders: list[tuple[int, Holder]] = [
            (held_by(client), client) for client in self._worker.clients.values()
        ]
        holders += [(link.kept_bytes, link) for link in self._worker.entrance.logins()]
        holders.sort(key=lambda holder: holder[0], reverse=True)
        for held_bytes, holder in holders:
            self._memory.expect_no_more_than(held_bytes)
            if held_bytes < SMALL_BYTES or not needed():
                break
            self._end(holder, held_bytes)

    def _end(self, holder: "Holder", held_bytes: int) -> None:
        self.ended += 1
        used = self._memory.used_bytes
        refusal = MemoryUsedUp(held_bytes=held_bytes, used_bytes=used, limit=self._limit())
        if isinstance(holder, LoginLink):
            holder.refuse(refusal)
            return
        self._held_back.pop(holder, None)
        self._worker.log_refusal(holder, refusal)
        end_now(holder, refusal, refusal.text)

    def _limit(self) -> str:
        return str(everybody(self._worker.settings, "memory_bytes_max"))


def held_by(client: "ClientLink") -> int:
    """Bytes that end with a client, beside what every connection costs; a shared text in full."""
    server = client.server
    held_bytes = client.kept_bytes + client.transport.queued_bytes
    if server is not None:
        held_bytes += server.transport.queued_bytes
    statements = client.requests.statements
    return held_bytes + sum(len(name) + len(one.text) for name, one in statements.items())

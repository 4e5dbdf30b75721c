"""Where the server listens: asked of the supervisor, whose threads may wait for a name server.

A name is looked up anew when a server connection is opened and the last answer is older than
`LOOKUP_S_MAX`; one look-up at a time, and all who wait for it get its answer. What was known
stays good where a look-up fails.
"""

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pglane.config.hosts import hosts_of
from pglane.engine.dialer import Address

if TYPE_CHECKING:
    from pglane.engine.loop import Loop

LOOKUP_S_MAX = 1.0
"""How old a name's addresses may be when a server connection is opened."""

Then = Callable[[Sequence[Address], str], None]


class ServerAddresses:
    """The addresses of one server, or of several.

    Args:
        loop: for the time.
        send: gives a message to the supervisor.
    """

    def __init__(self, loop: "Loop", send: Callable[[dict[str, Any]], None]) -> None:
        self._loop = loop
        self._send = send
        self._known: list[Address] = []
        self._learned = 0.0
        self._waiting: list[Then] = []

    def ask(self, host: str, port: int, then: Then) -> None:
        """Calls `then` with addresses that are fresh enough, or with none and why."""
        fresh = self._loop.now - self._learned < LOOKUP_S_MAX
        named = any(is_name(each.name) for each in hosts_of(host, port))
        if self._known and (fresh or not named):
            then(self._known, "")
            return
        self._waiting.append(then)
        if len(self._waiting) == 1:
            self._send({"type": "resolve", "host": host, "port": port})

    def forget(self) -> None:
        """The server is another one."""
        self._known = []

    def learn(self, told: list[dict[str, Any]]) -> None:
        """What the supervisor found."""
        if told:
            self._known = [
                Address(a["family"], a["address"], int(a["port"]), a.get("host", "")) for a in told
            ]
            self._learned = self._loop.now

    def resolved(self, told: list[dict[str, Any]], error: str) -> None:
        """The answer to what was asked."""
        self.learn(told)
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then(self._known, error)

    def known(self) -> tuple[list[Address], float]:
        """The addresses of the last look-up, and for how many seconds they are fresh enough."""
        left_s = self._learned + LOOKUP_S_MAX - self._loop.now
        return list(self._known), max(left_s, 0.0)

    def lookup_count(self) -> int:
        """Names being looked up."""
        return min(1, len(self._waiting))


def is_name(host: str) -> bool:
    """Whether a name server must be asked: not for an address or the folder of a Unix socket."""
    if host.startswith("/"):
        return False
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return False
    return True

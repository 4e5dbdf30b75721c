# cython: boundscheck=False, wraparound=False
"""The keys with which clients cancel, and whom each means.

Keys are random and ours: 4 bytes (protocol 3.0) or 32 (3.2), and a process id that no server
process can have, for programs give it to pg_terminate_backend too: that must not hit a stranger.
"""

import secrets
from typing import TYPE_CHECKING

from pglane.engine.randomness import RandomBytes
from pglane.wire.startup import CancelRequest

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink

PROCESS_ID_MIN = 4_194_305
"""Above the largest process id that Linux gives (2^22); other systems stay far below it."""
PROCESS_IDS = 0x8000_0000 - PROCESS_ID_MIN
"""As many are left of what the protocol's signed 32 bits can hold."""
LONG_KEY_BYTES = 32
SHORT_KEY_BYTES = 4

# Compiled, these are C integers: to reckon with them costs no object.
_PROCESS_ID_MIN: int = PROCESS_ID_MIN
_PROCESS_IDS: int = PROCESS_IDS
_LONG_KEY_BYTES: int = LONG_KEY_BYTES
_SHORT_KEY_BYTES: int = SHORT_KEY_BYTES


class CancelKeys:
    """Which client a cancel request means."""

    __slots__ = ("_clients", "_random")

    def __init__(self, random: RandomBytes) -> None:
        self._random = random
        self._clients: dict[int, ClientLink] = {}

    def new_key(self, long_key: bool) -> bytes:
        """A key that nobody can guess."""
        return self._random.take(_LONG_KEY_BYTES if long_key else _SHORT_KEY_BYTES)

    def assign(self, client: "ClientLink") -> int:
        """Gives the client a process id that is not in use; what is sent with it means the client.

        Returns:
            The process id.
        """
        while True:
            process_id = _PROCESS_ID_MIN + self._random.take_number() % _PROCESS_IDS
            if process_id not in self._clients:
                self._clients[process_id] = client
                return process_id

    def withdraw(self, process_id: int) -> None:
        """The client is gone."""
        self._clients.pop(process_id, None)

    def knows(self, process_id: int) -> bool:
        """Whether a client was given this process id."""
        return process_id in self._clients

    def find(self, request: CancelRequest) -> "ClientLink | None":
        """The client with this key; compared in constant time."""
        client = self._clients.get(request.process_id)
        if client is None or not secrets.compare_digest(client.key, request.key):
            return None
        return client

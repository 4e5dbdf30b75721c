"""How many clients each user, database and door has, where one of them has a limit of its own.

Nobody is counted while there is no such limit: an application that connects for each transaction
would pay for it each time.
"""

from collections import Counter
from typing import TYPE_CHECKING

from pglane.config.limits import Limit, everybody, own_limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pglane.config.settings import Settings
    from pglane.engine.admission import Admission
    from pglane.engine.client_link import ClientLink

Key = tuple[str, str]


class ClientCounts:
    """Clients by scope and name.

    Attributes:
        active: somebody has a limit of its own; if not, nobody is counted.
    """

    def __init__(self) -> None:
        self.active = False
        self._limits: dict[Key, Limit] = {}
        self._counts: Counter[Key] = Counter()

    def apply(self, settings: "Settings", clients: "Iterable[ClientLink]") -> None:
        """The limits are others; who is there stays."""
        self.all = everybody(settings, "clients_max")
        self._limits = dict(own_limits(settings, "clients_max"))
        self.active = bool(self._limits)
        self._counts.clear()
        if self.active:
            for client in clients:
                self.enters(client)

    def full(self, admission: "Admission") -> tuple[int, Limit] | None:
        """The first limit that lets nobody more in, and how many are there."""
        for key in _keys(admission):
            limit = self._limits.get(key)
            if limit is not None and self._counts[key] >= limit.value:
                return self._counts[key], limit
        return None

    def enters(self, client: "ClientLink") -> None:
        """One more."""
        self._counts.update(_keys(client))

    def leaves(self, client: "ClientLink") -> None:
        """One less."""
        for key in _keys(client):
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]


def _keys(client: "ClientLink | Admission") -> list[Key]:
    return [
        ("user", client.user),
        ("database", client.database.name),
        ("door", client.door.NAME),
    ]

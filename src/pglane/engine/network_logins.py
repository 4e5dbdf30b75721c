"""How many clients log in from each network at this moment.

Mostly one application connects: the network seen last is counted beside the table, so that its
logins need no look into it.
"""


class NetworkLogins:
    """Counts of those that came and are not over; networks are the keys of `peer_network`."""

    __slots__ = ("_count", "_counts", "_latest")

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}  # of all but the latest, none of them 0
        self._latest = b""
        self._count = 0

    def come(self, network: bytes) -> int:
        """One more begins; how many that makes."""
        if network != self._latest:
            if self._count:
                self._counts[self._latest] = self._count
            self._latest = network
            self._count = self._counts.pop(network, 0)
        self._count += 1
        return self._count

    def go(self, network: bytes) -> None:
        """One that began is over."""
        if network == self._latest:
            self._count -= 1
            return
        left = self._counts[network] - 1
        if left:
            self._counts[network] = left
        else:
            del self._counts[network]

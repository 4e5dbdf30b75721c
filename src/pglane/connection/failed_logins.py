"""Failed logins, and how long the next proof from there is not looked at.

A user's password is tried in vain from one network: after `FREE` failures each further one makes
the next proof of this user from this network wait, longer each time, up to a limit. Proofs that
wait at once are looked at one by one, each failure making the others wait again: it is of no use
to try in parallel, or to go away early. The right password comes in when its time has come, and
ends it; the same user from elsewhere notices nothing.

Names are tried from one network: after `FREE_OF_NETWORK` failures each proof from it waits a
little, `NETWORK_DELAY_S`, side by side. That slows a search down and locks nobody out behind a
shared address. This machine itself is no such network.

A network is an IPv4 address, or the 64 bits that an IPv6 network has of one. Tables are bounded:
the oldest is forgotten for the newest. Names may be long, and are kept as their hashes.

What is logged is bounded too: the first failures each by a line, then one line per `TOLD_S`.

Rejected: to delay the answer (as `auth_delay` does): who goes away before it comes has lost
nothing. To refuse for some time: that locks users out, at the will of those who share an address.
"""

from collections.abc import Hashable
from dataclasses import dataclass

FREE = 3
"""Failures of one user from one network without a delay."""
FREE_OF_NETWORK = 30
FIRST_DELAY_S = 0.1
NETWORK_DELAY_S = 1.0
FORGET_S = 300.0
"""After so long without a failure it is as if there had been none."""
TOLD_S = 60.0
ENTRIES_MAX = 10_000
"""Of each table."""


@dataclass(slots=True)
class _Failures:
    """Of one user from one network, or of a network."""

    count: int = 0
    last: float = 0.0
    not_before: float = 0.0
    told: float = -TOLD_S
    untold: int = 0


@dataclass(frozen=True, slots=True)
class Noted:
    """What a failure led to.

    Attributes:
        by_itself: it is worth a line in the log of its own.
        summary: so many failures are worth one line now; 0: none.
        whole_network: they are of several users.
    """

    by_itself: bool = True
    summary: int = 0
    whole_network: bool = False


class FailedLogins:
    """Those of late.

    Attributes:
        any: there are some: proofs may have to wait.
        delay_s_max: the longest delay for one user from one network; 0: there are no delays.
    """

    def __init__(self) -> None:
        self._pairs: dict[Hashable, _Failures] = {}
        self._networks: dict[Hashable, _Failures] = {}
        self.any = False
        self.delay_s_max = 0.0

    def failed(self, user: str, network: bytes, *, local: bool, now: float) -> Noted:
        """A proof was wrong.

        Args:
            user: who it was to be.
            network: where it came from.
            local: that is this machine.
            now: when.
        """
        if not self.delay_s_max:
            return Noted()
        self.forget(now)
        pair = _counted(self._pairs, _pair(user, network), now)
        if pair.count > FREE:
            doublings = min(pair.count - FREE - 1, 60)
            pair.not_before = now + min(FIRST_DELAY_S * 2.0**doublings, self.delay_s_max)
        self.any = True
        whole = None if local else _counted(self._networks, network, now)
        if whole is not None and whole.count > FREE_OF_NETWORK:
            return _summed(whole, now, whole_network=True)
        return Noted() if pair.count <= FREE else _summed(pair, now, whole_network=False)

    def succeeded(self, user: str, network: bytes) -> None:
        """The user has shown to know the password."""
        self._pairs.pop(_pair(user, network), None)
        self.any = bool(self._pairs or self._networks)

    def not_before(self, user: str, network: bytes) -> float:
        """When the next proof of this user from there may be looked at."""
        known = self._pairs.get(_pair(user, network))
        return 0.0 if known is None else known.not_before

    def delay_s(self, network: bytes) -> float:
        """How long each proof from there has to wait, whoever it is of."""
        known = self._networks.get(network)
        slow = known is not None and known.count > FREE_OF_NETWORK
        return min(NETWORK_DELAY_S, self.delay_s_max) if slow else 0.0

    def forget(self, now: float) -> None:
        """What is too long ago."""
        for table in (self._pairs, self._networks):
            while table:
                oldest = next(iter(table))
                if now - table[oldest].last < FORGET_S and len(table) < ENTRIES_MAX:
                    break
                del table[oldest]
        self.any = bool(self._pairs or self._networks)


def _pair(user: str, network: bytes) -> Hashable:
    return hash(user), network


def _counted(table: dict[Hashable, _Failures], key: Hashable, now: float) -> _Failures:
    """The entry, which is the newest from now on."""
    known = table.pop(key, None) or _Failures()
    table[key] = known
    known.count += 1
    known.last = now
    return known


def _summed(failures: _Failures, now: float, *, whole_network: bool) -> Noted:
    failures.untold += 1
    if now - failures.told < TOLD_S:
        return Noted(by_itself=False)
    failures.told = now
    count, failures.untold = failures.untold, 0
    return Noted(by_itself=False, summary=count, whole_network=whole_network)

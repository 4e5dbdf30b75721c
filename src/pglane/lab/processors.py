"""Which processors the load has, and which the servers and gateways have.

Where both float, one takes the other's at moments that differ from run to run, and with two
processors that is a good part of what is measured. So the load has one for itself (it is one
thread), and PostgreSQL and whoever stands before it share all others, whoever that is: processes
inherit where they were started. Where there is one processor, or the system has no such call,
nothing is pinned, and the report says so.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Division:
    """Processors by number; the same for both: nothing is pinned."""

    load: frozenset[int]
    servers: frozenset[int]

    @property
    def told(self) -> str:
        """For who wants to repeat it."""
        if self.load == self.servers:
            return "nothing is pinned"
        load, servers = (",".join(map(str, sorted(each))) for each in (self.load, self.servers))
        return f"load on {load}, servers and gateways on {servers}"


def division(*, pinned: bool) -> Division:
    """Of the processors that we may use."""
    allowed = _allowed()
    if not pinned or len(allowed) < 2:
        return Division(allowed, allowed)
    load = frozenset({min(allowed)})
    return Division(load, allowed - load)


def count() -> int:
    """How many we may use; where the system does not say, how many there are."""
    return len(_allowed()) or os.cpu_count() or 0


def _allowed() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


@contextmanager
def on(processors: frozenset[int]) -> Iterator[None]:
    """This thread, and what it starts meanwhile, runs there."""
    before = _allowed()
    if processors == before:
        yield
        return
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

"""The best pglane against the best PgBouncer, row by row, in slices (`slices.py`).

Rounds found who is best. What is compared is measured anew: the best of several was also the
luckiest of them, and PgBouncer has more versions to be lucky with.
"""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench.end_to_end import contenders, workloads
from bench.end_to_end.cluster import DATABASE, ROLE, SUPERUSER, Cluster, tidy
from bench.end_to_end.comparison import Entry, Row, Spread, spread
from bench.end_to_end.contenders import Certificate, Contender
from bench.end_to_end.slices import Slice, take_turns
from bench.end_to_end.workloads import Workload
from pglane.lab import pgbouncer, processes

STARTS = 3
"""Of both: where its memory comes to lie makes a program faster or slower as long as it runs."""
DATABASES = ("duel_1", "duel_2")
"""One for each side; they change from start to start."""
Turn = tuple[Slice, Slice]
"""What pglane did and what PgBouncer did."""


@dataclass(frozen=True, slots=True)
class Duel:
    """One row: ratios are pglane to PgBouncer, taken within a turn.

    Attributes:
        tps_ratios: of each start, the median.
        p50_ratio, p99_ratio: of latencies.
    """

    workload: str
    pglane: str
    pgbouncer: str
    turns: int
    tps_ratio: Spread | None
    tps_ratios: list[float]
    cpu_ratio: Spread | None
    p50_ratio: Spread | None
    p99_ratio: Spread | None


@dataclass(frozen=True, slots=True)
class Arena:
    """Where they meet, and for how many turns of each start."""

    running: Cluster
    folder: Path
    turns: int
    dice: random.Random
    tls: Certificate | None

    def prepare(self) -> None:
        """Makes the databases."""
        for name in DATABASES:
            self.running.psql(
                f"CREATE DATABASE {name} TEMPLATE {DATABASE} OWNER {ROLE}",
                user=SUPERUSER,
                database="postgres",
            )

    def duel(self, row: Row) -> Duel | None:
        """None: one of them is not there.

        Raises:
            CannotStartError: one does not run, or not all of its transactions went well.
        """
        if row.pglane is None or row.pgbouncer is None:
            return None
        workload = workloads.chosen([row.workload])[0]
        starts = [
            self._start(workload, number, row.pglane, row.pgbouncer) for number in range(STARTS)
        ]
        return judged(row.workload, _name(row.pglane), _name(row.pgbouncer), starts)

    def _start(self, workload: Workload, number: int, *best: Entry) -> list[Turn]:
        folder = self.folder / f"duel-{workload.label}-{number}"
        folder.mkdir()
        processes.give_away(folder)
        with ExitStack() as stack:
            sides = []
            for side, entry in enumerate(best):
                database = DATABASES[(number + side) % len(DATABASES)]
                place = replace(self.running, database=database)
                tidy(place)
                sides.append(stack.enter_context(self._contender(place, folder, entry)))
            ours, theirs = take_turns(self.running, sides, workload, self.turns, self.dice)
        return list(zip(ours, theirs, strict=True))

    def _contender(
        self, place: Cluster, folder: Path, entry: Entry
    ) -> AbstractContextManager[Contender]:
        if entry.family == "pglane":
            return contenders.pglane(place, folder, entry.size, tls=self.tls)
        programs = {pgbouncer.version_of(program): program for program in pgbouncer.programs()}
        program = programs[entry.version]
        return contenders.pgbouncer(place, folder, program, entry.size, tls=self.tls)


def _name(entry: Entry) -> str:
    return f"{entry.version}, {entry.size}"


def judged(label: str, pglane: str, bouncer: str, starts: list[list[Turn]]) -> Duel:
    """Turns in which somebody finished nothing do not count."""
    known = [[turn for turn in start if all(one.transactions for one in turn)] for start in starts]
    turns = [turn for start in known for turn in start]
    return Duel(
        label,
        pglane,
        bouncer,
        turns=len(turns),
        tps_ratio=_ratio(turns, lambda one: one.tps),
        tps_ratios=[median(a.tps / b.tps for a, b in start) for start in known if start],
        cpu_ratio=_ratio(turns, lambda one: one.cpu_s / one.transactions),
        p50_ratio=_ratio(turns, lambda one: one.p50_ms),
        p99_ratio=_ratio(turns, lambda one: one.p99_ms),
    )


def _ratio(turns: list[Turn], value: Callable[[Slice], float]) -> Spread | None:
    pairs = [(value(ours), value(theirs)) for ours, theirs in turns]
    return spread(above / below for above, below in pairs if below)

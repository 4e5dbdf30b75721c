"""The best pglane against the best PgBouncer, row by row, in slices (`slices.py`).

Rounds say which two of each side come into question, no more: some runs of some seconds cannot
tell them apart. All four meet. Who is best of a side is found in one half of the turns and
measured in the other, both ways round: the best of several is also the luckiest of them, and
PgBouncer has more versions to be lucky with.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench.end_to_end import contenders, workloads
from bench.end_to_end.cluster import DATABASE, ROLE, SUPERUSER, Cluster, tidy
from bench.end_to_end.comparison import Entry, Spread, ranked, spread
from bench.end_to_end.contenders import Certificate, Contender
from bench.end_to_end.slices import Slice, take_turns
from bench.end_to_end.workloads import Workload
from pglane.lab import pgbouncer, processes

STARTS = 6
"""Of all: where its memory comes to lie makes a program faster or slower as long as it runs."""
RIVALS = 2
"""Of each side, at most."""
DATABASES = tuple(f"duel_{number}" for number in range(2 * RIVALS))
"""One for each; they change from start to start."""
Turn = tuple[Slice, ...]
"""What each of them did: those of pglane, then those of PgBouncer."""
Pair = tuple[Slice, Slice]
"""What pglane did and what PgBouncer did."""


@dataclass(frozen=True, slots=True)
class Duel:
    """One row: ratios are pglane to PgBouncer, taken within a turn.

    Attributes:
        pglane, pgbouncer: who was best, in either half of the turns.
        tps_ratios: of each start, the median.
        tps_total: ratio of all that was done in all turns together; None: nothing was.
        p50_ratio, p99_ratio: of latencies.
    """

    workload: str
    pglane: str
    pgbouncer: str
    turns: int
    tps_ratio: Spread | None
    tps_ratios: list[float]
    tps_total: float | None
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

    def duel(self, label: str, candidates: list[Entry]) -> Duel | None:
        """One row, from its runs in rounds; None: a side is not there.

        Raises:
            CannotStartError: one does not run, or not all of its transactions went well.
        """
        workload = workloads.chosen([label])[0]
        ours, theirs = (
            rivals([entry for entry in candidates if entry.family == family], workload.clients)
            for family in ("pglane", "pgbouncer")
        )
        if not ours or not theirs:
            return None
        starts = [self._start(workload, number, [*ours, *theirs]) for number in range(STARTS)]
        return judged(label, [*map(_name, ours)], [*map(_name, theirs)], starts)

    def _start(self, workload: Workload, number: int, entries: list[Entry]) -> list[Turn]:
        folder = self.folder / f"duel-{workload.label}-{number}"
        folder.mkdir()
        processes.give_away(folder)
        with ExitStack() as stack:
            sides = []
            for side, entry in enumerate(entries):
                place = replace(self.running, database=DATABASES[(number + side) % len(entries)])
                tidy(place)
                own = folder / str(side)
                own.mkdir()
                processes.give_away(own)
                sides.append(stack.enter_context(self._contender(place, own, entry)))
            done = take_turns(self.running, sides, workload, self.turns, self.dice)
        return list(zip(*done, strict=True))

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


def rivals(candidates: list[Entry], clients: int) -> list[Entry]:
    """The best in rounds; of those that differ in server connections nobody uses, one."""
    found: dict[tuple[str, int], Entry] = {}
    for entry in ranked(candidates):
        found.setdefault((entry.version, min(entry.size, clients)), entry)
    return list(found.values())[:RIVALS]


def judged(
    label: str, ours: list[str], theirs: list[str], starts: Sequence[Sequence[Turn]]
) -> Duel:
    """Turns in which somebody finished nothing do not count."""
    known = [[turn for turn in start if all(one.transactions for one in turn)] for start in starts]
    halves = [[turn for start in known for turn in start[half::2]] for half in (0, 1)]
    sides = (range(len(ours)), range(len(ours), len(ours) + len(theirs)))
    chosen = [[_best(side, other) for side in sides] for other in reversed(halves)]
    met = [
        [(turn[chosen[at % 2][0]], turn[chosen[at % 2][1]]) for at, turn in enumerate(start)]
        for start in known
    ]
    pairs = [pair for start in met for pair in start]
    names = [*ours, *theirs]
    pglane, bouncer = (" or ".join({names[pick[side]]: "" for pick in chosen}) for side in (0, 1))
    return Duel(
        label,
        pglane,
        bouncer,
        turns=len(pairs),
        tps_ratio=_ratio(pairs, lambda one: one.tps),
        tps_ratios=[median(a.tps / b.tps for a, b in start) for start in met if start],
        tps_total=_tps(a for a, _ in pairs) / _tps(b for _, b in pairs) if pairs else None,
        cpu_ratio=_ratio(pairs, lambda one: one.cpu_s / one.transactions),
        p50_ratio=_ratio(pairs, lambda one: one.p50_ms),
        p99_ratio=_ratio(pairs, lambda one: one.p99_ms),
    )


def _best(side: range, turns: list[Turn]) -> int:
    """Whose throughput is highest in all of these turns together; the first, of none."""
    return max(side, key=lambda place: _tps(turn[place] for turn in turns))


def _tps(slices: Iterable[Slice]) -> float:
    """Of all together; 0 of none."""
    all_ = list(slices)
    seconds = sum(one.seconds for one in all_)
    return sum(one.transactions for one in all_) / seconds if seconds else 0.0


def _ratio(pairs: list[Pair], value: Callable[[Slice], float]) -> Spread | None:
    values = [(value(ours), value(theirs)) for ours, theirs in pairs]
    return spread(above / below for above, below in values if below)

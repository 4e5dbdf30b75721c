"""Contenders side by side in short slices, so that noise meets all of them alike.

Each has a pgbench of its own that connects once; while one runs, the others stand still (SIGSTOP).
What a shared machine takes away, it takes for longer than a turn of all; so it is nearly the same
for those who are compared, which it is not from one run of some seconds to the next.

Who stands still in a transaction keeps its locks: writers need tables of their own.
"""

import random
import signal
import subprocess
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.end_to_end import pgbench
from bench.end_to_end.cluster import Cluster
from bench.end_to_end.contenders import Contender
from bench.end_to_end.workloads import Workload
from pglane.lab.processes import CannotStartError

SETTLE_S = 0.01
"""What was asked for before a stop is answered meanwhile."""
START_S_MAX = 60.0
END_S_MAX = 60.0
POLL_S = 0.02
UNTIL_TOLD = "-T1000000"


@dataclass(frozen=True, slots=True)
class Slice:
    """What a contender did in its part of a turn.

    Attributes:
        cpu_s: of all its processes.
        p50_ms, p99_ms: latency of the transactions that no stop interrupted.
    """

    seconds: float
    transactions: int
    cpu_s: float
    p50_ms: float
    p99_ms: float

    @property
    def tps(self) -> float:
        """Transactions a second."""
        return self.transactions / self.seconds


@dataclass(frozen=True, slots=True)
class Span:
    """When a slice began and ended, in seconds of the epoch, and its CPU seconds."""

    begin: float
    end: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Driven:
    """A contender and its pgbench; `folder` is where that writes down its transactions."""

    contender: Contender
    process: subprocess.Popen[str]
    folder: Path

    def has_finished_some(self) -> bool:
        """Whether a transaction was written down."""
        return any(path.stat().st_size for path in self.folder.iterdir())

    def run(self, slice_s: float) -> Span:
        """Goes on for a slice, then stands still."""
        before_s = self.contender.cpu_s()
        begin = time.time()
        self.process.send_signal(signal.SIGCONT)
        time.sleep(slice_s)
        self.process.send_signal(signal.SIGSTOP)
        end = time.time()
        time.sleep(SETTLE_S)
        return Span(begin, end, self.contender.cpu_s() - before_s)

    def end(self) -> None:
        """As when its time is over: that is an alarm for pgbench, too.

        Raises:
            CannotStartError: not all of its transactions went well.
        """
        self.process.send_signal(signal.SIGALRM)
        self.process.send_signal(signal.SIGCONT)
        try:
            output, errors = self.process.communicate(timeout=END_S_MAX)
        except subprocess.TimeoutExpired as late:
            raise CannotStartError(f"{self.contender.name}: pgbench does not end") from late
        if wrong := pgbench.complaint(self.process.returncode, output, errors):
            raise CannotStartError(f"{self.contender.name}: {wrong}")


@contextmanager
def driven(cluster: Cluster, contender: Contender, workload: Workload) -> Iterator[Driven]:
    """Its pgbench, connected, warm, and standing still.

    Raises:
        CannotStartError: it finishes no transaction.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            pgbench.command(cluster, contender, workload, [UNTIL_TOLD, *pgbench.logging(folder)]),
            env=pgbench.environment(cluster, contender),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            one = Driven(contender, process, Path(folder))
            _await_first(one)
            process.send_signal(signal.SIGSTOP)
            yield one
        finally:
            process.kill()
            process.communicate()


def _await_first(one: Driven) -> None:
    limit = time.monotonic() + START_S_MAX
    while not one.has_finished_some():
        if one.process.poll() is not None or time.monotonic() > limit:
            one.process.kill()
            errors = one.process.communicate()[1].strip()
            raise CannotStartError(f"{one.contender.name}: no transaction was finished: {errors}")
        time.sleep(POLL_S)


def take_turns(
    cluster: Cluster,
    contenders: list[Contender],
    workload: Workload,
    turns: int,
    dice: random.Random,
) -> list[list[Slice]]:
    """The slices of each contender, turn by turn; within a turn the order is random.

    Raises:
        CannotStartError: pgbench did not run, or not all of its transactions went well.
    """
    with ExitStack() as stack:
        sides = [stack.enter_context(driven(cluster, one, workload)) for one in contenders]
        spans: list[list[Span]] = [[] for _ in sides]
        places = list(range(len(sides)))
        for _ in range(turns):
            dice.shuffle(places)
            for place in places:
                spans[place].append(sides[place].run(workload.slice_s))
        for side in sides:
            side.end()
        return [cut(own, finished(side.folder)) for own, side in zip(spans, sides, strict=True)]


def finished(folder: Path) -> list[tuple[float, int]]:
    """When each transaction ended, in seconds of the epoch, and how many µs it took; in order."""
    found: list[tuple[float, int]] = []
    for path in folder.iterdir():
        with path.open() as lines:
            for line in lines:
                _, _, took_us, _, second, micro = line.split()[:6]
                found.append((int(second) + int(micro) / 1e6, int(took_us)))
    return sorted(found)


def cut(spans: list[Span], ended: list[tuple[float, int]]) -> list[Slice]:
    """Transactions count where they ended."""
    return [_slice(span, ended) for span in spans]


def _slice(span: Span, ended: list[tuple[float, int]]) -> Slice:
    first, last = (bisect_left(ended, (at, 0)) for at in (span.begin, span.end))
    whole = sorted(us for at, us in ended[first:last] if at - us / 1e6 >= span.begin)
    p50_ms, p99_ms = (pgbench.quantile_ms(whole, part) if whole else 0.0 for part in (0.5, 0.99))
    return Slice(span.end - span.begin, last - first, span.cpu_s, p50_ms, p99_ms)

"""Memory and descriptors of each process of the gateway, as curves."""

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil

from tests.soak.leaks import DESCRIPTORS_GROWTH_MAX, MEMORY_GROWTH_MAX, Trend, trend


@dataclass(frozen=True)
class Sample:
    """One process at one moment.

    Attributes:
        at_s: seconds since the load began.
        role: "supervisor" or "worker".
    """

    at_s: float
    role: str
    pid: int
    resident_bytes: int
    descriptors: int
    threads: int
    cpu_s: float


def sample(at_s: float, supervisor_pid: int) -> list[Sample]:
    """The supervisor and its workers, as far as they run."""
    top = psutil.Process(supervisor_pid)
    found = []
    for process in [top, *top.children(recursive=True)]:
        try:
            with process.oneshot():
                times = process.cpu_times()
                found.append(
                    Sample(
                        round(at_s, 1),
                        "supervisor" if process.pid == supervisor_pid else "worker",
                        process.pid,
                        process.memory_info().rss,
                        process.num_fds(),
                        process.num_threads(),
                        round(times.user + times.system, 2),
                    )
                )
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # a worker that was killed just now
    return found


class Curves:
    """All samples, by process."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def add(self, samples: Iterable[Sample]) -> None:
        self.samples += samples

    def processes(self) -> list[tuple[str, int]]:
        return list(dict.fromkeys((one.role, one.pid) for one in self.samples))

    def of(self, pid: int, value: str) -> list[tuple[float, float]]:
        """The curve of one process: `value` is a field of `Sample`."""
        return [(one.at_s, float(getattr(one, value))) for one in self.samples if one.pid == pid]

    def trends(self) -> list[tuple[str, int, str, Trend, bool]]:
        """Role, process, what, how it moves, whether that is a leak."""
        limits = {"resident_bytes": MEMORY_GROWTH_MAX, "descriptors": DESCRIPTORS_GROWTH_MAX}
        found = []
        for role, pid in self.processes():
            for value, growth_max in limits.items():
                moves = trend(self.of(pid, value))
                found.append((role, pid, value, moves, moves.is_leak(growth_max)))
        return found

    def write(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(field.name for field in fields(Sample))
            writer.writerows(astuple(one) for one in self.samples)

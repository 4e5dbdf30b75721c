"""What `/proc` says about processes and the machine (proc(5)); Linux only."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SCHEDULER_CLOCK = 2
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Indexes behind the command name in /proc/PID/stat, which ends with the last ')'.
PARENT = 1
REAPED = slice(13, 15)
# Indexes in the first line of /proc/stat.
IDLE, IOWAIT, STEAL, GUEST = 3, 4, 7, 8


@dataclass(frozen=True, slots=True)
class MachineTimes:
    """Seconds of all cores since boot: in use by somebody, taken by the hypervisor, altogether."""

    busy_s: float
    stolen_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a tree of processes, in bytes; PSS counts shared pages once."""

    resident_bytes: int
    proportional_bytes: int


def _stat_fields(pid: int) -> list[str]:
    """Fields behind the command name; [] when the process is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """Process ids of `root` and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))):
            children.setdefault(int(fields[PARENT]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def cpu_s(root: int) -> float:
    """CPU seconds of a tree of processes: user and system, reaped children included."""
    return sum(_process_cpu_s(pid) for pid in tree(root))


def _process_cpu_s(pid: int) -> float:
    """Its own time to the nanosecond, that of its reaped children to the tick; 0 when it is gone.

    The clock's number is what clock_getcpuclockid(3) computes; it is the sum that utime and stime
    of /proc/PID/stat round down to hundredths of a second.
    """
    try:
        own_s = time.clock_gettime((~pid << 3) | SCHEDULER_CLOCK)
    except OSError:
        return 0.0
    return own_s + sum(int(ticks) for ticks in _stat_fields(pid)[REAPED]) / TICKS_PER_S


def machine_times() -> MachineTimes:
    """Of the whole machine, since boot."""
    line = (PROC / "stat").read_text().partition("\n")[0]
    # Guest time is counted in user time already.
    ticks = [int(field) for field in line.split()[1:]][:GUEST]
    unused = ticks[IDLE] + ticks[IOWAIT] + ticks[STEAL]
    return MachineTimes(
        busy_s=(sum(ticks) - unused) / TICKS_PER_S,
        stolen_s=ticks[STEAL] / TICKS_PER_S,
        total_s=sum(ticks) / TICKS_PER_S,
    )


def memory(root: int) -> Memory:
    """Of a tree of processes; needs the right to read their smaps (same user or root)."""
    resident = proportional = 0
    for pid in tree(root):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Rss":
                resident += int(rest.split()[0]) * 1024
            elif name == "Pss":
                proportional += int(rest.split()[0]) * 1024
    return Memory(resident, proportional)


def cpu_model() -> str:
    """The processor's name as the kernel tells it."""
    for line in (PROC / "cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown"

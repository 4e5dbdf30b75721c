"""A postmaster that somebody left behind: read its pid file, tell whether it lives, end it.

PostgreSQL writes `postmaster.pid` into its data directory: process id, data directory, start time,
port, socket folder, address, shared memory, status, one a line (source: PostgreSQL's
src/include/utils/pidfile.h). After a `kill -9` of pglane the server runs on without us; after a
power cut the file stays without a server, and its number may by now belong to a stranger, which
PostgreSQL itself cannot tell and refuses to start. On Linux the working directory of the process
tells: a postmaster's is its data directory.
"""

import os
import select
import signal
import subprocess
import time
from pathlib import Path

PID_FILE = "postmaster.pid"
PROCESSES = Path("/proc")
POLL_S = 0.05
FAST = signal.SIGINT
IMMEDIATE = signal.SIGQUIT


def recorded_pid(data: Path) -> int | None:
    """The process id in the pid file; None when there is no file or no number."""
    try:
        first = (data / PID_FILE).read_text().split("\n", 1)[0]
        return abs(int(first)) or None
    except (OSError, ValueError):
        return None


def is_alive(pid: int) -> bool:
    """True when there is a process of this number, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_postmaster(pid: int, data: Path) -> bool:
    """True when the living process `pid` is the postmaster of `data`, or one of its backends."""
    if PROCESSES.is_dir():
        try:
            return (PROCESSES / str(pid) / "cwd").readlink() == data.resolve()
        except OSError:
            return False
    asked = ["/bin/ps", "-p", str(pid), "-o", "command="]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    return str(data) in told.stdout


def survivors_leave(data: Path, seconds: float) -> bool:
    """Waits for backends of `data` whose postmaster was killed: they notice, and end.

    Only on Linux can they be found; elsewhere PostgreSQL says that its memory is still in use.

    Returns:
        False when one still lives after `seconds`.
    """
    deadline = time.monotonic() + seconds
    numbers = [int(entry.name) for entry in PROCESSES.glob("[0-9]*")]
    return all(
        _gone_within(pid, deadline - time.monotonic())
        for pid in numbers
        if is_postmaster(pid, data)
    )


def end(pid: int, fast_s_max: float, immediate_s_max: float) -> bool:
    """Ends a postmaster that is no child of ours: fast shutdown, then immediate.

    Returns:
        False when it still lives after both.
    """
    for wanted, seconds in ((FAST, fast_s_max), (IMMEDIATE, immediate_s_max)):
        try:
            os.kill(pid, wanted)
        except ProcessLookupError:
            return True
        if _gone_within(pid, seconds):
            return True
    return False


def _gone_within(pid: int, seconds: float) -> bool:
    """Waits for the end of a process that is no child of ours."""
    if hasattr(os, "pidfd_open"):
        try:
            watched = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        except OSError:
            return _gone_by_asking(pid, seconds)
        try:
            waiting = select.poll()
            waiting.register(watched, select.POLLIN)
            return bool(waiting.poll(max(0, seconds) * 1000))
        finally:
            os.close(watched)
    return _gone_by_asking(pid, seconds)


def _gone_by_asking(pid: int, seconds: float) -> bool:
    """For systems without process descriptors, where the end of a stranger is no event."""
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], POLL_S)
    return True

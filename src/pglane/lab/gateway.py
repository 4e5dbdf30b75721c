"""pglane as something to compare: started by its own command line, with its ports read from it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pglane.lab import processes
from pglane.version import VERSION, compiled

DOORS = ("transaction", "session", "direct")


@dataclass(frozen=True, slots=True)
class Running:
    """One that runs: the port of each door, and the root of its tree of processes."""

    ports: Mapping[str, int]
    pid: int


def version_told() -> str:
    """Its number, and whether the compiled modules are what runs."""
    return f"{VERSION} ({'compiled' if compiled() else 'pure Python'})"


def ports_told(text: str) -> dict[str, int]:
    """Ports by door, from lines `transaction  postgresql://…  what it is for`."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in DOORS and words[1].startswith("postgres"):
            found[words[0]] = urlsplit(words[1]).port or 0
    return found


@contextmanager
def running(
    folder: Path, name: str, options: Sequence[str], environment: Mapping[str, str]
) -> Iterator[Running]:
    """`pglane up` with these options, on free ports; its log is `folder/name.log`.

    Raises:
        CannotStartError: it did not come up.
    """
    log = folder / f"{name}.log"
    log.write_text("")
    argv = [sys.executable, "-m", "pglane", "up", *options]
    for door in DOORS:
        argv += [f"--{door}-port", "0"]
    told = {
        "XDG_STATE_HOME": str(folder / f"{name}-state"),
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        **environment,
    }
    process = processes.spawn(argv, log=log, environment=told, demoted=False)
    try:
        processes.await_start(
            process, lambda: len(ports_told(log.read_text())) == len(DOORS), log, "pglane"
        )
        yield Running(ports_told(log.read_text()), process.pid)
    finally:
        processes.stop(process)

"""PgBouncer as something to compare with: found, told its version, started, stopped.

The system's is taken, and a newer one that the environment or an option names. It is not needed:
who has none gets comparisons without it.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pglane.lab import processes

NEWER = "PGLANE_BENCH_PGBOUNCER"
"""Variable that names a newer PgBouncer than the system's."""
SYSTEM = Path("/usr/sbin/pgbouncer")
TRACKS_PREPARED_SINCE = (1, 21)
"""The first version that follows prepared statements of the protocol in transaction mode."""
ALWAYS = {
    "listen_addr": "127.0.0.1",
    "unix_socket_dir": "",
    "log_connections": "0",
    "log_disconnections": "0",
    "log_stats": "0",
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What goes into its files.

    Attributes:
        databases: connection string by entry.
        users: password or verifier by name.
        settings: lines of its own section.
        limits: lines of its users' section, by name.
    """

    databases: Mapping[str, str]
    users: Mapping[str, str]
    settings: Mapping[str, str]
    limits: Mapping[str, str]

    def text(self, port: int, users: Path) -> str:
        """The file."""
        lines = ["[databases]"]
        lines += [f"{name} = {value}" for name, value in self.databases.items()]
        lines += ["[users]", *(f"{name} = {value}" for name, value in self.limits.items())]
        settings = {**ALWAYS, "listen_port": str(port), "auth_file": str(users), **self.settings}
        lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in settings.items())]
        return "\n".join([*lines, ""])


@dataclass(frozen=True, slots=True)
class Running:
    """One that runs."""

    port: int
    pid: int
    version: str


def version_of(program: Path) -> str:
    """`1.18.0`.

    Raises:
        CannotStartError: it is not there, or not PgBouncer.
    """
    try:
        said = subprocess.run(  # noqa: S603 -- the program that the caller chose, no shell
            [program, "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise processes.CannotStartError(f"PgBouncer {program.name}: {error}") from error
    found = re.search(r"PgBouncer (\d+\.\d+(\.\d+)?)", said.stdout)
    if not found:
        raise processes.CannotStartError(
            f"this is not PgBouncer: it calls itself {said.stdout[:40]!r}"
        )
    return found[1]


def tracks_prepared(version: str) -> bool:
    """Whether it follows prepared statements in transaction mode."""
    return tuple(int(part) for part in version.split(".")[:2]) >= TRACKS_PREPARED_SINCE


def programs() -> list[Path]:
    """The system's, if there is one, and a newer one that the environment names."""
    found = SYSTEM if SYSTEM.is_file() else Path(shutil.which("pgbouncer") or "")
    newer = os.environ.get(NEWER)
    return [*([found] if found.is_file() else []), *([Path(newer)] if newer else [])]


@contextmanager
def running(program: Path, folder: Path, configuration: Configuration) -> Iterator[Running]:
    """Started in `folder`, killed at the end: it holds nothing that could be lost.

    Raises:
        CannotStartError: it did not come up.
    """
    version = version_of(program)
    port = processes.free_port()
    config = folder / f"pgbouncer-{port}.ini"
    users, log = config.with_suffix(".users"), config.with_suffix(".log")
    users.touch(mode=0o600)
    users.write_text(
        "".join(f'"{name}" "{secret}"\n' for name, secret in configuration.users.items())
    )
    config.write_text(configuration.text(port, users))
    for path in (users, config):
        processes.give_away(path)
    process = processes.spawn([program, "--quiet", config], log=log, environment={}, demoted=True)
    try:
        processes.await_start(
            process, lambda: processes.accepts(port), log, f"PgBouncer {version}"
        )
        yield Running(port, process.pid, version)
    finally:
        processes.stop(process, signal.SIGKILL)

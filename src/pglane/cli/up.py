"""`pglane up`: find the database, start one if there is none, open the doors, stay.

The order of the end is the reverse of the start: doors first, the embedded PostgreSQL after them.
Until the supervisor has its own handlers, and again while PostgreSQL stops, a TERM counts as an
INT, and nothing leaves a PostgreSQL behind.
"""

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from pglane.cli import assembly, screen
from pglane.cli.password_verifiers import PasswordVerifiers
from pglane.config import rules
from pglane.config.hosts import servers_text
from pglane.config.settings import Settings
from pglane.config.uri import Server, read_uri
from pglane.control.supervisor import Supervisor
from pglane.doors import lane_plan
from pglane.postgres.binaries import find_binaries
from pglane.postgres.cluster import ACCOUNT, Cluster
from pglane.postgres.state import default_data_dir
from pglane.version import VERSION, compiled

UNCOMPILED = (
    "pglane runs uncompiled here, and several times slower: "
    "install a C compiler (gcc or clang), then run: make clean setup"
)
EMBEDDED = "the embedded PostgreSQL"


def run(arguments: argparse.Namespace) -> int:
    """Serves until a signal ends it.

    Raises:
        RefusedError: it cannot start; with everything that stands against it.
    """
    gathered = assembly.gather(arguments, os.environ)
    for note in gathered.loaded.notes:
        screen.warn(note)
    if not compiled():
        screen.warn(UNCOMPILED)
    with _term_as_interrupt(), contextlib.ExitStack() as undone:
        server = gathered.server
        cluster: Cluster | None = None
        if not gathered.origin:
            gathered.origin = EMBEDDED
            cluster = undone.enter_context(_embedded(arguments))
            server = read_uri(cluster.uri, EMBEDDED, {})
        verifiers = PasswordVerifiers()
        settings = assembly.settle(gathered, server, verifiers)
        for note in (*rules.notes(settings), *lane_plan.notes(settings)):
            screen.warn(note)
        screen.say(_headline(settings, gathered.origin))
        return _serve(arguments, settings, server, cluster, verifiers)


def _serve(
    arguments: argparse.Namespace,
    settings: Settings,
    server: Server | None,
    cluster: Cluster | None,
    verifiers: PasswordVerifiers,
) -> int:
    """Runs the supervisor. A reload reads the same sources again; the embedded server stays.

    When the embedded server ends by itself, so do we: whoever starts us again recovers its data.
    """
    embedded = cluster is not None

    def on_ready(addresses: Mapping[str, Sequence[str]]) -> None:
        screen.show_doors(settings, addresses, with_password=embedded)

    def reload() -> Settings:
        again = assembly.gather(arguments, os.environ)
        return assembly.settle(again, server if embedded else again.server, verifiers)

    missing = cluster.ended if cluster is not None else lambda: None
    supervisor = Supervisor(
        settings,
        on_ready=on_ready,
        reload=reload,
        missing=missing,
        locked_out=cluster.locked_out if cluster is not None else None,
    )
    return asyncio.run(supervisor.run())


def _headline(settings: Settings, origin: str) -> str:
    place = settings.server_host
    if "," not in place and not place.startswith("/"):
        place = servers_text(place, settings.server_port)
    return f"pglane {VERSION} before {settings.server_database} at {place} (from {origin})"


@contextlib.contextmanager
def _embedded(arguments: argparse.Namespace) -> Iterator[Cluster]:
    """The embedded PostgreSQL while it runs."""
    cluster = Cluster(
        arguments.data_dir or default_data_dir(),
        find_binaries(arguments.postgres_bin),
        arguments.postgres_user or ACCOUNT,
        note=screen.warn,
        say=screen.say,
    )
    cluster.start()
    try:
        yield cluster
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        cluster.stop()


@contextlib.contextmanager
def _term_as_interrupt() -> Iterator[None]:
    """TERM ends the start-up as Ctrl-C does; the supervisor replaces both for its own time."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

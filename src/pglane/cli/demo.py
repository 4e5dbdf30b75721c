"""`pglane demo`: what this is about, in half a minute and without reading anything."""

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from pglane.lab import contenders, database, demo, pgbouncer, processes
from pglane.lab.contenders import PER_USER, PGLANE, Contender
from pglane.lab.scenarios.market import MARKETPLACE
from pglane.lab.terminal import console as made_console

STAND_IN = (
    "No PgBouncer on this machine: pools of our own, one for each user, stand in for it. They "
    "hand a connection on as it does."
)
NEXT = "Figures: pglane lab run otp-under-flood. A gateway of your own: pglane up."


def run(arguments: argparse.Namespace) -> int:
    """Plays it; 0 when it could be played."""
    processes.end_on_sigterm()
    console = made_console()
    programs = [arguments.pgbouncer] if arguments.pgbouncer else pgbouncer.programs()[-1:]
    variant = MARKETPLACE.variants[0]
    try:
        with database.running(arguments.postgres_bin) as server, contextlib.ExitStack() as undone:
            console.print("starting a PostgreSQL and two ways to reach it ...", style="dim")
            asyncio.run(server.make())
            asyncio.run(server.admit(contenders.roles(variant)))
            sides = []
            for name, one in pair(programs):
                running = contenders.running(one, MARKETPLACE, variant, server)
                sides.append((name, undone.enter_context(running).clients))
            both = demo.watch(console, sides, arguments.seconds)
    except processes.CannotStartError as reason:
        print(f"pglane demo: {reason}", file=sys.stderr)
        return 1
    demo.conclude(console, both, arguments.seconds)
    if not programs:
        console.print(STAND_IN)
    console.print(NEXT, style="dim")
    return 0


def pair(programs: list[Path]) -> list[tuple[str, Contender]]:
    """Left and right."""
    left = Contender(PER_USER)
    name = "a pool per user"
    for program in programs:
        version = pgbouncer.version_of(program)
        left = Contender(f"PgBouncer {version}", "a user each", program)
        name += f" (PgBouncer {version})"
    return [(name, left), ("lanes (pglane)", Contender(PGLANE, "lanes, a user each"))]

"""`pglane lab`: plays scenarios on a real PostgreSQL and says who waited.

A table for each appears on the terminal, and a folder gets `report.html` with plots, and
`results.json`. Exit code 1: a target of this gateway was missed.
"""

import argparse
import asyncio
import os
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from pglane.lab import campaign, database, pgbouncer, processes, processors, scenarios, terminal
from pglane.lab.campaign import Extent
from pglane.lab.circumstances import Circumstances, load_average, look
from pglane.lab.page import page
from pglane.lab.record import as_json
from pglane.lab.scenario import Run, Scenario

HELD, MISSED, NOT_UNDERSTOOD = 0, 1, 2
FILES_MAX = 4096
NO_PGBOUNCER = "PgBouncer: none was found on this machine (install it, or --pgbouncer PROGRAM)"


def run(arguments: argparse.Namespace) -> int:
    """Plays what was asked for, or lists what there is."""
    if arguments.what == "list":
        for one in scenarios.ALL:
            print(f"{one.number:<4} {one.name:<24} {one.title}")
        return HELD
    try:
        chosen = scenarios.chosen(arguments.names)
    except ValueError as unknown:
        print(f"pglane lab: {unknown}", file=sys.stderr)
        return NOT_UNDERSTOOD
    processes.raise_file_limit(FILES_MAX)
    processes.end_on_sigterm()
    programs = arguments.pgbouncer or pgbouncer.programs()
    missing = [] if programs else [NO_PGBOUNCER]
    seed = random.randrange(1_000_000) if arguments.seed is None else arguments.seed  # noqa: S311
    extent = Extent(arguments.rounds, arguments.seconds, seed, tuple(programs), lanes=True)
    console = terminal.console()
    try:
        where, runs = _play(chosen, extent, console, arguments)
    except processes.CannotStartError as reason:
        print(f"pglane lab: {reason}", file=sys.stderr)
        return MISSED
    found = [verdict for one in chosen for verdict in terminal.show(console, one, runs)]
    for line in missing:
        console.print(f"Not compared: {line}")
    folder = arguments.output or default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(page(chosen, runs, where, missing))
    (folder / "results.json").write_text(as_json(chosen, runs, where))
    console.print(f"\nreport: {folder / 'report.html'}", soft_wrap=True)
    return HELD if all(verdict.held for verdict in found) else MISSED


def _play(
    chosen: list[Scenario], extent: Extent, console: Console, arguments: argparse.Namespace
) -> tuple[Circumstances, list[Run]]:
    """All runs, on a PostgreSQL that lives as long as they do."""
    by_name = {one.name: one for one in chosen}
    plays = list(campaign.plan(chosen, extent))
    console.print(f"{len(plays)} runs")
    terminal.show_ways(console, chosen)
    divided = processors.division(pinned=not arguments.float)
    before = load_average()
    with processors.on(divided.servers), database.running(arguments.postgres_bin) as server:
        asyncio.run(server.make())
        runs = campaign.play_all(
            plays,
            server,
            extent.seconds,
            lambda one: terminal.show_run(console, by_name[one.scenario], one),
            divided,
        )
        where = replace(
            look(["pglane", *sys.argv[1:]], server.version, extent.rounds, extent.seed),
            pinned=divided.told,
            load_before=before,
        )
    return where, runs


def default_folder() -> Path:
    """A new one for this run, below the XDG state folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "pglane" / "lab" / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}"

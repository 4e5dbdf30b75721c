"""The bleed matrix: PgBouncer shows each fault, the transaction door none.

PGLANE_BENCH_PGBOUNCER names a newer PgBouncer to be measured too. PGLANE_WRITE_MATRIX writes
docs/reference/bleed-matrix.md (`make bleed`); otherwise the page must say what was measured.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bleed import REFUSED, SAME, Conversation, Heard, cell, faults, page
from tests.support.bleed_rows import ROWS, SEEDED, SETUP, Row
from tests.support.gateway import Gateway
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

pytestmark = pytest.mark.gateway
NEWER = os.environ.get("PGLANE_BENCH_PGBOUNCER", "")
PROGRAMS = {"Debian's": PROGRAM, **({"newest": Path(NEWER)} if NEWER else {})}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "bleed-matrix.md"
COLUMNS = ("PgBouncer 1.18.0", "PgBouncer 1.25.2", "pglane")
PAGE_SERVER = "18"
VERSIONS = "Measured on PostgreSQL 18."
SOUND_SINCE = (1, 21)
"""It keeps what the protocol prepares, and IntervalStyle, per client."""
measured: dict[tuple[str, str], str] = {}
"""Cells of the page by row and column."""


@pytest.fixture(scope="module")
def bleeding(cluster: PostgresCluster) -> PostgresCluster:
    cluster.admin("CREATE DATABASE bleed OWNER app")
    cluster.admin(SETUP, database="bleed")
    return cluster


@pytest.fixture(scope="module")
def seeded(bleeding: PostgresCluster) -> str:
    """The first random number after setseed(0.5)."""
    with ScriptedClient.login(bleeding.target(database="bleed")) as client:
        return str(rows(client.query(SEEDED))[0][1])


@pytest.fixture(scope="module")
def door(bleeding: PostgresCluster) -> Iterator[Target]:
    one = Gateway(bleeding, ("--budget", "8", "--rotate", "2"))
    try:
        yield one.start().target("transaction", database="bleed")
        assert "Traceback" not in one.log(), one.log()
    finally:
        one.destroy()


def _hold(row: Row, target: Target, seeded: str, truth: Heard | None = None) -> Heard:
    with Conversation(row, target, seeded) as conversation:
        return conversation.hold(truth.notifications if truth else None)


def _version(program: Path) -> str:
    told = subprocess.run([str(program), "-V"], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]


def _note(row: Row, column: str, version: str, told: str) -> None:
    if version == PAGE_SERVER:
        measured[row.what, column] = told


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what.replace(" ", "-"))
@pytest.mark.parametrize("which", PROGRAMS)
def test_pgbouncer_shows_the_fault(
    bleeding: PostgresCluster, seeded: str, row: Row, which: str
) -> None:
    if not PROGRAMS[which].exists():
        pytest.skip(f"no {PROGRAMS[which]}")
    version = _version(PROGRAMS[which])
    truth = _hold(row, bleeding.target(database="bleed"), seeded)
    one = PgBouncer(bleeding, "transaction", 2, program=PROGRAMS[which])
    try:
        seen = _hold(row, one.start().target(database="bleed"), seeded)
    finally:
        one.stop()
    _note(row, f"PgBouncer {version}", bleeding.version, cell(truth, seen))
    recent = tuple(map(int, version.split(".")[:2])) >= SOUND_SINCE
    sound = row.sound == "always" or (recent and row.sound == "newest")
    assert bool(faults(truth, seen)) is not sound, cell(truth, seen)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what.replace(" ", "-"))
def test_the_transaction_door_shows_none(
    bleeding: PostgresCluster, door: Target, seeded: str, row: Row
) -> None:
    truth = _hold(row, bleeding.target(database="bleed"), seeded)
    seen = _hold(row, door, seeded, truth)
    _note(row, COLUMNS[2], bleeding.version, cell(truth, seen))
    assert not faults(truth, seen)


def test_the_page_says_what_was_measured(bleeding: PostgresCluster) -> None:
    if bleeding.version != PAGE_SERVER:
        pytest.skip(f"the page is of PostgreSQL {PAGE_SERVER}")
    known = _cells(PAGE.read_text()) if PAGE.exists() else {}
    cells = {
        row.what: tuple(
            _cell(known.get((row.what, column)), measured.get((row.what, column)))
            for column in COLUMNS
        )
        for row in ROWS
    }
    fresh = page(COLUMNS, cells, VERSIONS)
    if os.environ.get("PGLANE_WRITE_MATRIX"):
        PAGE.write_text(fresh)
    assert PAGE.read_text() == fresh, "stale: make bleed"


def _cell(said: str | None, found: str | None) -> str:
    """What should stand there; it may say less than what was found works, never more."""
    if found is None or (found == SAME and said and said.startswith(REFUSED)):
        return said or "not measured"
    return found


def _cells(text: str) -> dict[tuple[str, str], str]:
    found = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(parts) == len(COLUMNS) + 1:
            found.update({(parts[0], c): told for c, told in zip(COLUMNS, parts[1:], strict=True)})
    return found

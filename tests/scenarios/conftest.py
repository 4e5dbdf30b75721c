"""A PostgreSQL of the lab, shared by its short scenarios."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pglane.lab import campaign, database, pgbouncer
from pglane.lab.campaign import Play
from pglane.lab.contenders import Contender
from pglane.lab.database import Database
from pglane.lab.scenario import Run, Scenario

Short = Callable[..., Run]


@pytest.fixture(scope="session")
def lab_database() -> Iterator[Database]:
    with database.running() as one:
        asyncio.run(one.make())
        yield one


@pytest.fixture
def play(lab_database: Database) -> Short:
    """Plays a scenario's variant for a short while, through one contender."""

    def short(
        scenario: Scenario, name: str, way: str = "", *, seconds: float = 1.5, variant: int = 0
    ) -> Run:
        contender = Contender(name, way, _program() if name == "pgbouncer" else None)
        one = Play(scenario, scenario.variants[variant], contender, 0)
        return campaign.play_one(one, lab_database, seconds)

    return short


def _program() -> Path:
    found = pgbouncer.programs()
    if not found:
        pytest.skip("no PgBouncer on this machine")
    return found[0]

"""Rounds over variants, contenders shuffled; each run counted and its noise kept."""

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pglane.lab import campaign, contenders, procfs
from pglane.lab.campaign import Extent, Noise, Play
from pglane.lab.contenders import Contender
from pglane.lab.database import Database
from pglane.lab.traffic import OwnConnections
from pglane.wire.server_messages import DataRow, FieldDescription, RowDescription
from tests.support.lab_runs import SCENARIO
from tests.support.lab_server import READY, error, lab_server, row


def test_every_round_visits_everything() -> None:
    plays = list(campaign.plan([SCENARIO], Extent(2, None, 1, lanes=True)))
    assert len(plays) == 2 * 2 * 5
    assert {play.round for play in plays[:10]} == {0}
    assert [play.variant.name for play in plays[:5]] == ["4 clients"] * 5
    same = list(campaign.plan([SCENARIO], Extent(2, None, 1, lanes=True)))
    assert plays == same
    orders = {tuple(play.contender.way for play in plays[n : n + 5]) for n in (0, 5, 10, 15)}
    assert len(orders) > 1


def test_a_run_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contender is a server of a few lines, in the loop of the load."""
    scenario = replace(SCENARIO, warm_s=0.0, grace_s=60.0)
    play = Play(scenario, scenario.variants[0], Contender("plain pool"), 3)
    database = Database(1, tmp_path, "", "", "18", {"shop": "", "browse": "", "otp": ""})
    load = campaign._load

    async def nothing(_self: Database) -> None:
        return

    monkeypatch.setattr(Database, "settled", nothing)

    @contextmanager
    def running(*_arguments: object):
        yield contenders.Serving(None)

    async def loaded(variant, _clients, seconds, grace_s):
        async with lab_server() as server:
            clients = OwnConnections(dict.fromkeys(variant.kinds, server.place()))
            return await load(variant, clients, seconds, grace_s)

    monkeypatch.setattr(contenders, "running", running)
    monkeypatch.setattr(campaign, "_load", loaded)
    seen = []
    (run,) = campaign.play_all([play], database, 0.2, seen.append)
    assert seen == [run]
    assert (run.contender, run.round, run.variant) == ("plain pool", 3, "4 clients")
    assert run.tallies["otp"].served == run.tallies["otp"].asked == 1
    assert 0.0 <= run.foreign <= 1.0


def test_noise_is_nothing_where_it_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "PROC", Path("/nowhere"))
    assert Noise().since() == (0.0, 0.0)


def test_the_gateway_is_asked_for_broken_bounds() -> None:
    columns = tuple(
        FieldDescription(name, 0, 0, 25, -1, -1, 0) for name in (b"name", b"violations")
    )

    async def seen(answer: bytes) -> int | None:
        async with lab_server(lambda _text: answer) as server:
            return await campaign.violations(server.place())

    head = RowDescription(columns).encode()
    first = DataRow((b"otp", b"2")).encode()
    assert asyncio.run(seen(head + first + row("browse", "1"))) == 3
    assert asyncio.run(seen(RowDescription(columns[:1]).encode() + row("otp"))) is None
    assert asyncio.run(seen(error("42601", "what?") + READY)) is None

"""Rounds over variants, contenders shuffled; each run counted and its noise kept."""

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pglane.lab import campaign, contenders, procfs
from pglane.lab.campaign import Extent, Noise, Play
from pglane.lab.contenders import Contender, Serving
from pglane.lab.database import Database
from pglane.lab.place import Place
from pglane.lab.scenario import Change, Scenario, Variant
from pglane.lab.traffic import OwnConnections, Stream
from pglane.lab.watch import Watch
from tests.support.lab_runs import SCENARIO
from tests.support.lab_server import lab_server


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

    async def loaded(play, _serving, seconds):
        async with lab_server() as server:
            clients = OwnConnections(dict.fromkeys(play.variant.kinds, server.place()))
            return await load(play, Serving(clients), seconds)

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


class Seen:
    """What a console would have told."""

    violations, missed, changes = 3, 1, 2


def test_the_gateway_is_asked_for_broken_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once at the end; while its lanes change, all the time."""
    console = Place(1, "shop", "pglane", "")
    followed: list[object] = []

    async def looked(place: Place) -> Seen:
        assert place is console
        return Seen()

    class Following(Watch):
        async def follow(self, changes, seconds, over) -> None:
            followed.append((changes, seconds))
            await over.wait()
            self.changes = 1

    monkeypatch.setattr(campaign, "look", looked)
    monkeypatch.setattr(campaign, "Watch", Following)
    change = Change("more", 4, "[lanes.otp]")
    changing = replace(SCENARIO, grace_s=0.0, changes=(change,))

    async def loaded(scenario: Scenario, rewrite: object) -> int:
        async with lab_server() as server:
            clients = OwnConnections(dict.fromkeys(("browse", "otp"), server.place()))
            play = Play(scenario, scenario.variants[0], Contender("pglane", "lanes"), 0)
            serving = Serving(clients, console, rewrite)
            _samples, watch, named_s = await campaign._load(play, serving, 0.05)
            assert watch is not None
            assert named_s is None
            return watch.changes

    assert asyncio.run(loaded(changing, lambda _change: tmp_path)) == 1
    assert followed == [((change,), 0.05)]
    assert asyncio.run(loaded(replace(changing, changes=()), lambda _change: tmp_path)) == 2
    assert asyncio.run(loaded(changing, None)) == 2
    assert len(followed) == 1


def test_where_clients_think_it_is_looked_who_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[object, ...]] = []

    class Following:
        named_s = 0.25

        def __init__(self, _traffic: object, *more: object) -> None:
            made.append(more)

        async def follow(self, over: asyncio.Event) -> None:
            await over.wait()

    monkeypatch.setattr(campaign, "Naming", Following)
    streams = (Stream("holder", clients=1, think_s=60.0), Stream("otp", clients=1, critical=True))
    thinking = replace(SCENARIO, grace_s=0.0, variants=(Variant("1 client thinks", streams),))

    async def loaded(scenario: Scenario) -> float | None:
        async with lab_server() as server:
            (variant, *_) = scenario.variants
            clients = OwnConnections(dict.fromkeys(variant.kinds, server.place()))
            play = Play(scenario, variant, Contender("plain pool"), 0)
            return (await campaign._load(play, Serving(clients), 0.05))[2]

    assert asyncio.run(loaded(thinking)) == 0.25
    assert asyncio.run(loaded(replace(SCENARIO, grace_s=0.0))) is None
    assert made == [(4, frozenset({"otp"}), None)]

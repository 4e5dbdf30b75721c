"""Plays scenarios: rounds over variants, contenders in random order within each.

What else the machine does hits all contenders of a round alike, and ratios are taken within a
round. How much of the machine was not ours is kept with each run.
"""

import asyncio
import os
import random
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pglane.lab import contenders, procfs
from pglane.lab.contenders import Contender, Serving
from pglane.lab.database import Database
from pglane.lab.naming import Naming
from pglane.lab.processors import Division, division, on
from pglane.lab.scenario import Run, Scenario, Variant
from pglane.lab.scores import tally
from pglane.lab.traffic import Sample, Traffic
from pglane.lab.watch import Watch, look

NOT_PINNED = division(pinned=False)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is played; `seconds` None: as long as each scenario says."""

    rounds: int
    seconds: float | None
    seed: int
    programs: tuple[Path, ...] = ()
    lanes: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """One run to come."""

    scenario: Scenario
    variant: Variant
    contender: Contender
    round: int


def plan(scenarios: Iterable[Scenario], extent: Extent) -> Iterator[Play]:
    """Every run, in order."""
    dice = random.Random(extent.seed)  # noqa: S311 -- an order, not a secret
    for scenario in scenarios:
        found = contenders.contenders(scenario, list(extent.programs), lanes=extent.lanes)
        for number in range(extent.rounds):
            for variant in scenario.variants:
                order = list(found)
                dice.shuffle(order)
                for contender in order:
                    yield Play(scenario, variant, contender, number)


def play_all(
    plays: Iterable[Play],
    database: Database,
    seconds: float | None,
    told: Callable[[Run], None],
    divided: Division = NOT_PINNED,
) -> list[Run]:
    """All runs, one after the other; each is told as it ends.

    Args:
        plays: which.
        database: PostgreSQL.
        seconds: length of each; None: as its scenario says.
        told: called with each run.
        divided: where the load runs; gateways run where we do.

    Raises:
        CannotStartError: a contender did not come up.
    """
    runs: list[Run] = []
    for play in plays:
        run = play_one(play, database, seconds, divided)
        runs.append(run)
        told(run)
    return runs


def play_one(
    play: Play, database: Database, seconds: float | None, divided: Division = NOT_PINNED
) -> Run:
    """One run."""
    scenario, variant = play.scenario, play.variant
    asyncio.run(database.admit(contenders.roles(variant)))
    asyncio.run(database.settled())
    length_s = scenario.warm_s + (seconds or scenario.seconds)
    with contenders.running(play.contender, scenario, variant, database) as serving:
        noise = Noise()
        with on(divided.load):
            samples, watch, named_s = asyncio.run(_load(play, serving, length_s))
        steal, foreign = noise.since()
    return Run(
        scenario=scenario.name,
        variant=variant.name,
        contender=play.contender.name,
        way=play.contender.way,
        round=play.round,
        tallies={
            stream.kind: tally(stream, samples[stream.kind], scenario.warm_s, length_s)
            for stream in variant.streams
        },
        violations=watch.violations if watch else None,
        missed=watch.missed if watch else None,
        changes=watch.changes if watch else 0,
        named_s=named_s,
        steal=steal,
        foreign=foreign,
    )


async def _load(
    play: Play, serving: Serving, seconds: float
) -> tuple[dict[str, list[Sample]], Watch | None, float | None]:
    """The samples, what the gateway's console told, and how long until idle holders were named.

    It is watched while its lanes change, and while clients think in transactions.
    """
    scenario, variant = play.scenario, play.variant
    traffic = Traffic(variant.streams, serving.clients)
    beside: list[Callable[[asyncio.Event], Coroutine[None, None, None]]] = []
    naming = watch = None
    if any(stream.think_s for stream in variant.streams):
        naming = Naming(traffic, scenario.budget, variant.critical, serving.inquiry)
        beside.append(naming.follow)
    if serving.rewrite is not None and scenario.changes:
        assert serving.console is not None
        watch = Watch(serving.console, serving.pid, serving.rewrite)
        beside.append(partial(watch.follow, scenario.changes, seconds))
    over = asyncio.Event()
    watching = [asyncio.create_task(follow(over)) for follow in beside]
    try:
        await traffic.run(seconds, scenario.grace_s)
    finally:
        over.set()
        await asyncio.gather(*watching)
    if watch is None and serving.console is not None:
        watch = await look(serving.console)
    return traffic.samples, watch, naming.named_s if naming is not None else None


class Noise:
    """What else the machine did since this was made; nothing where that cannot be seen."""

    def __init__(self) -> None:
        self._before = self._look()

    @staticmethod
    def _look() -> tuple[procfs.MachineTimes, float] | None:
        try:
            return procfs.machine_times(), procfs.cpu_s(os.getpid())
        except OSError:
            return None

    def since(self) -> tuple[float, float]:
        """Parts of the machine's time: taken by the hypervisor, used by strangers."""
        before, after = self._before, self._look()
        if before is None or after is None:
            return 0.0, 0.0
        whole_s = max(1e-9, after[0].total_s - before[0].total_s)
        foreign_s = after[0].busy_s - before[0].busy_s - (after[1] - before[1])
        steal_s = after[0].stolen_s - before[0].stolen_s
        return steal_s / whole_s, max(0.0, foreign_s) / whole_s

"""A scenario as data: who comes, what is counted, what must hold.

A scenario has variants (24, 60, 200 clients), and is played by several contenders in turn, all
with the same streams and the same number of server connections. Its columns are figures of one
run; its targets are limits of such a figure, and hold for this gateway. A target may be relative:
then it is a ratio to what the baseline did in the same round, or a difference to what this gateway
did in another way.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pglane.lab.scores import NEVER, Tally, jain
from pglane.lab.traffic import Stream

BASELINE = "plain pool"
WAIT_S_MAX = 120.0
"""What poolers let a client wait unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one contender did in one round of a variant.

    Attributes:
        tallies: of each stream, by kind.
        violations: waits beyond their bound, as the gateway counts them; None: it tells none.
        missed: requests that it refused because their time was over; None: it was not asked.
        changes: how often its lanes were changed while it served.
        named_s: how long until those were named who held everything idly (`lab.naming`); None: it
            never came to it.
        steal: part of the machine's time taken by the hypervisor.
        foreign: part of the machine's time used by processes that are not ours.
    """

    scenario: str
    variant: str
    contender: str
    way: str
    round: int
    tallies: Mapping[str, Tally]
    violations: int | None = None
    missed: int | None = None
    changes: int = 0
    named_s: float | None = None
    steal: float = 0.0
    foreign: float = 0.0

    @property
    def label(self) -> str:
        """For tables."""
        return f"{self.contender}, {self.way}" if self.way else self.contender


Figure = Callable[[Run], float]


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of a run with its head and unit: `%`, `ms`, `/s` or none."""

    head: str
    unit: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Target:
    """What must hold: the column's figure lies within the limits.

    Attributes:
        told: in words.
        relative: what counts is the ratio to the baseline's figure of the same round.
        against: what counts is the difference to this gateway's figure of the same round in this
            way.
        ways: of this gateway that it holds for; empty: all.
    """

    told: str
    column: Column
    at_least: float = float("-inf")
    at_most: float = float("inf")
    relative: bool = False
    against: str = ""
    ways: tuple[str, ...] = ()

    def holds(self, value: float) -> bool:
        """Whether this value is within the limits."""
        return self.at_least <= value <= self.at_most


@dataclass(frozen=True, slots=True)
class Variant:
    """One setting of a scenario's knob."""

    name: str
    streams: tuple[Stream, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds, in order."""
        return tuple(stream.kind for stream in self.streams)

    @property
    def critical(self) -> frozenset[str]:
        """What must not starve."""
        return frozenset(stream.kind for stream in self.streams if stream.critical)


@dataclass(frozen=True, slots=True)
class Change:
    """What this gateway's file says from some moment of a run on; for ways with lanes."""

    told: str
    budget: int
    lanes: str

    @property
    def reserves(self) -> dict[str, int]:
        """What each of its lanes reserves: by this it is known that the change has come."""
        tables = tomllib.loads(self.lanes)["lanes"]
        return {name: lane.get("reserve", 0) for name, lane in tables.items()}


@dataclass(frozen=True, slots=True)
class Scenario:
    """See the module's docstring.

    Attributes:
        name: for the command line.
        number: its number in the list of benchmarks.
        title: one line.
        story: what a newcomer must know.
        budget: server connections that each contender may hold.
        ways: names of `contenders.WAYS` it is played in.
        lanes: this gateway's lanes for the way `lanes`, as tables of its configuration.
        columns: of its table.
        targets: what must hold for this gateway.
        plotted: kind whose requests are shown one by one in the report.
        compared: figure that is shown as bars beside them.
        seconds: length of a run unless told otherwise.
        warm_s: what happens before is not counted.
        wait_s_max: longest wait that a gateway allows.
        changes: of this gateway's lanes, at even distances of a run.
    """

    name: str
    number: str
    title: str
    story: str
    budget: int
    variants: tuple[Variant, ...]
    ways: tuple[str, ...]
    columns: tuple[Column, ...]
    targets: tuple[Target, ...]
    plotted: str
    compared: Column
    lanes: str = ""
    seconds: float = 6.0
    warm_s: float = 1.0
    grace_s: float = 1.0
    wait_s_max: float = WAIT_S_MAX
    changes: tuple[Change, ...] = ()


def served(kind: str) -> Column:
    """Part of the requests that were answered."""
    return Column(f"{kind} served", "%", lambda run: run.tallies[kind].served_share)


def wait(kind: str, part: float) -> Column:
    """A quantile of the waits; 1.0 is the longest."""
    head = "longest" if part >= 1.0 else f"p{part * 100:g}"
    return Column(f"{kind} wait {head}", "ms", lambda run: run.tallies[kind].wait_s(part) * 1000)


def rate(kind: str) -> Column:
    """Answers a second."""
    return Column(f"{kind} answers", "/s", lambda run: run.tallies[kind].per_s)


def refused(kind: str) -> Column:
    """How many were refused."""
    return Column(
        f"{kind} refused", "", lambda run: float(sum(run.tallies[kind].refused.values()))
    )


def all_turns() -> Column:
    """How many were answered, of all kinds."""
    return Column("answers", "", lambda run: float(sum(one.served for one in _all(run))))


def all_refused() -> Column:
    """How many were refused, of all kinds."""
    return Column(
        "refused", "", lambda run: float(sum(sum(one.refused.values()) for one in _all(run)))
    )


def all_waits(part: float) -> Column:
    """A quantile of the waits of all kinds together; 1.0 is the longest."""

    def figure(run: Run) -> float:
        waits = sorted(wait_s for one in _all(run) for wait_s in one.waits_s)
        return waits[min(len(waits) - 1, int(part * len(waits)))] * 1000 if waits else NEVER

    return Column(f"wait {'longest' if part >= 1.0 else f'p{part * 100:g}'}", "ms", figure)


def _all(run: Run) -> tuple[Tally, ...]:
    return tuple(run.tallies.values())


def fairness() -> Column:
    """Jain's index over all kinds: 1 when everybody got the same."""
    return Column(
        "Jain's index", "", lambda run: jain([one.per_s for one in run.tallies.values()])
    )


def violations() -> Column:
    """Waits beyond their bound, as this gateway counts them."""
    return Column(
        "broken bounds", "", lambda run: float("nan" if run.violations is None else run.violations)
    )


def lost() -> Column:
    """Requests of all kinds that had no answer, or a refusal."""
    return Column(
        "lost", "", lambda run: float(sum(one.asked - one.served for one in run.tallies.values()))
    )


def missed() -> Column:
    """Requests that this gateway refused because their time was over."""
    return Column(
        "deadline misses", "", lambda run: float("nan" if run.missed is None else run.missed)
    )


def named() -> Column:
    """How long until a console named those who hold everything and do nothing."""

    def figure(run: Run) -> float:
        return float("nan") if run.named_s is None else run.named_s * 1000

    return Column("named on the console", "ms", figure)


def told(kind: str, due_s: float) -> Column:
    """How long until who waits longer than that was told behind whom; none: nobody did."""

    def figure(run: Run) -> float:
        late = [one.told_s for one in run.tallies[kind].samples if one.wait_s > due_s]
        if not late:
            return float("nan")
        return max(NEVER if one is None else one for one in late) * 1000

    return Column(f"{kind} told behind whom", "ms", figure)


def changes() -> Column:
    """How often its lanes were changed meanwhile."""
    return Column("changes", "", lambda run: float(run.changes))

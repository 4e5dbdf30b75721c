"""What runs say: a row for each contender, and whether this gateway's targets hold.

A figure is the median over the rounds, shown with the least and the most. A target holds when the
median does; a relative one is a ratio taken within each round.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pglane.lab.contenders import PGLANE
from pglane.lab.scenario import BASELINE, Column, Run, Scenario, Target
from pglane.lab.scores import NEVER, Spread, Tally, spread


@dataclass(frozen=True, slots=True)
class Row:
    """One contender of one variant, over all rounds; `runs` in the order of rounds."""

    contender: str
    label: str
    runs: tuple[Run, ...]

    @property
    def ours(self) -> bool:
        """Whether it is this gateway."""
        return self.contender == PGLANE

    def figure(self, column: Column) -> Spread:
        """A column's figure over the rounds."""
        return spread([column.figure(run) for run in self.runs])

    def last(self, kind: str) -> Tally:
        """A stream of the last round."""
        return self.runs[-1].tallies[kind]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one target held for one way of using this gateway."""

    target: Target
    variant: str
    label: str
    figure: Spread

    @property
    def held(self) -> bool:
        """By the median."""
        return self.target.holds(self.figure.median)

    @property
    def told(self) -> str:
        """In words, with what was seen."""
        return f"{self.target.told}: {self.seen}"

    @property
    def seen(self) -> str:
        """The figure, as it counts."""
        form = ratio if self.target.relative else lambda value: said(value, self.target.column)
        return spelled(self.figure, form)


def rows(runs: Iterable[Run], scenario: Scenario, variant: str) -> list[Row]:
    """In the order of ways, this gateway last of each."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run.scenario == scenario.name and run.variant == variant:
            found.setdefault(run.label, []).append(run)
    order = ("", *scenario.ways)
    made = [
        Row(many[0].contender, label, tuple(sorted(many, key=lambda run: run.round)))
        for label, many in found.items()
    ]
    return sorted(made, key=lambda row: (row.ours, order.index(row.runs[0].way), row.label))


def verdicts(found: Sequence[Row], scenario: Scenario, variant: str) -> list[Verdict]:
    """Of all ways of this gateway."""
    made = []
    for row in found:
        for target in scenario.targets if row.ours else ():
            beside = _beside(target, found)
            if target.ways and row.runs[0].way not in target.ways:
                continue
            if (target.relative or target.against) and beside is None:
                continue
            values = [_value(target, run, beside) for run in row.runs]
            made.append(Verdict(target, variant, row.label, spread(values)))
    return made


def _beside(target: Target, found: Sequence[Row]) -> Row | None:
    """What a target compares with."""
    for row in found:
        if target.relative and row.contender == BASELINE:
            return row
        if target.against and row.ours and row.runs[0].way == target.against:
            return row
    return None


def _value(target: Target, run: Run, beside: Row | None) -> float:
    """What counts of a run."""
    value = target.column.figure(run)
    if beside is None:
        return value
    same = [one for one in beside.runs if one.round == run.round]
    other = target.column.figure(same[0]) if same else math.nan
    return value / (other or math.nan) if target.relative else value - other


def said(value: float, column: Column) -> str:
    """One figure with its unit."""
    if math.isnan(value):
        return "-"
    if value == NEVER:
        return "never"
    if column.unit == "%":
        return f"{value * 100:.0f} %"
    if column.unit == "ms":
        return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.3g} ms"
    return f"{value:.3g}{column.unit}" if value < 100 else f"{value:.0f}{column.unit}"


def ratio(value: float) -> str:
    """A ratio to the baseline."""
    return f"{value * 100:.1f} %"


def spelled(figure: Spread, form: Callable[[float], str]) -> str:
    """A median, and its range where it has one."""
    middle, least, most = (form(value) for value in (figure.median, figure.least, figure.most))
    return middle if least == most else f"{middle} ({least} to {most})"

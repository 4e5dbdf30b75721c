"""The lab on a terminal: a line for each run as it ends, a table for each variant at the end."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from pglane.lab.contenders import WAYS
from pglane.lab.judgement import Row, Verdict, rows, said, spelled, verdicts
from pglane.lab.scenario import Column, Run, Scenario

NOISE_MAX = 0.05
"""Part of the machine that others may use before a run is called noisy."""
WIDTH_ELSEWHERE = 160
"""Columns, where there is no terminal that says how many it has."""


def console() -> Console:
    """What is printed on; lines that go into a file are not broken."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=WIDTH_ELSEWHERE)


def show_ways(console: Console, scenarios: Sequence[Scenario]) -> None:
    """What the words mean by which contenders' uses are told apart."""
    used = {way for scenario in scenarios for way in scenario.ways}
    for way, told in WAYS.items():
        if way in used:
            console.print(f"  {way:<20}{told}", style="dim", soft_wrap=True)


def show_run(console: Console, scenario: Scenario, run: Run) -> None:
    """One line: what was run, and its figures."""
    figures = [f"{column.head} {said(column.figure(run), column)}" for column in scenario.columns]
    noisy = f"  (noisy: {noise(run):.0%} not ours)" if noise(run) > NOISE_MAX else ""
    console.print(
        f"{scenario.number} {run.variant}, round {run.round + 1}, {run.label}: "
        + ", ".join(figures)
        + noisy,
        markup=False,
        soft_wrap=True,
    )


def noise(run: Run) -> float:
    """Part of the machine that was not ours."""
    return run.steal + run.foreign


def show(console: Console, scenario: Scenario, runs: Sequence[Run]) -> list[Verdict]:
    """All tables of a scenario; its verdicts."""
    console.print(f"\n{scenario.number}  {scenario.title}", style="bold")
    console.print(scenario.story)
    found: list[Verdict] = []
    for variant in scenario.variants:
        of_variant = rows(runs, scenario, variant.name)
        if of_variant:
            console.print(_table(scenario, variant.name, of_variant))
            found += verdicts(of_variant, scenario, variant.name)
    for verdict in found:
        mark, style = ("held", "green") if verdict.held else ("MISSED", "bold red")
        console.print(
            f"  {mark:<7} {verdict.variant}, {verdict.label}: {verdict.told}",
            style=style,
            soft_wrap=True,
        )
    return found


def _table(scenario: Scenario, variant: str, found: Sequence[Row]) -> Table:
    table = Table(title=variant, title_justify="left", box=SIMPLE, padding=(0, 1))
    table.add_column("contender", no_wrap=True)
    for column in scenario.columns:
        table.add_column(column.head, justify="right")
    for row in found:
        cells = [cell(row, column) for column in scenario.columns]
        table.add_row(row.label, *cells, style="bold" if row.ours else "")
    return table


def cell(row: Row, column: Column) -> str:
    """A median, and its range where it has one."""
    return spelled(row.figure(column), lambda value: said(value, column))

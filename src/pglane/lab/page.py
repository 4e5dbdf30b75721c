"""The report: one HTML file that needs nothing else, light or dark as its reader has it."""

from collections.abc import Sequence
from html import escape

from pglane.lab import plots
from pglane.lab.circumstances import Circumstances
from pglane.lab.contenders import PLAIN, WAYS
from pglane.lab.judgement import Row, Verdict, rows, said, verdicts
from pglane.lab.scenario import Column, Run, Scenario
from pglane.lab.scores import NEVER
from pglane.lab.terminal import noise
from pglane.lab.traffic import SERVED

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --faint: #6b7280; --ground: #ffffff;
  --panel: #f4f5f7; --line: #d9dce1; --ours: #0b7a5b; --theirs: #8a6d3b; --bad: #c02626; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --faint: #9aa3ad;
  --ground: #14171a; --panel: #1d2125; --line: #343a41; --ours: #41c99a; --theirs: #cfa75f;
  --bad: #ff7b72; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 3rem; border-top: 1px solid var(--line);
  padding-top: 1.5rem; }
.story { max-width: 44rem; } .faint, figcaption { color: var(--faint); font-size: .875rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .875rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
td { white-space: nowrap; vertical-align: top; } th { vertical-align: bottom; }
.summary td:first-child { white-space: normal; }
td small { display: block; color: var(--faint); font-weight: 400; }
tr.ours td { font-weight: 600; } tr.ours td:first-child { color: var(--ours); }
td.bad, .bad { color: var(--bad); font-weight: 600; } a { color: var(--ours); }
ul.verdicts { list-style: none; padding: 0; } ul.verdicts li { margin: .3rem 0; }
.held::before { content: "✓ "; color: var(--ours); }
.missed::before { content: "✗ "; color: var(--bad); } .missed { color: var(--bad); }
.ways { color: var(--faint); font-size: .875rem; padding-left: 1.2rem; }
figure { margin: 1rem 0; background: var(--panel); border-radius: 8px; padding: .75rem;
  overflow-x: auto; }
svg { width: 100%; min-width: 40rem; height: auto; } svg text { font: 12px system-ui, sans-serif;
  fill: var(--ink); } svg text.axis { fill: var(--faint); } svg text.never { fill: var(--bad);
  font-weight: 600; } svg text.ours { fill: var(--ours); font-weight: 600; }
.grid { stroke: var(--line); } .dot { opacity: .45; } .dot.ours, .bar.ours { fill: var(--ours); }
.dot.theirs, .bar.theirs { fill: var(--theirs); } .bar { opacity: .8; }
.middle { stroke-width: 2.5; } .middle.ours { stroke: var(--ours); }
.middle.theirs { stroke: var(--theirs); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .875rem; }
dt { color: var(--faint); } dd { margin: 0; }
"""
INTRODUCTION = """
Every contender serves the same clients, with the same number of connections to the same
PostgreSQL; only host, port, role and database differ. Runs of all contenders follow each other in
random order, round after round. A figure is the median over the rounds, its range below it.
<em>Wait</em> is what a request took beyond the work that it asked for. Compare within this page
only: another machine gives other milliseconds.
"""


def page(
    scenarios: Sequence[Scenario],
    runs: Sequence[Run],
    where: Circumstances,
    missing: Sequence[str],
) -> str:
    """The whole file."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>pglane lab, {escape(where.date)}</title><style>{STYLE}</style></head><body>",
        f"<h1>Who waits, and for how long</h1><p>{INTRODUCTION}</p>",
        _ways(scenarios),
        *(f"<p>Not compared: {escape(reason)}</p>" for reason in missing),
    ]
    parts.append(_summary(scenarios, runs, where))
    for scenario in scenarios:
        parts += _scenario(scenario, runs)
    parts += ["<h2>Circumstances</h2><dl>", *map(_fact, where.lines()), "</dl>"]
    parts.append(f'<p class="faint">{_noise(runs)}</p></body></html>')
    return "\n".join(parts) + "\n"


def _ways(scenarios: Sequence[Scenario]) -> str:
    """What the words mean by which contenders' uses are told apart."""
    used = {way for scenario in scenarios for way in scenario.ways}
    lines = [_fact((way, told)) for way, told in WAYS.items() if way in used]
    lines.insert(0, _fact((PLAIN, "a pool within the application: first come, first served")))
    return f"<dl>{''.join(lines)}</dl>"


def _fact(line: tuple[str, str]) -> str:
    return f"<dt>{escape(line[0])}</dt><dd>{escape(line[1])}</dd>"


def _noise(runs: Sequence[Run]) -> str:
    most = max((noise(run) for run in runs), default=0.0)
    middle = sorted(noise(run) for run in runs)[len(runs) // 2] if runs else 0.0
    return (
        f"Of the machine's time {middle:.0%} was not ours in the median run, {most:.0%} at most "
        "(other programs, and what the hypervisor took)."
    )


def _scenario(scenario: Scenario, runs: Sequence[Run]) -> list[str]:
    parts = [
        f'<h2 id="{scenario.name}">{scenario.number}: {escape(scenario.title)}</h2>',
        f'<p class="story">{escape(scenario.story)}</p>',
    ]
    for variant in scenario.variants:
        found = rows(runs, scenario, variant.name)
        if found:
            parts.append(f"<h3>{escape(variant.name)}</h3>")
            parts.append(_verdicts(verdicts(found, scenario, variant.name)))
            parts += [_table(scenario, found), *_plots(scenario, found)]
    return parts


def _summary(scenarios: Sequence[Scenario], runs: Sequence[Run], where: Circumstances) -> str:
    """For who reads nothing else: what held, and how many promises were broken."""
    lines = ["<tr><th>scenario</th><th>targets held</th><th>broken bounds</th><th>runs</th></tr>"]
    for scenario in scenarios:
        of_it = [run for run in runs if run.scenario == scenario.name]
        found = [
            verdict
            for variant in scenario.variants
            for verdict in verdicts(rows(runs, scenario, variant.name), scenario, variant.name)
        ]
        held, broken = sum(one.held for one in found), sum(run.violations or 0 for run in of_it)
        lines.append(
            f'<tr><td><a href="#{scenario.name}">{scenario.number}: {escape(scenario.title)}</a>'
            f"</td><td{_bad(held < len(found))}>{held} of {len(found)}</td>"
            f"<td{_bad(broken > 0)}>{broken}</td><td>{len(of_it)}</td></tr>"
        )
    told = f"{where.date}, commit {where.commit}, {where.cpu}, {where.cores} cores"
    return (
        f'<div class="table summary"><table>{"".join(lines)}</table></div><p class="faint">'
        f"{escape(told)}, rounds: {where.rounds}. A broken bound is a wait longer than this "
        "gateway had promised; it counts them itself, in every run.</p>"
    )


def _bad(yes: bool) -> str:
    return ' class="bad"' if yes else ""


def _verdicts(found: Sequence[Verdict]) -> str:
    """One entry for each target; below it what was seen in each way."""
    by_target: dict[str, list[Verdict]] = {}
    for verdict in found:
        by_target.setdefault(verdict.target.told, []).append(verdict)
    lines = []
    for told, several in by_target.items():
        ways = "; ".join(
            f"<span{_bad(not one.held)}>{escape(one.label)}: {escape(one.seen)}</span>"
            for one in several
        )
        kind = "held" if all(one.held for one in several) else "missed"
        lines.append(
            f'<li><span class="{kind}">{escape(told)}</span><div class="ways">{ways}</div></li>'
        )
    return f'<ul class="verdicts">{"".join(lines)}</ul>'


def _table(scenario: Scenario, found: Sequence[Row]) -> str:
    head = "".join(f"<th>{escape(column.head)}</th>" for column in scenario.columns)
    lines = [f"<tr><th>contender</th>{head}</tr>"]
    for row in found:
        cells = "".join(_cell(row, column) for column in scenario.columns)
        kind = ' class="ours"' if row.ours else ""
        lines.append(f"<tr{kind}><td>{escape(row.label)}</td>{cells}</tr>")
    return f'<div class="table"><table>{"".join(lines)}</table></div>'


def _cell(row: Row, column: Column) -> str:
    """A median, and below it what it lies between."""
    figure = row.figure(column)
    middle, *ends = (
        escape(said(each, column)) for each in (figure.median, figure.least, figure.most)
    )
    between = f"<small>{ends[0]} to {ends[1]}</small>" if ends[0] != ends[1] else ""
    return f"<td{_bad(figure.median == NEVER)}>{middle}{between}</td>"


def _plots(scenario: Scenario, found: Sequence[Row]) -> list[str]:
    strips, bars = [], []
    for row in found:
        last = row.last(scenario.plotted)
        answered = [one.wait_s * 1000 for one in last.samples if one.outcome == SERVED]
        strips.append(plots.Strip(row.label, row.ours, answered, last.asked - last.served))
        value = row.figure(scenario.compared).median
        told = said(value, scenario.compared)
        bars.append(plots.Bar(row.label, row.ours, value, told))
    each = f"Each dot is one request ({scenario.plotted}) of the last round, by its wait."
    return [plots.strip(strips, each), plots.bars(bars, f"{scenario.compared.head}, the median.")]

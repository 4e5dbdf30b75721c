"""Results for programs: everything that the tables and plots were made from."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

from pglane.lab.circumstances import Circumstances
from pglane.lab.scenario import Run, Scenario
from pglane.lab.scores import Tally

QUANTILES = (0.5, 0.9, 0.99, 1.0)


def as_json(scenarios: Sequence[Scenario], runs: Sequence[Run], where: Circumstances) -> str:
    """All runs with the figures of their columns, and the quantiles of all waits."""
    by_name = {scenario.name: scenario for scenario in scenarios}
    whole = {
        "circumstances": asdict(where),
        "runs": [_run(by_name[run.scenario], run) for run in runs],
    }
    return json.dumps(whole, indent=1) + "\n"


def _run(scenario: Scenario, run: Run) -> dict[str, object]:
    return {
        "scenario": run.scenario,
        "variant": run.variant,
        "contender": run.contender,
        "way": run.way,
        "round": run.round,
        "steal": round(run.steal, 3),
        "foreign": round(run.foreign, 3),
        "violations": run.violations,
        "named_s": None if run.named_s is None else _number(run.named_s),
        "figures": {one.head: _number(one.figure(run)) for one in scenario.columns},
        "streams": {kind: _tally(one) for kind, one in run.tallies.items()},
    }


def _tally(one: Tally) -> dict[str, object]:
    return {
        "asked": one.asked,
        "served": one.served,
        "refused": one.refused,
        "unanswered": one.unanswered,
        "per_s": _number(one.per_s),
        "wait_ms": {f"{part:g}": _number(one.wait_s(part) * 1000) for part in QUANTILES},
    }


def _number(value: float) -> float | None:
    """JSON has neither infinity nor what is no number."""
    return round(value, 4) if math.isfinite(value) else None

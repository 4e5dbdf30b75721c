"""docs/reference/compatibility.md, made from the kept results and the explanations."""

import re
from pathlib import Path

from tests.compat.explanations import Explanation, explained
from tests.compat.results import Difference, Result

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "compatibility.md"
PLACES = (
    ("direct", "PostgreSQL itself"),
    ("session", "session door"),
    ("transaction", "transaction door"),
)

HEAD = """\
# Drivers' own test suites

<!-- made by `python -m tests.compat` from its results and tests/compat/explanations.toml -->

The test suites of drivers and frameworks, as their authors wrote them, run three times on the same
PostgreSQL: directly, through the session door, and through the transaction door, where every
transaction gets another server connection than its client's last (`server.rotate`). The driver has
the version of its suite; every run has a new database cluster. Left out, at all places alike, is
what measures time or memory, and what needs another database, a network or certificates.

`make compat` runs them again. A test counts as different if it ended otherwise than directly, and
did so again when it was run once more, alone.
"""


def page(results: list[Result], explanations: list[Explanation]) -> str:
    """The whole page."""
    parts = [HEAD, _totals(results)]
    for result in results:
        parts.append(_differences(result, explanations))
    return "\n".join(parts)


def _title(result: Result) -> str:
    return f"{result.suite} {result.driver}"


def _totals(results: list[Result]) -> str:
    lines = [
        "## Passed, failed, skipped",
        "",
        "| suite | server | date | " + " | ".join(name for _, name in PLACES) + " |",
        "|---|---|---|" + "---|" * len(PLACES),
    ]
    for result in results:
        cells = [_counts(result, place) for place, _ in PLACES]
        lines.append(
            f"| {_title(result)} | {result.server} | {result.date} | {' | '.join(cells)} |"
        )
    return "\n".join([*lines, ""])


def _counts(result: Result, place: str) -> str:
    if place not in result.counts:
        return "not run"
    counts = result.counts[place]
    return f"{counts['passed']} / {counts['failed']} / {counts['skipped']}"


def _differences(result: Result, explanations: list[Explanation]) -> str:
    known, unexplained = explained(result, explanations)
    lines = [f"## What differs: {_title(result)}, PostgreSQL {result.server}", ""]
    if not result.differences:
        return "\n".join([*lines, "Nothing.", ""])
    lines += ["| tests | door | why |", "|---|---|---|"]
    for explanation, taken in known:
        for doors, alike in _by_doors(taken):
            lines.append(f"| {_names(alike)} | {doors} | {explanation.kind}: {explanation.why} |")
    for one in unexplained:
        lines.append(f"| `{_short(one.test)}` | {one.place} | not explained |")
    return "\n".join([*lines, ""])


def _by_doors(differences: list[Difference]) -> list[tuple[str, list[str]]]:
    """Names of tests, those together that differ behind the same doors."""
    doors_of: dict[str, list[str]] = {}
    for one in differences:
        doors_of.setdefault(one.test, []).append(one.place)
    groups: dict[str, list[str]] = {}
    for test, doors in doors_of.items():
        groups.setdefault(", ".join(sorted(doors)), []).append(test)
    return sorted(groups.items())


def _names(tests: list[str]) -> str:
    """How many, and the functions they are cases of."""
    functions = list(dict.fromkeys(_short(test) for test in tests))
    return f"{len(tests)}: " + ", ".join(f"`{name}`" for name in functions)


def _short(test: str) -> str:
    """The function's name: parameters and places say little to a reader."""
    return re.split(r"::|\.", test.partition("[")[0])[-1]

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
did so again when it was run once more together with the others that did. "Its own error" is read
from the exception that failed the test and from what that came from, test by test: the code of a
refusal of ours, or else the SQLSTATE, or else the class. A difference counts as refused only if
its own error carries the code. What differed once and not again met another server connection the
second time (which shows in `pg_prepared_statements`), or is a race in the test itself.
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
    for place, number in result.unstable.items():
        if number:
            lines += [f"{number} differed once and not again ({place} door).", ""]
    if not result.differences:
        return "\n".join([*lines, "Nothing.", ""])
    lines += ["| number | its own error | door | why | tests |", "|---|---|---|---|---|"]
    for explanation, taken in known:
        for (doors, codes), alike in _groups(taken):
            why = f"{explanation.kind}: {explanation.why}"
            lines.append(f"| {len(alike)} | {codes} | {doors} | {why} | {_names(alike)} |")
    for one in unexplained:
        code = one.code or one.here
        lines.append(f"| 1 | {code} | {one.place} | not explained | `{_short(one.test)}` |")
    return "\n".join([*lines, ""])


def _groups(differences: list[Difference]) -> list[tuple[tuple[str, str], list[str]]]:
    """Names of tests, those together that differ behind the same doors by errors of one kind."""
    of_test: dict[str, list[Difference]] = {}
    for one in differences:
        of_test.setdefault(one.test, []).append(one)
    groups: dict[tuple[str, str], list[str]] = {}
    for test, several in of_test.items():
        doors = ", ".join(sorted(one.place for one in several))
        codes = ", ".join(sorted({one.code or one.here for one in several}))
        groups.setdefault((doors, codes), []).append(test)
    return sorted(groups.items())


def _names(tests: list[str]) -> str:
    """The functions they are cases of."""
    functions = list(dict.fromkeys(_short(test) for test in tests))
    return ", ".join(f"`{name}`" for name in functions)


def _short(test: str) -> str:
    """The function's name: parameters and places say little to a reader."""
    return re.split(r"::|\.", test.partition("[")[0])[-1]

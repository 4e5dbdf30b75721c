"""Why tests differ: `explanations.toml`, kept by hand, matched with what was found.

An entry names a suite, the places it speaks of and patterns of test names (a `*` stands for
anything, all else for itself). One that says a statement was refused names the refusal's code,
and speaks of a test only if the error that failed this test carries it. What no entry matches is
unexplained: that is a bug, of the gateway or of the list. An entry that matches nothing any more
is told too, so that the list only says what is true.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.compat.results import Difference, Result

LIST = Path(__file__).parent / "explanations.toml"


@dataclass(frozen=True)
class Explanation:
    """One reason, and the tests it explains.

    Attributes:
        kind: `by design`, `refused` or `bug`.
        why: one or two sentences for the page.
        code: what the error of a test must say of itself; a refusal has always one.
    """

    suite: str
    places: tuple[str, ...]
    kind: str
    why: str
    tests: tuple[str, ...]
    code: str = ""

    def __post_init__(self) -> None:
        if self.kind == "refused" and not self.code:
            raise ValueError(f"{self.suite}: {self.why}: which code refuses it?")

    def explains(self, suite: str, difference: Difference) -> bool:
        """Whether this is the reason for that difference."""
        if self.suite != suite or difference.place not in self.places:
            return False
        if self.code and self.code != difference.code:
            return False
        return any(_matches(pattern, difference.test) for pattern in self.tests)


def _matches(pattern: str, test: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), test) is not None


def load(path: Path = LIST) -> list[Explanation]:
    """The list."""
    entries = tomllib.loads(path.read_text())["difference"]
    return [
        Explanation(
            one["suite"],
            tuple(one["places"]),
            one["kind"],
            one["why"],
            tuple(one["tests"]),
            one.get("code", ""),
        )
        for one in entries
    ]


def unused(results: Iterable[Result], explanations: Iterable[Explanation]) -> list[Explanation]:
    """What explains nothing any more."""
    kept = [(result.suite, one) for result in results for one in result.differences]
    return [
        explanation
        for explanation in explanations
        if not any(explanation.explains(suite, difference) for suite, difference in kept)
    ]


def explained(
    result: Result, explanations: Iterable[Explanation]
) -> tuple[list[tuple[Explanation, list[Difference]]], list[Difference]]:
    """Each explanation with the differences it is the first to explain; and the unexplained."""
    matched = [(one, list[Difference]()) for one in explanations]
    unexplained = []
    for difference in result.differences:
        for explanation, taken in matched:
            if explanation.explains(result.suite, difference):
                taken.append(difference)
                break
        else:
            unexplained.append(difference)
    return [(one, taken) for one, taken in matched if taken], unexplained

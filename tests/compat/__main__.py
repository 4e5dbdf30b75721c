"""`python -m tests.compat`: runs suites, compares, keeps the results, writes the page."""

import argparse
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.compat import explanations, outcomes, results
from tests.compat.checkout import CheckoutMissing, found, python_for
from tests.compat.page import PAGE, page
from tests.compat.places import PLACES, opened
from tests.compat.results import Difference, Result
from tests.compat.suites import RECORDER, SUITES, Suite

SUITE_S_MAX = 3 * 3600
NAMES = [suite.name for suite in SUITES]


def main(words: list[str]) -> int:
    """Exit code: 0 when every difference is explained."""
    arguments = _arguments(words)
    if not arguments.page_only:
        chosen = [suite for suite in SUITES if suite.name in (arguments.suites or NAMES)]
        try:
            comparisons = [Comparison(suite, arguments) for suite in chosen]
        except CheckoutMissing as missing:
            print(f"make compat: {missing}", file=sys.stderr)
            return 2
        for comparison in comparisons:
            comparison.run().save()
    kept, reasons = results.load_all(), explanations.load()
    PAGE.write_text(page(kept, reasons))
    for one in explanations.unused(kept, reasons):
        print(f"explains nothing any more: {one.suite}: {one.why}")
    return max(_tell_unexplained(one, reasons) for one in kept)


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.compat", description=__doc__)
    parser.add_argument("suites", nargs="*", help=f"default: all of {', '.join(NAMES)}")
    parser.add_argument(
        "--sources",
        type=Path,
        default=Path(os.environ.get("PGLANE_COMPAT_SOURCES") or "compat-sources"),
        help="the folder with a checkout per suite (PGLANE_COMPAT_SOURCES)",
    )
    parser.add_argument("--server", help="version of PostgreSQL: 18 or 15; default: the suite's")
    parser.add_argument(
        "--reuse",
        default="",
        help="places whose last record is taken as it is, such as direct,session",
    )
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    arguments = parser.parse_args(words)
    if unknown := set(arguments.suites) - set(NAMES):
        parser.error(f"no suite of that name: {', '.join(sorted(unknown))}")
    return arguments


def _tell_unexplained(result: Result, reasons: list[explanations.Explanation]) -> int:
    """The exit code for one result."""
    _, unexplained = explanations.explained(result, reasons)
    for one in unexplained:
        print(f"not explained: {result.suite} {one.place}: {one.test}: {one.direct} -> {one.here}")
    return 1 if unexplained else 0


class Comparison:
    """One suite at all places; records and output stay beside the checkouts.

    Raises:
        CheckoutMissing: there is nothing to run.
    """

    def __init__(self, suite: Suite, arguments: argparse.Namespace) -> None:
        self.suite = suite
        self.checkout = found(suite, arguments.sources)
        self.server = arguments.server or suite.server
        self._server_version = self.server
        self._reused = arguments.reuse.split(",")
        self._records = arguments.sources.absolute() / "records"
        self._records.mkdir(exist_ok=True)

    def run(self) -> Result:
        """Runs what is not reused, and what differs once more."""
        runs = {place: self._at(place) for place in PLACES}
        direct = runs["direct"]
        different: list[Difference] = []
        unstable = {}
        for place in PLACES[1:]:
            suspects = outcomes.differences(direct, runs[place])
            again = self._again(place, suspects)
            unstable[place] = len(suspects) - len(again)
            different += again
        return Result(
            self.suite.name,
            dt.datetime.now(tz=dt.UTC).date().isoformat(),
            self.suite.version_of(self.checkout),
            self._server_version,
            {place: outcomes.counts(run) for place, run in runs.items()},
            unstable,
            tuple(different),
        )

    def _at(self, place: str) -> dict[str, str]:
        """The whole suite at a place."""
        record = self._records / f"{self.suite.name}-{self.server}-{place}.jsonl"
        if place not in self._reused:
            self._start(place, record)
        outcome = outcomes.read(record)
        print(f"{self.suite.name} {place}: {outcomes.counts(outcome)}", flush=True)
        return outcome

    def _again(self, place: str, suspects: outcomes.Differences) -> list[Difference]:
        """Suspects that differ in the same way once more, both runs being of them alone."""
        if not suspects:
            return []
        runs, codes = [], {}
        for where in ("direct", place):
            record = self._records / f"{self.suite.name}-{self.server}-{place}-again-{where}.jsonl"
            self._start(where, record, list(suspects))
            runs.append(outcomes.read(record))
            codes = outcomes.codes(record)
        again = outcomes.differences(*runs)
        return [
            Difference(test, place, *pair, codes.get(test, ""))
            for test, pair in suspects.items()
            if again.get(test) == pair
        ]

    def _start(self, place: str, record: Path, only: Sequence[str] = ()) -> None:
        """Runs tests at a place; outcomes go to the record, output to a log beside it."""
        record.write_text("")
        if only:
            record.with_suffix(".only").write_text("".join(f"{test}\n" for test in only))
            chosen = {"PGLANE_COMPAT_ONLY": str(record.with_suffix(".only"))}
        else:
            chosen = {}
        python = python_for(self.suite, self.checkout)
        prepared = opened(place, self.server, self.suite.prepared_by)
        with prepared as (target, version), record.with_suffix(".log").open("w") as log:
            self._server_version = version
            words, variables = self.suite.command(target, self.suite.tests)
            subprocess.run(
                [str(python), *words],
                cwd=self.checkout / self.suite.folder,
                env={
                    **os.environ,
                    **variables,
                    **chosen,
                    "PYTHONPATH": str(RECORDER),
                    "PGLANE_COMPAT_RECORD": str(record),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=SUITE_S_MAX,
                check=False,
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A pytest plugin that writes how each test ended, one line of JSON per test, as it ends.

It runs inside a driver's own suite, in an environment that knows nothing of this repository, and
therefore imports nothing but the standard library, pytest and what lies beside it.

PGLANE_COMPAT_ONLY may name a file with tests, one a line: all others are left out. They are picked
here because names of tests that are made while tests are found cannot be given to pytest.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from pglane_codes import code_of

REASON_CHARACTERS_MAX = 1_000


class Recorder:
    """Joins the phases of a test (setup, call, teardown) into one outcome."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115, PTH123 -- until the end
        self._outcomes: dict[str, tuple[str, str, str]] = {}
        self._code = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keeps what a phase's own error says, as other plugins leave it; the report is next."""
        report = yield
        self._code = code_of(call.excinfo.value if call.excinfo else None)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self._outcomes.get(report.nodeid, ("", "", ""))
        if report.failed and known[0] != "failed":
            self._outcomes[report.nodeid] = ("failed", _reason(report), self._code)
        elif report.skipped and not known[0]:
            self._outcomes[report.nodeid] = ("skipped", _reason(report), "")
        elif report.when == "call" and report.passed and not known[0]:
            self._outcomes[report.nodeid] = ("passed", "", "")
        if report.when == "teardown":
            self.write(report.nodeid, *self._outcomes.pop(report.nodeid, ("skipped", "", "")))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.write(f"{report.nodeid} (collection)", "failed", _reason(report), "")

    def write(self, test: str, outcome: str, reason: str, code: str) -> None:
        line = {"test": test, "outcome": outcome, "reason": reason[-REASON_CHARACTERS_MAX:]}
        self._file.write(json.dumps({**line, "code": code}) + "\n")
        self._file.flush()


class Only:
    """Leaves out all tests but those of a list."""

    def __init__(self, path: str) -> None:
        self._names = set(Path(path).read_text(encoding="utf-8").splitlines())

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._names]


def _reason(report: "pytest.TestReport | pytest.CollectReport") -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(report.longrepr or "")


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.get("PGLANE_COMPAT_RECORD")
    if path:
        config.pluginmanager.register(Recorder(path), "pglane-recorder-of-outcomes")
    only = os.environ.get("PGLANE_COMPAT_ONLY")
    if only:
        config.pluginmanager.register(Only(only), "pglane-only-some-tests")

"""A pytest plugin that writes how each test ended, one line of JSON per test, as it ends.

It runs inside a driver's own suite, in an environment that knows nothing of this repository, and
therefore imports nothing but the standard library and pytest.
"""

import json
import os

import pytest

REASON_CHARACTERS_MAX = 1_000


class Recorder:
    """Joins the phases of a test (setup, call, teardown) into one outcome."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115, PTH123 -- until the end
        self._outcomes: dict[str, tuple[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self._outcomes.get(report.nodeid, ("", ""))
        if report.failed and known[0] != "failed":
            self._outcomes[report.nodeid] = ("failed", _reason(report))
        elif report.skipped and not known[0]:
            self._outcomes[report.nodeid] = ("skipped", _reason(report))
        elif report.when == "call" and report.passed and not known[0]:
            self._outcomes[report.nodeid] = ("passed", "")
        if report.when == "teardown":
            outcome, reason = self._outcomes.pop(report.nodeid, ("skipped", ""))
            self.write(report.nodeid, outcome, reason)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.write(f"{report.nodeid} (collection)", "failed", _reason(report))

    def write(self, test: str, outcome: str, reason: str) -> None:
        line = {"test": test, "outcome": outcome, "reason": reason[-REASON_CHARACTERS_MAX:]}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def _reason(report: "pytest.TestReport | pytest.CollectReport") -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(report.longrepr or "")


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.get("PGLANE_COMPAT_RECORD")
    if path:
        config.pluginmanager.register(Recorder(path), "pglane-recorder-of-outcomes")

"""Settings of Django's own tests for PostgreSQL, with a runner that records each test's outcome.

Read inside Django's process; imports nothing of this repository. PGLANE_COMPAT_DJANGO may hold
further keys of the databases as JSON, such as CONN_MAX_AGE or OPTIONS. PGLANE_COMPAT_ONLY may name
a file with tests, one a line: all others are left out.
"""

import json
import os
import unittest
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases
from pglane_codes import code_of

REASON_CHARACTERS_MAX = 1_000


def _database(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
        "PASSWORD": os.environ["PGPASSWORD"],
        "NAME": name,
        **json.loads(os.environ.get("PGLANE_COMPAT_DJANGO", "{}")),
    }


DATABASES = {"default": _database("django"), "other": _database("django2")}
SECRET_KEY = "compat"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "pglane_django.RecordingRunner"


class RecordingResult(unittest.TextTestResult):
    """Writes one line of JSON per test, as the pytest plugin beside this file does."""

    _outcome: tuple[str, str, str]

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 -- unittest's name
        super().startTest(test)
        self._outcome = ("passed", "", "")

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self._fail("", err)
        if not isinstance(test, unittest.TestCase):
            _write(str(test), *self._outcome)

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self._fail("", err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(f"{subtest}: ", err)

    def _fail(self, where: str, err: Any) -> None:
        self._outcome = ("failed", f"{where}{err[0].__name__}: {err[1]}", code_of(err[1]))

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self._outcome = ("skipped", reason, "")

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().stopTest(test)
        _write(test.id(), *self._outcome)


class RecordingRunner(DiscoverRunner):
    """Django's runner with our result class, which may leave out all tests but some."""

    def build_suite(self, *arguments: Any, **options: Any) -> unittest.TestSuite:
        suite = super().build_suite(*arguments, **options)
        path = os.environ.get("PGLANE_COMPAT_ONLY")
        if path:
            names = set(Path(path).read_text(encoding="utf-8").splitlines())
            suite = self.test_suite([one for one in iter_test_cases(suite) if one.id() in names])
        return suite

    def get_resultclass(self) -> type[unittest.TextTestResult]:
        return RecordingResult


def _write(test: str, outcome: str, reason: str, code: str) -> None:
    path = os.environ["PGLANE_COMPAT_RECORD"]
    line = {"test": test, "outcome": outcome, "code": code}
    line["reason"] = reason[-REASON_CHARACTERS_MAX:]
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(json.dumps(line) + "\n")

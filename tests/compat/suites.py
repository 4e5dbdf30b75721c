"""The suites: where their checkouts are, what they need, how one is started.

What is left out is the same at every place: what measures time or memory, needs another database,
a network or a certificate, or looks at the driver's own source.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.target import Target

RECORDER = Path(__file__).parent / "recorder"
TEST_S_MAX = 60
"""A test that takes longer has failed: it waits for something that does not come."""

Command = tuple[list[str], dict[str, str]]
"""Words behind the interpreter, and variables of the environment."""


@dataclass(frozen=True)
class Suite:
    """One driver's test suite.

    Attributes:
        name: what it is called.
        checkout: its folder below the folder of checkouts.
        origin: where a checkout comes from, for the message when it is missing.
        version_file: the file of the checkout that holds its version.
        version: finds the version in that file.
        needs: what pip installs, `{version}` being the checkout's.
        command: how some tests are run at a place.
        tests: what is run, in the suite's own words.
        folder: where in the checkout it is started.
        server: the version of PostgreSQL it runs on unless told otherwise.
        prepared_by: statements that every database must have seen.
    """

    name: str
    checkout: str
    origin: str
    version_file: str
    version: str
    needs: tuple[str, ...]
    command: Callable[[Target, Sequence[str]], Command]
    tests: tuple[str, ...]
    folder: str = "."
    server: str = "18"
    prepared_by: str = ""

    def version_of(self, checkout: Path) -> str:
        """The version of the driver whose tests lie in `checkout`."""
        text = (checkout / self.version_file).read_text()
        found = re.search(self.version, text, re.MULTILINE)
        assert found, f"{checkout / self.version_file} does not tell a version"
        return ".".join(part.strip() for part in found.groups())


def _pytest(*words: str) -> list[str]:
    return [
        *("-m", "pytest", "-p", "pglane_recorder", "--cache-clear", "-q", "--tb=short"),
        *(f"--timeout={TEST_S_MAX}", *words),
    ]


def _psycopg(target: Target, tests: Sequence[str]) -> Command:
    left_out = "not (slow or timing or flakey or crdb or dns or mypy or gevent or subprocess)"
    words = _pytest(
        *("-m", left_out, "-k", "not leak and not stress", "--test-dsn", target.uri()),
        *("-o", "filterwarnings=", "--ignore=tests/crdb", "--ignore=tests/test_typing.py"),
        *("--ignore=tests/test_module.py", *tests),
    )
    return words, {"PSYCOPG_IMPL": "binary"}


def _asyncpg(target: Target, tests: Sequence[str]) -> Command:
    """Its sources lie beside its tests: they must not be imported in place of the installed."""
    words = _pytest(
        *("--import-mode=importlib", "-o", "addopts=", "-k", "not SSL and not ssl"),
        *("--ignore=tests/test__sourcecode.py", "--ignore=tests/test__environment.py", *tests),
    )
    return words, {**target.environment(), "PYTHONSAFEPATH": "1"}


def _sqlalchemy(target: Target, tests: Sequence[str]) -> Command:
    drivers = ("psycopg", "asyncpg", "psycopg2")
    uris = [f"--dburi={target.uri(f'postgresql+{driver}')}" for driver in drivers]
    words = _pytest(*uris, "-o", "addopts=", "-p", "warnings", "-p", "logging", "--backend-only")
    return [*words, *tests], {}


def _django(target: Target, tests: Sequence[str]) -> Command:
    words = ["runtests.py", "--settings=pglane_django", "--noinput", "--parallel=1", *tests]
    return words, {**target.environment(), "PYTHONWARNINGS": "ignore"}


def _django_with_server_side_binding(target: Target, tests: Sequence[str]) -> Command:
    """Parameters travel apart from the text, and connections are kept from request to request."""
    words, variables = _django(target, tests)
    further = {"OPTIONS": {"server_side_binding": True}, "CONN_MAX_AGE": 60}
    return words, {**variables, "PGLANE_COMPAT_DJANGO": json.dumps(further)}


DJANGO_TESTS = (
    "aggregation", "annotations", "backends", "basic", "bulk_create", "constraints", "datatypes",
    "db_utils", "delete", "expressions", "get_or_create", "inspectdb", "introspection", "lookup",
    "multiple_database", "postgres_tests", "queries", "raw_query", "schema", "select_for_update",
    "timezones", "transaction_hooks", "transactions", "update",
)  # fmt: skip
BY_PIP = "pip download --no-deps --no-binary :all: {0}, unpacked"

DJANGO = Suite(
    "django",
    "django",
    BY_PIP.format("django"),
    "django/__init__.py",
    r"^VERSION = \((\d+), (\d+), (\d+)",
    ("django=={version}", "psycopg[binary,pool]", "jinja2", "tblib", "PyYAML"),
    _django,
    DJANGO_TESTS,
    folder="tests",
    server="15",
    prepared_by='CREATE COLLATION IF NOT EXISTS "sv-x-icu" FROM "C"',
)
SUITES = (
    Suite(
        "psycopg",
        "psycopg",
        "git clone --branch 3.3.4 https://github.com/psycopg/psycopg",
        "psycopg/pyproject.toml",
        r'^version = "([\d.]+)"',
        (
            *("psycopg[binary]=={version}", "psycopg-pool", "pytest>=8", "pytest-timeout"),
            *("anyio>=4", "pproxy>=2.7", "numpy", "mypy"),
        ),
        _psycopg,
        ("tests",),
    ),
    Suite(
        "asyncpg",
        "asyncpg",
        BY_PIP.format("asyncpg"),
        "asyncpg/_version.py",
        r"__version__(?:: [\w.]+)? = ['\"]([\d.]+)",
        ("asyncpg=={version}", "distro", "uvloop", "pytest>=8", "pytest-timeout"),
        _asyncpg,
        ("tests",),
    ),
    Suite(
        "sqlalchemy",
        "sqlalchemy",
        BY_PIP.format("sqlalchemy"),
        "lib/sqlalchemy/__init__.py",
        r'^__version__ = "([\d.]+)"',
        (
            *("sqlalchemy[asyncio]=={version}", "psycopg[binary]", "asyncpg", "psycopg2-binary"),
            *("pytest>=8", "pytest-timeout", "pytest-xdist"),
        ),
        _sqlalchemy,
        ("test/dialect/test_suite.py", "test/dialect/postgresql", "test/engine"),
        prepared_by=(
            "CREATE SCHEMA test_schema; CREATE SCHEMA test_schema_2; CREATE EXTENSION hstore; "
            "CREATE EXTENSION citext"
        ),
    ),
    DJANGO,
    dataclasses.replace(
        DJANGO, name="django-server-binding", command=_django_with_server_side_binding
    ),
)
"""Django runs on PostgreSQL 15, whose distribution has the extensions that its tests create."""

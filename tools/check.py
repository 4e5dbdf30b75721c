"""All tests, as CI runs them, in three steps: `make check`, which is `make test`.

First, side by side, what needs a processor and nothing else: the sources (coverage of the core by
its own tests, the pure form), and compiled whatever serves no client. Then the tests of running
gateways and servers, four files at a time. At last, alone, those that measure how long somebody
waits or how much is kept. The last line is that of the last run of pytest.

What fails in compiled form may run once more, alone (`make again`, which is `again` here); what
fails in the sources may not.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PYTEST = (sys.executable, "-m", "pytest")
TESTS = Path("tests")
INTEGRATION = TESTS / "integration"
SERVING = ("bench", "integration", "scenarios", "soak")
"""Folders whose tests start gateways and servers."""
TIMED = (
    *(TESTS / name for name in ("bench", "scenarios", "soak")),
    *(
        INTEGRATION / f"test_{name}.py"
        for name in (
            "failed_logins", "kill", "lane_promises", "many_iterations", "memory_bound",
            "overload", "pool_deadlock", "soak",
        )
    ),
)  # fmt: skip
AT_ONCE = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
"""A file stays in one process, which starts the servers that its tests share once."""
LONGEST = (
    "install", "catalog_reading", "differential_topics", "statement_effects", "differential",
    "command_line", "supervisor", "server_tls", "hostile", "unseen_effects",
)  # fmt: skip
"""Begun first: what is begun last is waited for by one process alone."""
PURE = ("-q", "--form=pure", "-p", "no:cacheprovider", "tests/property")
SOURCES = ((sys.executable, "-m", "tools.check_mirror_coverage"), (*PYTEST, *PURE))
CACHE = Path(".pytest_cache")


def main() -> int:
    """Runs all steps; 1 if anything failed."""
    if sys.argv[1:] == ["again"]:
        return again()
    with beside(compiled(others())) as codes:
        sources_pass = all(passes(command) for command in SOURCES)
    if not sources_pass:
        shutil.rmtree(CACHE, ignore_errors=True)  # no second chance
        return 1
    codes.append(not passes(compiled((*AT_ONCE, *untimed()))))
    codes.append(not passes(compiled(TIMED)))
    return int(any(codes))


def again() -> int:
    """Once more what failed in the last run; 1 also where nothing is known to have."""
    return int(not passes(compiled(("--last-failed", "--last-failed-no-failures=none"))))


def compiled(words: Iterable[str | Path]) -> list[str]:
    """The command for these tests, which writes down what failed."""
    return [*PYTEST, "--form=compiled", *map(str, words)]


@contextmanager
def beside(command: Sequence[str]) -> Iterator[list[int]]:
    """Runs it meanwhile; then shows what it said, and puts its exit code into the list."""
    codes: list[int] = []
    with tempfile.TemporaryFile() as said:
        apart = subprocess.Popen(command, stdout=said, stderr=said)
        yield codes
        codes.append(apart.wait())
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout.buffer)
        sys.stdout.flush()


def others() -> list[Path]:
    """Every file and folder of tests that starts no gateway."""
    return [each for each in entries(TESTS) if each.name not in SERVING]


def untimed() -> list[Path]:
    """The tests of running gateways that measure nothing, the longest first."""
    first = [INTEGRATION / f"test_{name}.py" for name in LONGEST]
    rest = [each for each in entries(INTEGRATION) if each not in (*first, *TIMED)]
    return [*first, *rest]


def entries(folder: Path) -> list[Path]:
    """What in a folder has tests: files, and folders that have them."""
    found = {each.relative_to(folder).parts[0] for each in folder.rglob("test_*.py")}
    return [folder / name for name in sorted(found)]


def passes(command: Sequence[str]) -> bool:
    """Runs it to its end, in the open."""
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())

"""All tests, as CI runs them, in two steps: `make check`, which is `make test`.

First, side by side, what needs a processor and nothing else: the sources (coverage of the core by
its own tests, the pure form), and compiled whatever serves no client. Then alone, because they
measure how long somebody waits, the tests of running gateways and servers. The last line is that
of the last run of pytest.

What fails in compiled form may run once more (`make again`); what fails in the sources may not.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PYTEST = (sys.executable, "-m", "pytest")
COMPILED = (*PYTEST, "--form=compiled")
TESTS = Path("tests")
SERVING = tuple(str(TESTS / name) for name in ("bench", "integration", "scenarios", "soak"))
"""Folders whose tests start gateways and servers."""
PURE = ("-q", "--form=pure", "-p", "no:cacheprovider", "tests/property", "tests/test_house.py")
SOURCES = ((sys.executable, "-m", "tools.check_mirror_coverage"), (*PYTEST, *PURE))
REMEMBERED = Path(".pytest_cache")


def main() -> int:
    """Runs both steps; 1 if anything failed."""
    with tempfile.TemporaryFile() as said:
        apart = subprocess.Popen([*COMPILED, *others()], stdout=said, stderr=said)
        if not all(passes(command) for command in SOURCES):
            apart.terminate()
            apart.wait()
            shutil.rmtree(REMEMBERED, ignore_errors=True)  # no second chance
            return 1
        passed = apart.wait() == 0
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout.buffer)
        sys.stdout.flush()
    return 0 if passes([*COMPILED, *SERVING]) and passed else 1


def others() -> list[str]:
    """Every file and folder of tests that starts no gateway."""
    found = {each.relative_to(TESTS).parts[0] for each in TESTS.rglob("test_*.py")}
    return sorted(str(TESTS / name) for name in found if str(TESTS / name) not in SERVING)


def passes(command: Sequence[str]) -> bool:
    """Runs it to its end, in the open."""
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())

"""Commands that are started with a standard stream closed, or for a small alphabet."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os
from pglane.cli import standard_streams
standard_streams.make_whole()
print("d\\u00e4", flush=True)
opened = os.open(os.devnull, os.O_RDONLY)
assert opened > 2, opened
raise SystemExit(7 if all(map(os.get_inheritable, (0, 1, 2))) else 8)
"""


@pytest.mark.parametrize("closed", ["", "<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_what_is_closed_is_opened_and_what_cannot_be_written_is_escaped(closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, PROGRAM],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout == (b"" if ">&-" in closed.replace("2>&-", "") else b"d\\xe4\n")

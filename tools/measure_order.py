"""Which functions serve clients, for the linker: `make order` writes `hot_functions.txt`.

GCC counts calls while the gateway serves the workloads of the benchmark, as for `make fast`. Those
called at least `CALLS_MIN` times are hot, and the more often, the earlier they lie: what every
transaction runs lies together, behind it what a login runs. A function whose name changed since
then is as if it were cold, until somebody measures again. It takes some minutes and needs GCC,
PostgreSQL and pgbench.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools import build_extensions, build_fast

HOT_FUNCTIONS = Path("src", "pglane", "hot_functions.txt")
CALLS_MIN = 1000
HEAD = """\
# Functions that serve clients, the most called first: module, name in C. Written by `make order`.
"""


def main() -> int:
    """Counts, writes the file, and builds as usual again."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not build_fast.is_gcc():
        print("make order: this needs GCC, which counts", file=sys.stderr)
        return 1
    build_extensions.main()
    known = symbols()
    shutil.rmtree(build_fast.PROFILE, ignore_errors=True)
    counted = build_fast.build(f"write:{build_fast.PROFILE}") and build_fast.is_counted()
    build_extensions.library().unlink(missing_ok=True)
    if not counted:
        print("make order: nothing was counted", file=sys.stderr)
        return 1
    lines = hot({key: times for key, times in calls().items() if key in known})
    HOT_FUNCTIONS.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return build_extensions.main()


def symbols() -> set[tuple[str, str]]:
    """Module and name of each function of the usual build that is not always inlined."""
    found: set[tuple[str, str]] = set()
    for path in Path("build").glob("temp.*/build/c/src/pglane/**/*.o"):
        module = path.with_suffix("").as_posix().rpartition("/pglane/")[2]
        told = subprocess.run(["nm", path], capture_output=True, check=True, text=True)
        found |= {
            (module, line.split()[-1].partition(".")[0]) for line in told.stdout.splitlines()
        }
    return found


def hot(counts: dict[tuple[str, str], int]) -> list[str]:
    """Lines of the file, from calls by module and function."""
    often = [(-times, *key) for key, times in counts.items() if times >= CALLS_MIN]
    return list(dict.fromkeys(f"{module} {pattern(name)}" for _, module, name in sorted(often)))


def pattern(name: str) -> str:
    """The name for a linker script, without the number that counts the functions of a class."""
    return re.sub(r"^(__pyx_(?:pw|pf|gb)_.*_)\d+([A-Za-z_]\w*)$", r"\1*\2", name)


def calls() -> dict[tuple[str, str], int]:
    """How often each function of each module was called."""
    found: dict[tuple[str, str], int] = {}
    for module, record in records():
        for file in record["files"]:
            for function in file["functions"]:
                key = (module, function["name"])
                found[key] = max(found.get(key, 0), function["execution_count"])
    return found


def records() -> Iterator[tuple[str, dict[str, Any]]]:
    """What gcov says of each module; notes and counts are looked for side by side."""
    with tempfile.TemporaryDirectory() as folder:
        for counts in build_fast.PROFILE.glob("*.gcda"):
            notes = Path("/", *counts.with_suffix(".gcno").name.split("#"))
            module = notes.with_suffix("").as_posix().rpartition("/pglane/")[2]
            for path in (counts, notes):
                shutil.copy(path, Path(folder, f"one{path.suffix}"))
            told = subprocess.run(
                ["gcov", "--json-format", "--stdout", "one.gcda"],
                cwd=folder, capture_output=True, check=True,
            )  # fmt: skip
            yield module, json.loads(told.stdout)


if __name__ == "__main__":
    sys.exit(main())

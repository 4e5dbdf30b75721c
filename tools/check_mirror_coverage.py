"""Branch coverage of each module of the core by its own tests only.

A module that others' tests cover in passing is not tested: nobody asked it anything. So
`tests/unit` runs once, in pure form, every test under the name of its file, and for a module only
what ran under `test_<module>*.py` of its mirror folder counts (and what runs at import).

The aim is 100 %. `mirror_coverage.toml` lists the modules that are not there yet, each with the
percentage it must not fall below; `--update` writes it anew. One that is not listed needs 100 %.
"""

import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

PACKAGE = Path("src/pglane")
TESTS = Path("tests/unit")
MINIMA = Path("tools/mirror_coverage.toml")
CORE = ("wire", "connection", "scheduler", "pool", "doors", "errors")
AIM = 100.0


class NamesTheFile:
    """A plugin of pytest: what a test runs is recorded under the path of the test's file."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Names the test's file for as long as the test and its fixtures run."""
        self._measured.switch_context(item.path.relative_to(Path.cwd()).as_posix())
        result = yield
        self._measured.switch_context("")
        return result


def main(arguments: list[str]) -> int:
    """Prints the table; 1 if a test fails or a module is below its minimum."""
    os.environ["COVERAGE_CORE"] = "ctrace"
    measured = coverage.Coverage(branch=True, source=[str(PACKAGE)], data_file=None)
    measured.start()
    code = pytest.main(["-q", "--form=pure", str(TESTS)], plugins=[NamesTheFile(measured)])
    measured.stop()
    if code:
        return int(code)
    minima = tomllib.loads(MINIMA.read_text()) if MINIMA.exists() else {}
    found = {name_of(path): summary(measured, path) for path in core_modules()}
    if "--update" in arguments:
        minima = {name: figures["percent_covered"] for name, figures in found.items()}
        write(minima)
    complaints = [line for name in found for line in row(name, found[name], minima)]
    print("\n".join(complaints))
    return 1 if complaints else 0


def core_modules() -> Iterator[Path]:
    """The modules that the aim is set for."""
    for package in CORE:
        yield from sorted((PACKAGE / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """`wire/framing`."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def summary(measured: coverage.Coverage, path: Path) -> dict[str, Any]:
    """The figures of one module, counting its own tests only."""
    stem = path.parent.name if path.stem == "__init__" else path.stem
    mirror = TESTS / path.parent.relative_to(PACKAGE) / f"test_{stem}"
    own = rf"^$|^{re.escape(mirror.as_posix())}(_\w+)?\.py$"
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        measured.json_report(morfs=[str(path)], contexts=[own], outfile=file.name)
        (figures,) = json.loads(Path(file.name).read_text())["files"].values()
    missing = [str(line) for line in figures["missing_lines"]]
    missing += [f"{source}->{target}" for source, target in figures["missing_branches"]]
    return {**figures["summary"], "missing": missing}


def row(name: str, figures: dict[str, Any], minima: dict[str, float]) -> list[str]:
    """Prints a module's line of the table; the complaint about it, if there is one."""
    percent, minimum = figures["percent_covered"], minima.get(name, AIM)
    missing = ", ".join(figures["missing"][:12])
    print(f"{name:40} {percent:6.1f} %  minimum {minimum:5.1f}  missing: {missing or '-'}")
    if percent + 0.05 >= minimum:
        return []
    where = f"{PACKAGE / name}.py:1"
    return [
        f"{where}: {percent:.1f} % by its own tests, not {minimum:.1f} %: test what is missing"
    ]


def write(percentages: dict[str, float]) -> None:
    """Keeps what is below the aim as the new minimum, rounded down."""
    lines = [
        "# Modules below 100 %, and what they must not fall below. Only ever raise a number.\n"
    ]
    for name, percent in percentages.items():
        if percent < AIM:
            lines.append(f'"{name}" = {int(percent * 10) / 10}\n')
    MINIMA.write_text("".join(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

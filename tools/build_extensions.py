"""Brings the compiled modules up to date with their sources, in place.

Installing a package treats a failing compiler as no error, since the `.py` works too. Developers
need the opposite: an extension that was not rebuilt would go on shadowing the edited source. So
what is stale or has lost its `.pxd` is deleted first, and a module that does not compile although
there is a compiler is an error.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

SOURCE = Path("src")


def main() -> int:
    """Builds what is missing or stale; says what a person should know."""
    for extension in dead_extensions():
        extension.unlink()
    missing = missing_extensions()
    if missing:
        print(
            f"make setup: compiling {len(missing)} of {len(typed_sources())} modules", flush=True
        )
    done = build() if missing else None
    still_missing = missing_extensions()
    obstacle = obstacle_to_compiling()
    if still_missing and not obstacle:
        names = ", ".join(map(str, still_missing))
        output = done.stdout if done else ""
        print(f"{output}\nmake setup: these did not compile: {names}", file=sys.stderr)
        return 1
    if still_missing:
        print(
            f"make setup: {obstacle}. Everything works as plain Python, but slower. "
            "When it is installed: make clean setup"
        )
    Path(sys.prefix, ".built").touch()
    return 0


def build() -> subprocess.CompletedProcess[str]:
    """Runs setup.py; its output is of interest only when a module did not compile."""
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    command += ["--parallel", str(os.cpu_count() or 1)]
    return subprocess.run(
        command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def typed_sources() -> list[Path]:
    """Every `.py` that has a `.pxd` of its name: the modules to be compiled."""
    return sorted(pxd.with_suffix(".py") for pxd in SOURCE.rglob("*.pxd"))


def extension_of(source: Path) -> Path:
    """Where this interpreter expects the compiled form of `source`."""
    return source.with_name(source.stem + EXTENSION_SUFFIXES[0])


def is_stale(source: Path) -> bool:
    """True if the compiled form is there and older than the source or its types."""
    extension = extension_of(source)
    if not extension.exists():
        return False
    built = extension.stat().st_mtime_ns
    return any(half.stat().st_mtime_ns > built for half in (source, source.with_suffix(".pxd")))


def missing_extensions() -> list[Path]:
    """Sources that should be compiled and are not."""
    return [source for source in typed_sources() if not extension_of(source).exists()]


def dead_extensions() -> Iterator[Path]:
    """Compiled forms that would shadow what is no longer their source."""
    typed = typed_sources()
    alive = {extension_of(source) for source in typed}
    for extension in SOURCE.rglob("*" + EXTENSION_SUFFIXES[0]):
        if extension not in alive:
            yield extension
    yield from (extension_of(source) for source in typed if is_stale(source))


def obstacle_to_compiling() -> str:
    """What this machine lacks to compile an extension; "" if nothing is missing."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if not shutil.which(shlex.split(command)[0]):
        return f"no C compiler ({command})"
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.exists():
        return f"no {header} (on Debian and Ubuntu: apt-get install python3-dev)"
    return ""


if __name__ == "__main__":
    sys.exit(main())

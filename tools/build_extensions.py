"""Brings the compiled modules up to date with their sources, in place.

Installing a package treats a failing compiler as no error, since the `.py` works too. Developers
need the opposite: a library that was not rebuilt would go on shadowing the edited source. So a
stale one is deleted first, and modules that do not compile although there is a compiler are an
error.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

SOURCE = Path("src")
FAST = "fast"
"""The stamp that says that GCC laid the library out by a profile."""
LAYOUT = ("cold_paths.h", "hot_functions.txt")
"""What compiler and linker are told of the order of code; see setup.py."""


def main() -> int:
    """Builds the library if it is missing or stale; says what a person should know."""
    delete_outdated()
    if is_fresh():
        return stamp("built")
    print(f"make setup: compiling {len(typed_sources())} modules", flush=True)
    done = build()
    obstacle = obstacle_to_compiling()
    if not is_fresh() and not obstacle:
        print(f"{done.stdout}\nmake setup: the modules did not compile", file=sys.stderr)
        return 1
    if not is_fresh():
        print(
            f"make setup: {obstacle}. Everything works as plain Python, but slower. "
            "When it is installed: make clean setup"
        )
    return stamp("built")


def build(profile: str = "") -> subprocess.CompletedProcess[str]:
    """Runs setup.py; its output is of interest only when a module did not compile."""
    return subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace"],
        env={**os.environ, "PGLANE_PROFILE": profile},
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def stamp(name: str) -> int:
    """Tells make that it is done."""
    Path(sys.prefix, f".{name}").touch()
    return 0


def unstamp(name: str) -> None:
    """Tells make that it is to be done again."""
    Path(sys.prefix, f".{name}").unlink(missing_ok=True)


def typed_sources() -> list[Path]:
    """Every `.py` that has a `.pxd` of its name: the modules to be compiled."""
    return sorted(pxd.with_suffix(".py") for pxd in SOURCE.rglob("*.pxd"))


def library() -> Path:
    """Where this interpreter expects the compiled form of all of them."""
    return SOURCE / "pglane" / f"_compiled{EXTENSION_SUFFIXES[0]}"


def is_fresh() -> bool:
    """True if the library is there and not older than sources, types and layout."""
    if not library().exists():
        return False
    built = library().stat().st_mtime_ns
    halves = [half for source in typed_sources() for half in (source, source.with_suffix(".pxd"))]
    layout = [SOURCE / "pglane" / name for name in LAYOUT]
    return all(path.stat().st_mtime_ns <= built for path in halves + layout if path.exists())


def how_built() -> str:
    """For people who read a measurement."""
    if not is_fresh():
        return "not compiled"
    profiled = Path(sys.prefix, f".{FAST}")
    built = library().stat().st_mtime_ns
    if profiled.exists() and profiled.stat().st_mtime_ns >= built:
        return "compiled, laid out by a profile (make fast)"
    return "compiled"


def delete_outdated() -> None:
    """Compiled forms that would shadow what is no longer their source."""
    for extension in SOURCE.rglob("*" + EXTENSION_SUFFIXES[0]):
        if extension != library() or not is_fresh():
            extension.unlink()


def obstacle_to_compiling() -> str:
    """What this machine lacks to compile an extension; "" if nothing is missing."""
    command = os.environ.get("CC", sysconfig.get_config_var("CC") or "cc")
    if not command.strip():
        return "no C compiler (CC is set, and empty)"  # setuptools takes that at its word
    if not shutil.which(shlex.split(command)[0]):
        return f"no C compiler ({command})"
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.exists():
        return f"no {header} (on Debian and Ubuntu: apt-get install python3-dev)"
    return ""


if __name__ == "__main__":
    sys.exit(main())

"""Imports modules of pglane first: `python -m tests.support.first_imports FORM`.

An import that works in the order of the application may fail in another one: whoever is begun
first may find another unfinished. So each is imported by a fresh process. Those are forked from
one that has loaded what is not ours, which is most of the time of a start. What failed is printed.
"""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support import pure

SOURCE = Path(__file__).parent.parent.parent / "src"


def module_of(path: Path) -> str:
    """Its name."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def modules() -> list[str]:
    """Those that are compiled, and all packages; house rules look at the others' texts."""
    sources = [path.with_suffix(".py") for path in SOURCE.rglob("*.pxd")]
    return sorted(map(module_of, [*sources, *SOURCE.rglob("__init__.py")]))


def in_a_child(call: Callable[..., str], *arguments: str) -> str:
    """What it returns, or raises, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            told = call(*arguments)
        except BaseException as error:  # noqa: BLE001 -- a child of a fork must go no further
            told = f"{type(error).__name__}: {error}"
        with os.fdopen(writing, "w") as pipe:
            pipe.write(told)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


def foreign_modules() -> str:
    """What all of them import that is not ours."""
    for name in modules():
        importlib.import_module(name)
    return " ".join(name for name in sys.modules if name.partition(".")[0] != pure.PACKAGE)


def first(name: str) -> str:
    """Imports it; empty: it worked."""
    importlib.import_module(name)
    return ""


def main(form: str) -> int:
    """Exit code: 0 when all can be first."""
    if form == "pure":
        pure.prefer_pure()
    for name in in_a_child(foreign_modules).split():
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # made by an extension as it starts
    failures = {name: told for name in modules() if (told := in_a_child(first, name))}
    for name, told in failures.items():
        print(f"{name} cannot be the first: {told}")
    print(f"{len(modules())} modules, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

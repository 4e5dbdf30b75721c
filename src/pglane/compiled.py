"""Where compiled modules come from: one library beside this file, if it was built.

It holds every module that has types (`.pxd`) beside its `.py`. One library and not one for each
module, because the code that serves a client then lies together: a gateway that did nothing for a
millisecond finds little of its code in the processor's caches, and pages and cache lines touched
are what its answer costs. No library, no finder: Python finds the sources, which work, slower.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path

FOLDER = Path(__file__).parent


def library(folder: Path = FOLDER) -> Path | None:
    """The library of this interpreter in a folder; None if none was built."""
    candidates = (folder / f"_compiled{suffix}" for suffix in EXTENSION_SUFFIXES)
    return next((path for path in candidates if path.exists()), None)


class CompiledFinder:
    """Finds the modules that the library holds: those with a `.pxd` in their folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """The compiled form of a module of ours; None for any other module."""
        del target
        package, _, last = name.rpartition(".")
        if path is None or package.partition(".")[0] != "pglane":
            return None
        if not any(Path(folder, f"{last}.pxd").exists() for folder in path):
            return None
        loader = ExtensionFileLoader(name, str(self.path))
        return spec_from_file_location(name, self.path, loader=loader)


def prefer_compiled() -> None:
    """Lets later imports of pglane's modules take the compiled form, where there is one."""
    path = library()
    if path is not None:
        sys.meta_path.insert(sys.meta_path.index(PathFinder), CompiledFinder(path))

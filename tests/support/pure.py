"""The pure form of our modules, although their compiled form lies beside them.

An extension module in the same folder shadows its `.py`. `SourceFirst` looks for sources only; it
is put in front of all finders, before anything of pglane is imported, when pytest runs with
`--form=pure`. `load_pure` gives one module in pure form inside a process that otherwise runs the
compiled ones, for tests that compare the two.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType

PACKAGE = "pglane"
_pure_modules: dict[str, ModuleType] = {}


class SourceFirst(MetaPathFinder):
    """Finds `pglane` and everything below it in sources only."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _is_ours(fullname):
            return None
        for folder in sys.path if path is None else path:
            finder = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
            spec = finder.find_spec(fullname)
            if spec is not None and spec.loader is not None:
                return spec
        return None


def prefer_pure() -> None:
    """Makes every later import of pglane take the source.

    Raises:
        RuntimeError: something of pglane was imported already; it may be compiled.
    """
    if is_preferred():
        return
    early = sorted(filter(_is_ours, sys.modules))
    if early:
        msg = f"too late for the pure form, already imported: {', '.join(early)}"
        raise RuntimeError(msg)
    sys.meta_path.insert(0, SourceFirst())


def is_preferred() -> bool:
    """True after `prefer_pure`."""
    return any(isinstance(finder, SourceFirst) for finder in sys.meta_path)


def load_pure(name: str) -> ModuleType:
    """The module `name` in pure form, with everything of pglane it imports in pure form too.

    The same object at every call. Its classes are not those of the compiled module.
    """
    if is_preferred():
        return importlib.import_module(name)
    with _pure_imports():
        return importlib.import_module(name)


@contextlib.contextmanager
def _pure_imports() -> Iterator[None]:
    """Swaps the pure modules in `sys.modules` for the ones in use, and back."""
    in_use = _take_out()
    finder = SourceFirst()
    sys.meta_path.insert(0, finder)
    sys.modules.update(_pure_modules)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _pure_modules.update(_take_out())
        sys.modules.update(in_use)


def _take_out() -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}


def _is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(PACKAGE + ".")

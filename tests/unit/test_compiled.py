"""One library holds every module with types; without it the sources are found as ever."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder

import pytest

from pglane import compiled
from pglane.compiled import CompiledFinder


@pytest.fixture
def package(tmp_path):
    """A folder with one module that has types and one that has none."""
    for name in ("typed.py", "typed.pxd", "plain.py"):
        (tmp_path / name).touch()
    return tmp_path


def test_the_library_is_found_where_it_was_built(tmp_path):
    assert compiled.library(tmp_path) is None
    path = tmp_path / f"_compiled{EXTENSION_SUFFIXES[0]}"
    path.touch()
    assert compiled.library(tmp_path) == path


def test_modules_with_types_come_from_the_library(package):
    library = package / "_compiled.so"
    spec = CompiledFinder(library).find_spec("pglane.wire.typed", [str(package)])
    assert spec is not None
    assert (spec.name, spec.origin) == ("pglane.wire.typed", str(library))


@pytest.mark.parametrize("name", ["pglane.wire.plain", "pglane.wire.gone", "other.typed", "typed"])
def test_other_modules_are_left_to_others(package, name):
    finder = CompiledFinder(package / "_compiled.so")
    assert finder.find_spec(name, [str(package)]) is None
    assert finder.find_spec("pglane") is None


@pytest.mark.parametrize("built", [False, True])
def test_sources_are_found_behind_it(tmp_path, monkeypatch, built):
    monkeypatch.setattr(compiled, "library", lambda: tmp_path / "_compiled.so" if built else None)
    monkeypatch.setattr(sys, "meta_path", ["first", PathFinder, "last"])
    compiled.prefer_compiled()
    kinds = [getattr(finder, "path", finder) for finder in sys.meta_path]
    ours = [tmp_path / "_compiled.so"] if built else []
    assert kinds == ["first", *ours, PathFinder, "last"]

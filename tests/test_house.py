"""The house rules hold, and each rule is able to find what it looks for."""

import os
from pathlib import Path

import pytest

from tests.support import house

ROOT = Path(__file__).parent.parent

LAYERS = """\
[tool.importlinter]
root_package = "pglane"
[[tool.importlinter.contracts]]
name = "imports point down"
type = "layers"
layers = ["pglane.engine", "pglane.wire"]
"""

TYPES = """\
cdef class Owner:
    cpdef on_end(self)


cdef class Transport:
    cdef Owner _owner
    cdef Owner _first
    cpdef forget(self)
    cpdef end(self)
"""
REPLACES = """\
class Transport:
    def __init__(self, owner):
        self._owner = self._first = owner

    def forget(self):
        self._owner = None

    def end(self):
        owner = self._owner
        owner.on_end()
        self._first.on_end()
        self._owner.on_end()
"""

# Per rule: files of a small repository that breaks it, and what the complaint must begin with.
PLANTED: dict[str, tuple[dict[str, str], str]] = {
    "functions_are_short": (
        {"tools/x.py": "\ndef long():\n" + "    a = 1\n" * 60},
        "tools/x.py:2: long has 61 lines",
    ),
    "files_are_short": ({"bench/x.py": "a = 1\n" * 601}, "bench/x.py:601: 601 lines"),
    "modules_have_docstrings": ({"src/pglane/x.py": "a = 1\n"}, "src/pglane/x.py:1: no module"),
    "nothing_is_postponed": (
        {"src/pglane/x.py": "a = 1\nb = 2  # TODO later\n"},
        "src/pglane/x.py:2: TODO",
    ),
    "names_say_something": (
        {"src/pglane/pool_utils.py": ""},
        "src/pglane/pool_utils.py:1: 'utils'",
    ),
    "sides_are_called_client_and_server": (
        {"src/pglane/x.py": "backend_pid = 1\nclass BackendPool: ...\n"},
        "src/pglane/x.py:2: 'BackendPool'",
    ),
    "nothing_sleeps": (
        {"src/pglane/x.py": "import time\ntime.sleep(1)\n"},
        "src/pglane/x.py:2: time.sleep",
    ),
    "errors_are_not_swallowed": (
        {"src/pglane/x.py": "try:\n    a = 1\nexcept (OSError, Exception):\n    pass\n"},
        "src/pglane/x.py:3: every error",
    ),
    "logs_hold_no_secrets": (
        {"src/pglane/x.py": "log.info('%s', len(sql))\nlog.info(f'{self.last_sql}')\n"},
        "src/pglane/x.py:2: a log line must not hold 'last_sql'",
    ),
    "extensions_are_fresh": (
        {f"src/pglane/x{house.EXTENSION_SUFFIXES[0]}": "", "src/pglane/x.py": ""},
        f"src/pglane/x{house.EXTENSION_SUFFIXES[0]}:1: it shadows",
    ),
    "receivers_are_held": (
        {"src/pglane/x.pxd": TYPES, "src/pglane/x.py": REPLACES},
        "src/pglane/x.py:12: self._owner.on_end() is called on what Transport._owner holds",
    ),
    "tests_mirror_source": (
        {"src/pglane/wire/x.py": "def f(): ...\n", "src/pglane/wire/table.py": "A = 1\n"},
        "src/pglane/wire/x.py:1: no unit test of its own: write tests/unit/wire/test_x.py",
    ),
    "no_module_is_dead": (
        {
            "src/pglane/cli/__init__.py": "from pglane.wire import used\n",
            "src/pglane/wire/__init__.py": "",
            "src/pglane/wire/used.py": "",
            "src/pglane/wire/used_by_a_tool.py": "",
            "tools/x.py": "from pglane.wire import used_by_a_tool\n",
            "src/pglane/wire/unused.py": "",
        },
        "src/pglane/wire/unused.py:1: no command",
    ),
    "imports_point_down": (
        {
            "pyproject.toml": LAYERS,
            "src/pglane/__init__.py": "",
            "src/pglane/engine/__init__.py": "",
            "src/pglane/wire/__init__.py": "import pglane.engine\n",
        },
        "pyproject.toml:1: import contracts broken",
    ),
    "imports_make_no_circle": (
        {
            "src/pglane/__init__.py": "",
            "src/pglane/a.py": "from pglane import b, c\n",
            "src/pglane/b.py": "def later():\n    import pglane.a\n",
            "src/pglane/c.py": "import pglane.b\n",
            "src/pglane/c.pxd": "from pglane.a cimport A\n",
        },
        "src/pglane/a.py:1: pglane.a imports pglane.c imports pglane.a: ",
    ),
    "references_are_fresh": (
        {"tools/generate_reference.py": "raise SystemExit('docs/reference/errors.md is stale')\n"},
        "tools/generate_reference.py:1: generated pages are stale",
    ),
    "links_resolve": (
        {"docs/a.md": "# A b\n[good](#a-b)\n[bad](b.md)\n"},
        "docs/a.md:3: nothing at 'b.md'",
    ),
    "named_files_exist": (
        {"docs/a.md": "`docs/a.md` is here\n`src/pglane/gone.py` is not\n"},
        "docs/a.md:2: there is no src/pglane/gone.py",
    ),
}


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps_the_rule(rule: house.Rule) -> None:
    complaints = list(rule(ROOT))
    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_a_planted_violation(rule: house.Rule, tmp_path: Path) -> None:
    files, expected = PLANTED[rule.__name__]
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    complaints = list(rule(tmp_path))
    assert len(complaints) == 1, complaints
    assert complaints[0].startswith(expected)


def test_a_library_older_than_a_source_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "src" / "pglane"
    folder.mkdir(parents=True)
    library = folder / f"_compiled{house.EXTENSION_SUFFIXES[0]}"
    for path, modified in [(library, 1), (folder / "x.py", 2), (folder / "x.pxd", 1)]:
        path.touch()
        os.utime(path, (modified, modified))
    complaints = list(house.extensions_are_fresh(tmp_path))
    assert len(complaints) == 1
    assert "older than x" in complaints[0]


def test_two_compiled_modules_of_one_name_are_found(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for suffix in (".py", ".pxd"):
            path = tmp_path / "src" / "pglane" / name / f"x{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (complaint,) = house.extensions_are_fresh(tmp_path)
    assert complaint.startswith("src/pglane/b/x.pxd:1: src/pglane/a/x.pxd")


def test_lengths_of_functions_are_reported(record_house_figure) -> None:
    record_house_figure(house.function_lengths(ROOT))

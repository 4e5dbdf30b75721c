"""A rule for imports: modules do not wait for each other in a circle.

In a circle an import works or fails by who comes first, and who does is an accident of the order
in which others import. What counts is what runs when a module is imported: not what is below a
function, nor what only the type checker reads. A `cimport` counts: it imports when the extension
starts. A package is begun before its modules, so what these import from it is left out.
"""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

CIMPORT = re.compile(r"^(?:from|cimport) (\S+)", re.MULTILINE)


def imports_make_no_circle(root: Path) -> Iterator[str]:
    source = root / "src"
    paths = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(source.rglob("*.py"))
    }
    imports = {name: imports_of(name, path, paths) for name, path in paths.items()}
    while waiting := {name for name in imports if imports[name] & imports.keys()}:
        if len(waiting) == len(imports):
            circle = walk(imports)
            yield (
                f"{paths[circle[0]].relative_to(root)}:1: {' imports '.join(circle)}: "
                "move what they have of each other to a module of its own"
            )
            return
        imports = {name: imports[name] for name in waiting}


def walk(imports: dict[str, set[str]]) -> list[str]:
    """From one to the next, where each has a next, until one comes again."""
    passed = [min(imports)]
    while passed[-1] not in passed[:-1]:
        passed.append(min(imports[passed[-1]] & imports.keys()))
    return passed[passed.index(passed[-1]) :]


def imports_of(name: str, path: Path, known: Collection[str]) -> set[str]:
    """What has been imported before the module itself is there."""
    named = set(run_imports(ast.parse(path.read_text(encoding="utf-8")).body))
    typed = path.with_suffix(".pxd")
    if typed.exists():
        named |= set(CIMPORT.findall(typed.read_text(encoding="utf-8")))
    words = [one.split(".") for one in named]
    begun = {".".join(parts[:count]) for parts in words for count in range(1, len(parts) + 1)}
    return {one for one in begun if one in known and not f"{name}.".startswith(f"{one}.")}


def run_imports(body: list[ast.stmt]) -> Iterator[str]:
    """Names of modules, and of what may be one, that are imported as the body is run."""
    for node in body:
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=rest):
                yield from run_imports(rest)
            case ast.If(body=then, orelse=rest) | ast.Try(body=then, orelse=rest):
                yield from run_imports([*then, *rest])

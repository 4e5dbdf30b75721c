"""On which line of a TOML text a key stands.

The standard library's `tomllib` gives values without their places, and only a place turns a list
of errors into something that can be mended. So the lines are walked a second time, with the TOML
parser itself reading each header and key. A text within a multi-line string that looks like a key
could be mistaken for one: then a message names a wrong line, and nothing else happens.
"""

import re
import tomllib
from typing import Any

NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
DOTTED = rf"{NAME}(?:\s*\.\s*{NAME})*"
HEADER = re.compile(rf"\s*\[\[?\s*({DOTTED})\s*\]\]?\s*(?:#.*)?")
KEY = re.compile(rf"\s*({DOTTED})\s*=")
ERROR_PLACE = re.compile(r"^(.*?) \(at line (\d+), column (\d+)\)$")

Path = tuple[str, ...]


def _path(dotted: str) -> Path:
    """The parts of a dotted key, unquoted."""
    found: list[str] = []
    left: Any = tomllib.loads(f"{dotted} = 0")
    while isinstance(left, dict):
        name, left = next(iter(left.items()))
        found.append(name)
    return tuple(found)


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, of every table header and key."""
    lines: dict[Path, int] = {}
    table: Path = ()
    quoted = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quoted:
            quoted = "" if line.count(quoted) % 2 else quoted
            continue
        if header := HEADER.fullmatch(line):
            table = _path(header[1])
            lines.setdefault(table, number)
        elif key := KEY.match(line):
            lines.setdefault(table + _path(key[1]), number)
        quoted = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")
    return lines


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of a key, or of the nearest table around it; 1 when neither is known."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def error_place(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """The line of a syntax error and what the parser says about it."""
    found = ERROR_PLACE.match(str(error))
    if found is None:
        return text.count("\n") + 1, str(error)
    return int(found[2]), f"{found[1]} (column {found[3]})"

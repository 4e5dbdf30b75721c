"""The JSON Schema and `pglane check` agree on types, limits, words and names, whatever the file.

Random files, one half made to be valid by the schema, the other half with a value of another kind
or size in it, go to both. Each may refuse what the other cannot see only for a reason that stands
in `BEYOND_A_SCHEMA`.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import assume, given, settings, strategies as st

from pglane.config.file import read_file
from pglane.config.schema import json_schema
from pglane.errors.configuration import (
    AuthUnsupported,
    KeyUnknown,
    OutOfRange,
    SyntaxInvalid,
    TypeWrong,
)

SCHEMA = json_schema()
Shape = dict[str, Any]
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ABOUT_ONE_VALUE = (AuthUnsupported, KeyUnknown, OutOfRange, TypeWrong)
"""What a schema can say; others are about files, secrets, and settings together."""
BEYOND_A_SCHEMA = re.compile(
    r"at most \d+ bytes"  # a schema counts characters
    r"|addresses and networks such as"
)
NAMES = st.text("abcxyz_-.0189", min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
ODD = st.one_of(
    TEXTS,
    st.just("x" * 5000),
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda n: n != int(n)),
    st.lists(TEXTS | st.integers(), max_size=3),
    st.lists(st.just("x"), min_size=201, max_size=201),
    st.dictionaries(NAMES, st.integers(), max_size=2),
)


def fitting(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that the schema allows."""
    if "enum" in shape:
        return st.sampled_from(shape["enum"])
    match shape["type"]:
        case "integer":
            low, high = shape["minimum"], shape["maximum"]
            return st.sampled_from([low, high]) | st.integers(low, high)
        case "number":
            low, high = shape["minimum"], shape["maximum"]
            return st.sampled_from([low, high]) | st.floats(low, high)
        case "string":
            return st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
        case "array":
            inner = fitting(shape["items"])
            return st.lists(inner, max_size=min(3, shape["maxItems"]))
    return tables(shape)


def tables(shape: Shape) -> st.SearchStrategy[Any]:
    """Some of an object's properties, or of a map's entries."""
    if "properties" not in shape:
        return st.dictionaries(NAMES, fitting(shape["additionalProperties"]), max_size=2)
    needed = shape.get("dependentRequired", {})
    return st.fixed_dictionaries(
        {}, optional={key: fitting(inner) for key, inner in shape["properties"].items()}
    ).flatmap(lambda table: _with_needed(table, needed, shape["properties"]))


def _with_needed(
    table: dict[str, Any], needed: dict[str, list[str]], shapes: dict[str, Any]
) -> st.SearchStrategy[Any]:
    more = {other: fitting(shapes[other]) for key in table for other in needed.get(key, ())}
    return st.fixed_dictionaries({**more, **{key: st.just(v) for key, v in table.items()}})


def places_of(shape: Shape, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Shape]:
    """Every key that may stand in a file and its schema; a made-up name for named tables."""
    found = {path: shape} if path else {}
    if shape.get("type") == "object":
        inner = shape.get("properties") or {"some-name": shape["additionalProperties"]}
        for key, below in inner.items():
            found |= places_of(below, (*path, key))
    return found


PLACES = places_of(SCHEMA)
SINGLE = [path for path, shape in PLACES.items() if shape.get("type") != "object"]


def put(config: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Sets one key, with the tables that it lies in."""
    for key in path[:-1]:
        config = config.setdefault(key, {})
        assume(isinstance(config, dict))
    config[path[-1]] = value


def toml(value: Any) -> str:
    """A value as TOML writes it, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def refusals(config: dict[str, Any], folder: Path) -> list[str]:
    """What `pglane check` has against single values."""
    file = folder / "pglane.toml"
    text = "".join(f"{toml(key)} = {toml(each)}\n" for key, each in config.items())
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    loaded = read_file(file, {})
    assert not any(isinstance(each, SyntaxInvalid) for each in loaded.refusals), text
    return [str(each) for each in loaded.refusals if isinstance(each, ABOUT_ONE_VALUE)]


def sayable(told: list[str]) -> list[str]:
    """Those that the schema must have too."""
    return [each for each in told if not BEYOND_A_SCHEMA.search(each)]


def complaints(config: dict[str, Any]) -> list[str]:
    return [error.message[:300] for error in VALIDATOR.iter_errors(config)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@settings(max_examples=300)
@given(data=st.data())
def test_what_the_schema_allows_is_accepted(data, tmp_path_factory) -> None:
    config: dict[str, Any] = {}
    for path in data.draw(st.lists(st.sampled_from(SINGLE), max_size=6)):
        put(config, path, data.draw(fitting(PLACES[path])))
    assert complaints(config) == []
    assert sayable(refusals(config, tmp_path_factory.getbasetemp())) == []


@settings(max_examples=1000)
@given(data=st.data())
def test_the_schema_refuses_what_is_refused_and_nothing_else(data, tmp_path_factory) -> None:
    config: dict[str, Any] = {}
    path = data.draw(st.sampled_from(list(PLACES)))
    if data.draw(st.integers(0, 9)) == 0:
        path = (*path[:-1], data.draw(NAMES))
    put(config, path, data.draw(ODD))
    told = refusals(config, tmp_path_factory.getbasetemp())
    seen = complaints(config)
    assert told or not seen, (config, seen)
    assert seen or not sayable(told), (config, told)

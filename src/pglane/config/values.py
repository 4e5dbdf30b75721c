"""One value of a file or of the command line against the description of its setting."""

import difflib
from typing import Any

from pglane.config import auth_words, origins
from pglane.config.description import Description
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import OutOfRange, TypeWrong

SEEN_CHARACTERS_MAX = 60


def kind_of(setting: Description) -> str:
    """The kind of value it wants: "a whole number", "a number", "a text" or "a list of texts"."""
    if isinstance(setting.default, int):
        return "a whole number"
    if isinstance(setting.default, float):
        return "a number"
    return "a list of texts" if isinstance(setting.default, tuple) else "a text"


def example_of(setting: Description) -> str:
    """How its default is written in the file."""
    if isinstance(setting.default, tuple):
        inside = ", ".join(f'"{text}"' for text in setting.default or ("name",))
        return f"{setting.key} = [{inside}]"
    if isinstance(setting.default, int | float):
        return f"{setting.key} = {setting.default}"
    return f'{setting.key} = "{setting.default or "..."}"'


def judge(setting: Description, value: Any, where: str) -> tuple[Any, Refusal | None]:
    """The value as `Settings` keeps it, or the reason why it cannot be one."""
    if isinstance(setting.default, int):
        if isinstance(value, bool) or not isinstance(value, int):
            return None, _wrong_type(setting, value, where)
        return value, _number_objection(setting, value, where)
    if isinstance(setting.default, float):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None, _wrong_type(setting, value, where)
        return float(value), _number_objection(setting, value, where)
    if isinstance(setting.default, tuple):
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return None, _wrong_type(setting, value, where)
        objection = _length_objection(setting, len(value), "entries", where)
        return tuple(value), objection or origins.objection(setting, value, where)
    if not isinstance(value, str):
        return None, _wrong_type(setting, value, where)
    return _text(setting, value, where)


def _text(setting: Description, value: str, where: str) -> tuple[Any, Refusal | None]:
    if setting.name == "auth":
        value = auth_words.meant(value)
    if setting.choices and value not in setting.choices:
        elsewhere = auth_words.objection(value, where) if setting.name == "auth" else None
        return None, elsewhere or _choice_objection(setting, value, where)
    return value, _length_objection(setting, len(value.encode()), "bytes", where)


def _wrong_type(setting: Description, value: Any, where: str) -> Refusal:
    return TypeWrong(
        where=where,
        key=setting.place,
        expected=kind_of(setting),
        seen=_shown(setting, value),
        example=example_of(setting),
    )


def _number_objection(setting: Description, value: float, where: str) -> Refusal | None:
    if setting.minimum <= value <= setting.maximum:
        return None
    nearest = setting.minimum if value < setting.minimum else setting.maximum
    return OutOfRange(
        where=where,
        key=setting.place,
        expected=f"{setting.minimum} to {setting.maximum} ({setting.unit})",
        seen=value,
        suggestion=f"the nearest is {nearest}, the default {setting.default}",
    )


def _choice_objection(setting: Description, value: str, where: str) -> Refusal:
    near = difflib.get_close_matches(value.lower(), setting.choices, 1)
    return OutOfRange(
        where=where,
        key=setting.place,
        expected=" or ".join(f'"{choice}"' for choice in setting.choices),
        seen=_shown(setting, value),
        suggestion=f'did you mean "{near[0]}"?' if near else f"the default is {setting.default!r}",
    )


def _length_objection(setting: Description, seen: int, unit: str, where: str) -> Refusal | None:
    if seen <= setting.maximum:
        return None
    return OutOfRange(
        where=where,
        key=setting.place,
        expected=f"at most {setting.maximum} {unit}",
        seen=f"{seen} {unit}",
        suggestion="shorten it",
    )


def _shown(setting: Description, value: Any) -> str:
    """A value in a message: short, and no secret."""
    if setting.secret:
        return f"something that is not shown ({type(value).__name__})"
    shown = repr(value)
    return shown if len(shown) <= SEEN_CHARACTERS_MAX else shown[:SEEN_CHARACTERS_MAX] + "..."

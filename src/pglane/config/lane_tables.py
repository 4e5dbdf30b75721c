"""Reads the tables [lanes.NAME] of `pglane.toml`: every mistake found, each with its place.

The order of lanes and of the entries in their `match` is the order in which rules are read, so it
is kept: TOML's tables come in the order of the file.
"""

import dataclasses
import difflib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pglane.config.description import Description
from pglane.config.lanes import (
    DOORS,
    LANES_MAX,
    MATCH_KEYS,
    MATCHES_MAX,
    SECTION,
    TEXT_CHARACTERS_MAX,
    LaneMatch,
    LaneSettings,
    lane_descriptions,
)
from pglane.config.values import judge
from pglane.errors.configuration import KeyUnknown, OutOfRange, TypeWrong

if TYPE_CHECKING:
    from pglane.errors.catalogue import Refusal

NAME = re.compile(r"[A-Za-z0-9_.-]{1,63}")
LANE_EXAMPLE = "[lanes.otp] and below it reserve = 1"
MATCH_EXAMPLE = 'match = [{ user = "mailer" }, { application_name = "otp-*" }]'
REFERENCE = "docs/reference/settings.md lists all settings of a lane"


class LaneTables:
    """The tables while they are read.

    Args:
        where: the place of a path of keys, as people find it.

    Attributes:
        lanes: in the order of the file.
        places: by "lanes.NAME.KEY", where it was said.
        refusals: everything that is wrong.
    """

    def __init__(self, where: Callable[..., str]) -> None:
        self._where = where
        self.lanes: list[LaneSettings] = []
        self.places: dict[str, str] = {}
        self.refusals: list[Refusal] = []

    def read(self, tables: Any) -> None:
        """Everything below `lanes`."""
        if not isinstance(tables, dict):
            self._wrong((SECTION,), "tables with a name", tables, LANE_EXAMPLE)
            return
        if len(tables) > LANES_MAX:
            self._beyond((SECTION,), f"at most {LANES_MAX} lanes", len(tables), "merge some")
        for name, table in tables.items():
            path = (SECTION, name)
            if not NAME.fullmatch(name):
                wanted = "a name of up to 63 letters, digits, points, dashes and underscores"
                self._beyond(path, wanted, repr(name), "give it another name")
            elif isinstance(table, dict):
                self.lanes.append(self._lane(name, table))
            else:
                self._wrong(path, "a table", table, LANE_EXAMPLE)

    def _lane(self, name: str, table: dict[str, Any]) -> LaneSettings:
        known = {each.key: each for each in lane_descriptions()}
        values: dict[str, Any] = {}
        self.places[f"{SECTION}.{name}"] = self._where(SECTION, name)
        for key, value in table.items():
            path = (SECTION, name, key)
            self.places[".".join(path)] = self._where(*path)
            if key == "match":
                values[key] = self._matches(path, value)
            elif key in known:
                self._take(known[key], name, value, values)
            else:
                self._unknown(path, sorted([*known, "match"]))
        return LaneSettings(name, **values)

    def _take(self, setting: Description, lane: str, value: Any, values: dict[str, Any]) -> None:
        here = dataclasses.replace(setting, section=f"{SECTION}.{lane}")
        kept, refusal = judge(here, value, self.places[here.place])
        if refusal is not None:
            self.refusals.append(refusal)
        else:
            values[setting.name] = kept

    def _matches(self, path: tuple[str, ...], told: Any) -> tuple[LaneMatch, ...]:
        if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
            self._wrong(path, "a list of tables", told, MATCH_EXAMPLE)
            return ()
        if len(told) > MATCHES_MAX:
            self._beyond(path, f"at most {MATCHES_MAX} entries", len(told), "use wildcards")
        return tuple(self._match(path, each) for each in told)

    def _match(self, path: tuple[str, ...], told: dict[str, Any]) -> LaneMatch:
        kept: dict[str, str] = {}
        for key, value in told.items():
            place = (*path, key)
            if key not in MATCH_KEYS:
                self._unknown(place, list(MATCH_KEYS))
            elif not isinstance(value, str):
                self._wrong(place, "a text", value, f'{key} = "..."')
            elif len(value) > TEXT_CHARACTERS_MAX:
                wanted = f"at most {TEXT_CHARACTERS_MAX} characters"
                self._beyond(place, wanted, f"{len(value)} characters", "use a wildcard")
            elif key == "door" and value not in DOORS:
                near = difflib.get_close_matches(value.lower(), DOORS, 1, 0.1)
                wanted = " or ".join(f'"{door}"' for door in DOORS)
                suggestion = f'did you mean "{near[0]}"?' if near else "leave it out for any"
                self._beyond(place, wanted, repr(value), suggestion)
            elif value != "*":
                kept[key] = value
        if "value" in kept and "tag" not in told:
            self._beyond((*path, "value"), "a tag beside it", "none", 'add tag = "..."')
            del kept["value"]
        return LaneMatch(**kept)

    # --- mistakes

    def _unknown(self, path: tuple[str, ...], known: list[str]) -> None:
        near = difflib.get_close_matches(path[-1].lower(), known, 1)
        suggestion = f"did you mean {near[0]}?" if near else REFERENCE
        self.refusals.append(
            KeyUnknown(
                where=self._where(*path),
                what="setting",
                key=".".join(path),
                known=", ".join(known),
                suggestion=suggestion,
            )
        )

    def _wrong(self, path: tuple[str, ...], expected: str, seen: Any, example: str) -> None:
        self.refusals.append(
            TypeWrong(
                where=self._where(*path),
                key=".".join(path),
                expected=expected,
                seen=type(seen).__name__,
                example=example,
            )
        )

    def _beyond(self, path: tuple[str, ...], expected: str, seen: object, suggestion: str) -> None:
        self.refusals.append(
            OutOfRange(
                where=self._where(*path),
                key=".".join(path),
                expected=expected,
                seen=seen,
                suggestion=suggestion,
            )
        )

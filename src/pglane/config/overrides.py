"""Limits in the tables of doors, databases and users: what their keys mean.

`[session]`, `[databases.NAME]` and `[users.NAME]` take the same names that `[clients]` has, where
a limit can be somebody's own (`limits.OWN`). At the direct door, whose bytes pass unread, some
limits could not be kept: to set them there is a mistake.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pglane.config.description import Description
from pglane.config.limits import OWN, UNREAD, Override, table_key
from pglane.config.settings import descriptions
from pglane.config.values import judge
from pglane.errors.catalogue import Refusal

CERTIFICATE_NAMES = Description(
    name="certificate_names",
    section="users",
    key="certificate_names",
    unit="",
    minimum=0,
    maximum=100,
    choices=(),
    meaning="names of certificates that are for this user, in place of its own name, which is not "
    "enough then (clients.tls_clientname); empty: its own name",
    reloadable=True,
    secret=False,
    default=(),
)
"""What only a user can have."""
DOORS = ("transaction", "session", "direct")


def own_descriptions(scope: str, name: str) -> dict[str, Description]:
    """By key of its table, the limits that a door, a database or a user may have of its own.

    Args:
        scope: "door", "database" or "user".
        name: of the table, as in "databases.shop".
    """
    known = {each.name: each for each in descriptions()}
    keys = [key for key in OWN[scope] if name != "direct" or key not in UNREAD]
    found = {
        table_key(key): dataclasses.replace(known[key], section=name, key=table_key(key))
        for key in keys
    }
    if scope == "user":
        found[CERTIFICATE_NAMES.key] = dataclasses.replace(CERTIFICATE_NAMES, section=name)
    return found


def read_overrides(
    scope: str, name: str, table: Mapping[str, Any], places: Mapping[str, str]
) -> tuple[list[Override], list[Refusal]]:
    """The limits among the keys of a table; keys of other meanings are left alone.

    Args:
        scope: "door", "database" or "user".
        name: whose table.
        table: its keys and values.
        places: file and line of each key.
    """
    found: list[Override] = []
    refusals: list[Refusal] = []
    title = name if scope == "door" else f"{scope}s.{name}"
    for key, described in own_descriptions(scope, title).items():
        if key not in table:
            continue
        value, refusal = judge(described, table[key], places[key])
        if refusal is not None:
            refusals.append(refusal)
        else:
            found.append(Override(scope, name, described.name, value, places[key]))
    return found, refusals

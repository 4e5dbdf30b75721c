"""The settings a client asks for in its startup packet, and the words that are for pglane itself.

Every parameter that is not one of the protocol's own is a setting, and so is every `-c
name=value` of `options`. None is dropped: what the server would refuse, it refuses, when the
settings are made true there. It would take any `pglane.x` for a setting that somebody made up, so
one that is no word of ours is refused here: nobody is to believe that it was understood. Names are
case-insensitive in PostgreSQL and kept in lower case; of a name given twice the last counts, a
parameter of its own before `options` (the order in which PostgreSQL applies them).

The protocol's own words are not case-insensitive: `USER`, or `-c user=x`, asks for a setting that
there is not. It is refused here as PostgreSQL does it, for in the packet of a server connection it
would be the word, and another role's name.
"""

import difflib
from dataclasses import dataclass
from functools import lru_cache

from pglane.errors import Refusal
from pglane.errors.entering import NoSuchSetting, WordUnknown
from pglane.wire.options import split_options
from pglane.wire.startup import LENGTH_MAX, STARTUP_KEPT_BYTES_MAX, STARTUPS_KEPT, StartupMessage

PROTOCOL_PARAMETERS = frozenset({"user", "database", "replication", "options"})
PGLANE_PREFIX = "pglane."
LANE = "pglane.lane"
"""A word for us that is a setting too: it can be shown, set and reset like any other."""
WORK = "pglane.work"
"""Likewise."""
WORDS = (LANE, WORK)
WORD_CHARACTERS_MAX = 64
"""So much of one that is unknown is looked at, and shown."""
PROTOCOL_PREFIX = "_pq_."
CHECK_INTERVAL = "client_connection_check_interval"
CHECK_INTERVAL_MS = 1_000
"""How soon a busy backend notices that its client is gone (PostgreSQL 14 and newer; fact A5)."""
CONTENT_BYTES_MAX = LENGTH_MAX - 9
"""What names and values of a startup packet may take, each with its zero."""


@dataclass(frozen=True, slots=True)
class StartupSettings:
    """What a startup packet asks for.

    Attributes:
        database: its name; the user's name if none is given.
        replication: the value of `replication`, "" if there is none.
        settings: by lower-case name.
    """

    database: str
    replication: str
    settings: dict[str, str]


def startup_settings(startup: StartupMessage, user: str) -> StartupSettings | Refusal:
    """Reads a startup packet; a Refusal if something in it cannot be understood."""
    items = tuple(startup.parameters.items())
    if sum(len(name) + len(value) for name, value in items) > STARTUP_KEPT_BYTES_MAX:
        return _settings_of.__wrapped__(items, user)
    return _settings_of(items, user)


@lru_cache(STARTUPS_KEPT)
def _settings_of(items: tuple[tuple[str, bytes], ...], user: str) -> StartupSettings | Refusal:
    """The connections of one application all ask for the same."""
    parameters = dict(items)
    pairs: list[tuple[str, bytes]] = []
    if "options" in parameters:
        split = split_options(parameters["options"])
        if isinstance(split, Refusal):
            return split
        pairs = split
    pairs += [
        (name, value)
        for name, value in parameters.items()
        if name not in PROTOCOL_PARAMETERS and not name.startswith(PROTOCOL_PREFIX)
    ]
    named = {name.lower(): text(value) for name, value in pairs}
    for name in named:
        if name.startswith(PGLANE_PREFIX) and name not in WORDS:
            return _unknown(name)
        if name in PROTOCOL_PARAMETERS or name.startswith(PROTOCOL_PREFIX):
            return NoSuchSetting(name=name[:WORD_CHARACTERS_MAX])
    replication = text(parameters.get("replication", b""))
    return StartupSettings(
        database=text(parameters.get("database", b"")) or user,
        replication="" if replication.lower() in {"false", "off", "no", "0"} else replication,
        settings=named,
    )


def named_settings(startup: StartupMessage) -> frozenset[str] | None:
    """Names of the settings that a packet for a server asks for; None: that cannot be read."""
    asked = startup_settings(startup, "")
    return None if isinstance(asked, Refusal) else frozenset(asked.settings)


def reported_part(settings: dict[str, str]) -> dict[str, str]:
    """Those that what PostgreSQL reports can depend on: it takes our words, and tells nobody.

    One that is not ASCII stays: whether it is taken depends on the database's encoding.
    """
    if not any(word in settings for word in WORDS):
        return settings
    return {
        name: value for name, value in settings.items() if name not in WORDS or not value.isascii()
    }


def _unknown(word: str) -> WordUnknown:
    word = word[:WORD_CHARACTERS_MAX]
    ours = {known.removeprefix(PGLANE_PREFIX): known for known in WORDS}
    near = difflib.get_close_matches(word.removeprefix(PGLANE_PREFIX), ours, 1)
    suggestion = f"Did you mean {ours[near[0]]}?" if near else "Leave it out."
    return WordUnknown(word=word, known=", ".join(WORDS), suggestion=suggestion)


def text(value: bytes) -> str:
    """Bytes of a startup packet as text; what is not UTF-8 survives the way there and back."""
    return value.decode("utf-8", "surrogateescape")


def server_startup(
    user: str, database: str, settings: dict[str, str], *, check_interval: bool
) -> StartupMessage:
    """The startup packet of a server connection that begins with `settings`."""
    parameters = {"user": octets(user), "database": octets(database)}
    parameters |= {
        name: octets(value) for name, value in settings.items() if name not in PROTOCOL_PARAMETERS
    }
    if check_interval and CHECK_INTERVAL not in parameters:
        parameters[CHECK_INTERVAL] = b"%d" % CHECK_INTERVAL_MS
    return StartupMessage(3, 0, _fitting(parameters))


def direct_startup(startup: StartupMessage, *, check_interval: bool) -> StartupMessage:
    """The client's own startup packet, for a server connection of its own."""
    parameters = {
        name: value
        for name, value in startup.parameters.items()
        if not name.lower().startswith(PROTOCOL_PREFIX)
    }
    if check_interval and "replication" not in parameters:
        parameters.setdefault(CHECK_INTERVAL, b"%d" % CHECK_INTERVAL_MS)
    return StartupMessage(3, 0, _fitting(parameters))


def _fitting(parameters: dict[str, bytes]) -> dict[str, bytes]:
    """The same without what we added, where the client's own words fill the packet.

    A server ends the connection of a longer packet without a word. A database that is the user's
    name is said by leaving it out.
    """
    spares = [CHECK_INTERVAL]
    if parameters.get("database") == parameters.get("user"):
        spares.append("database")
    for spare in spares:
        names = sum(len(octets(name)) for name in parameters)
        if names + sum(map(len, parameters.values())) + 2 * len(parameters) <= CONTENT_BYTES_MAX:
            break
        parameters.pop(spare, None)
    return parameters


def octets(value: str) -> bytes:
    """The inverse of `text`."""
    return value.encode("utf-8", "surrogateescape")

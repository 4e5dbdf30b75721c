"""What the worker asks of a server connection for itself, answered by a `Session`."""

import json
import re

from tests.support.sessions.session import Session

SET_CONFIG = re.compile(r"pg_catalog\.set_config\('([\w.]+)', (?:'((?:[^']|'')*)'|NULL), false\)")
CURRENT = re.compile(r"pg_catalog\.current_setting\('([\w.]+)', true\)")
RIGHTS = (b"app", b"none")


def is_own(text: bytes) -> bool:
    """Whether it is one of those, and no list of statements that clients could send too."""
    return b"pg_catalog." in text and b"pg_advisory_unlock_all" not in text


def answer(text: bytes, session: Session) -> list[bytes | None]:
    """The one row.

    Raises:
        Fails: a setting was not taken.
    """
    told = text.decode()
    if "set_config" in told:
        for name, value in SET_CONFIG.findall(told):
            _set(session, name.encode(), value.replace("''", "'").encode(), told)
        return [b"f"]
    if "hashtextextended" in told:
        return _probe(session)
    return _settings(told, session)


def _set(session: Session, name: bytes, value: bytes, told: str) -> None:
    if f"set_config('{name.decode()}', NULL" in told:
        session.settings = {n: v for n, v in session.settings.items() if n != name}
    else:
        session.set(name, value)


def _probe(session: Session) -> list[bytes | None]:
    seen = repr((sorted(session.settings.items()), sorted(session.prepared.items())))
    number = sum(ord(each) * (at + 1) for at, each in enumerate(seen))
    flags = [False, bool(session.channels), False, session.temporary]
    return [b"%d" % number, *(b"t" if flag else b"f" for flag in flags)]


def _settings(told: str, session: Session) -> list[bytes | None]:
    row: list[bytes | None] = []
    for name in CURRENT.findall(told.partition("json_agg")[0]):
        known = name.encode() in session.defaults
        row.append(session.shows(name.encode()) if known else None)
    if "current_setting('session_authorization')" in told:
        row += RIGHTS
    if "pg_settings" in told:
        own = [[n.decode(), v.decode(), False, True] for n, v in session.settings.items()]
        row.append(json.dumps(own).encode())
    if "pg_prepared_statements" in told:
        prepared = [
            [n.decode(), f"PREPARE {n.decode()} AS {text.decode()}"]
            for n, text in session.prepared.items()
        ]
        row.append(json.dumps(prepared).encode() if prepared else None)
    return row

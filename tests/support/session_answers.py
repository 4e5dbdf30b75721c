"""What a scripted server answers when the gateway asks about a session (`engine_rig`)."""

import json
from collections.abc import Sequence

from tests.support.engine_rig import READY, Peer, Rig, message, query


def row(*values: bytes) -> bytes:
    """The answer to one query of one row."""
    columns = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    body = len(values).to_bytes(2, "big") + columns
    return message(b"D", body) + message(b"C", b"SELECT 1\x00") + READY


def tells_rights(server: Peer) -> None:
    """Which rights the server connection began with."""
    server.gets(b"RESET ROLE")
    server.send(row(b"anna", b"none"))


def tells(
    server: Peer,
    *settings: tuple[str, str],
    role: bytes = b"none",
    prepared: Sequence[tuple[str, str]] = (),
) -> None:
    """All that is set in the session, and what is prepared if that was asked."""
    asked = server.gets(b"pg_settings")
    rows = [[name, value, False, True] for name, value in settings]
    statements = [json.dumps(prepared).encode()] * (b"pg_prepared_statements" in asked)
    server.send(row(b"anna", role, json.dumps(rows).encode(), *statements))


def set_something(rig: Rig) -> tuple[Peer, Peer]:
    client, server = rig.pair()
    client.send(query("SET work_mem = '9MB'"))
    server.gets(b"SET work_mem")
    server.send(message(b"C", b"SET\x00") + READY)
    tells_rights(server)
    server.gets(b"pg_settings")
    return client, server

"""Steps of a client that listens, with a scripted server on both of its connections."""

from pglane.wire.server_messages import NotificationResponse
from tests.support.engine_rig import READY, Peer, Rig, message, query

LISTENED = message(b"C", b"LISTEN\x00") + READY
UNLISTENED = message(b"C", b"UNLISTEN\x00") + READY
SELECTED = message(b"C", b"SELECT 1\x00") + READY


def notification(channel: str, payload: str = "", process_id: int = 1) -> bytes:
    return NotificationResponse(process_id, channel.encode(), payload.encode()).encode()


def listens(rig: Rig, client: Peer, server: Peer, channel: str = "a") -> Peer:
    """The client listens; gives the connection that hears for it."""
    client.send(query(f"LISTEN {channel}"))
    shared = rig.accept_login()
    goes_on(client, server, shared, channel)
    return shared


def goes_on(client: Peer, server: Peer, shared: Peer, channel: str = "a") -> None:
    """What happens after the client's LISTEN has come to the gateway."""
    shared.gets(f'LISTEN "{channel}"\0'.encode())
    shared.send(LISTENED)
    server.gets(b"LISTEN")
    server.send(LISTENED)
    barrier(shared)
    client.gets(READY)
    server.gets(b"UNLISTEN *")
    server.send(UNLISTENED)


def barrier(shared: Peer, told: bytes = b"") -> None:
    """The next barrier is passed; `told` comes before."""
    shared.gets(b"Q\x00\x00\x00\x05\x00")
    shared.send(told + message(b"I") + READY)

"""The wire package against real servers, without a gateway between: they agree on every case.

The random cases come from a fixed seed; raise `CASES` to look further.
"""

import random
import secrets
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from pglane.errors import Refusal
from pglane.wire.client_messages import PasswordMessage, SASLInitialResponse, SASLResponse
from pglane.wire.framing import MessageReader
from pglane.wire.login_messages import (
    AuthenticationCleartextPassword,
    AuthenticationMD5Password,
    AuthenticationOk,
    AuthenticationSASL,
    AuthenticationSASLContinue,
    AuthenticationSASLFinal,
    BackendKeyData,
    NegotiateProtocolVersion,
)
from pglane.wire.md5 import md5_response, md5_response_of
from pglane.wire.options import split_options
from pglane.wire.scram import MECHANISM, ScramClient, ScramKeys, ScramServer, Verifier
from pglane.wire.server_messages import (
    ErrorResponse,
    ReadyForQuery,
    ServerMessage,
    decode_server_message,
    error_fields,
)
from pglane.wire.startup import StartupMessage, StartupReader, negotiate
from tests.support.postgres_cluster import PostgresCluster

CASES = 60
SETTINGS = ("p.a", "p.b", "p_q.a")


@dataclass
class Login:
    """What came of a login."""

    key: bytes
    keys: ScramKeys | None
    negotiated: NegotiateProtocolVersion | None


def messages_of(there: socket.socket) -> Iterator[ServerMessage]:
    reader = MessageReader(1 << 20)
    while data := there.recv(65536):
        reader.feed(data)
        while reader.next():
            yield decode_server_message(reader.kind, reader.body())


def login(cluster: PostgresCluster, user: str, secret: bytes | ScramKeys, minor: int = 0) -> Login:
    """Logs in with nothing but the wire package."""
    client = ScramClient(secret, secrets.token_urlsafe(18).encode())
    answered = Login(b"", None, None)
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=20) as there:
        parameters = {"user": user.encode(), "database": b"postgres"}
        there.sendall(StartupMessage(3, minor, parameters).encode())
        for message in messages_of(there):
            match message:
                case NegotiateProtocolVersion():
                    answered.negotiated = message
                case AuthenticationCleartextPassword() if isinstance(secret, bytes):
                    there.sendall(PasswordMessage(secret).encode())
                case AuthenticationMD5Password(salt) if isinstance(secret, bytes):
                    response = md5_response(user.encode(), secret, salt)
                    there.sendall(PasswordMessage(response).encode())
                case AuthenticationSASL(mechanisms):
                    assert MECHANISM in mechanisms
                    there.sendall(SASLInitialResponse(MECHANISM, client.first()).encode())
                case AuthenticationSASLContinue(data):
                    there.sendall(SASLResponse(client.final(data)).encode())
                case AuthenticationSASLFinal(data):
                    client.verify(data)
                    answered.keys = client.keys
                case BackendKeyData(_, key):
                    answered.key = key
                case ErrorResponse():
                    raise PermissionError((message.get("C") or b"").decode())
                case ReadyForQuery() | AuthenticationOk():
                    pass
            if isinstance(message, ReadyForQuery):
                return answered
    raise AssertionError("the server hung up")


@pytest.mark.parametrize(
    ("user", "password"),
    [("app", b"app-secret"), ("md5_user", b"md5-secret"), ("clear_user", b"clear-secret")],
)
def test_each_method_logs_in(cluster: PostgresCluster, user: str, password: bytes) -> None:
    assert len(login(cluster, user, password).key) == 4
    with pytest.raises(PermissionError, match="28P01"):
        login(cluster, user, password + b"x")


def test_versions_and_keys_are_negotiated(cluster: PostgresCluster) -> None:
    newest = 2 if cluster.version == "18" else 0
    for minor in (0, 2, 3, 9999):
        answered = login(cluster, "app", b"app-secret", minor)
        spoken = answered.negotiated.minor if answered.negotiated else minor
        assert spoken == min(minor, newest)
        assert len(answered.key) == (32 if spoken >= 2 else 4)


def test_a_client_that_proved_itself_here_is_logged_in_there(cluster: PostgresCluster) -> None:
    """From the server's own verifier alone; nobody here knows the password."""
    ((stored,),) = cluster.admin("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
    ours = ScramServer(Verifier.parse(stored.encode()), b"nonce-of-ours")
    client = ScramClient(b"app-secret", b"nonce-of-client")
    client.verify(ours.final(client.final(ours.first(client.first()))))
    assert ours.keys is not None
    assert login(cluster, "app", ours.keys).keys == ours.keys


def test_what_a_server_stores_for_md5_answers_its_salt(cluster: PostgresCluster) -> None:
    ((stored,),) = cluster.admin("SELECT rolpassword FROM pg_authid WHERE rolname = 'md5_user'")
    expected = md5_response(b"md5_user", b"md5-secret", b"salt")
    assert md5_response_of(stored.encode(), b"salt") == expected


def random_options(source: random.Random) -> str:
    """Half of them well formed but for their values, half of them anything."""
    if source.random() < 0.5:
        parts = ("-c ", "-c", "--", " ", "\\", "\t", "=", "p.a=", "p.b=", "x", "p-q.a=", "-", "\n")
        return "".join(source.choices(parts, k=source.randrange(1, 7)))
    values = ("x", "\\ ", "\\\\", "\\", "'", "=", "-", "ä", "\\\t", "")
    return "".join(
        source.choice(("-c ", "-c", "--"))
        + source.choice(("p.a=", "p.b=", "p-q.a="))
        + "".join(source.choices(values, k=source.randrange(5)))
        + source.choice((" ", "  ", "\t", "\n"))
        for _ in range(source.randrange(1, 4))
    )


def settings_at(cluster: PostgresCluster, options: str) -> list[str | None] | str:
    """Values on a server that got these options, or its refusal."""
    try:
        with cluster.connect(options=options) as connection:
            ask = "SELECT current_setting(%s, true)"
            rows = [connection.execute(ask, (name,)).fetchone() for name in SETTINGS]
            return [row[0] if row else None for row in rows]
    except psycopg.OperationalError as error:
        return str(error)


def test_options_are_split_as_the_server_does(cluster: PostgresCluster) -> None:
    source = random.Random(20)
    agreed = 0
    for _ in range(CASES):
        options = random_options(source)
        ours = split_options(options.encode())
        theirs = settings_at(cluster, options)
        if isinstance(ours, Refusal):
            assert isinstance(theirs, str), options
        elif isinstance(theirs, str):
            assert "configuration parameter" in theirs, options
        else:
            known = dict(ours)
            expected = [known[name].decode() if name in known else None for name in SETTINGS]
            assert theirs == expected, options
            agreed += 1
    assert agreed > CASES / 4


def random_startup(source: random.Random) -> bytes:
    parts = (
        b"user\0app\0", b"user", b"\0", b"app", b"database\0app\0", b"x.y\0\0", b"_pq_.a\0\0",
        b"application_name\0z\0", b"options\0\0",
    )  # fmt: skip
    versions = (0x30000, 0x30000, 0x30001, 0x30002, 0x3270F, 0x40000, 0x4D2162E + 3)
    content = b"".join(source.choices(parts, k=source.randrange(5)))
    content += source.choice((b"\0", b"\0", b"", b"\0\0"))
    return struct.pack("!II", 8 + len(content), source.choice(versions)) + content


def said_at(cluster: PostgresCluster, packet: bytes) -> list[bytes]:
    """The server's messages until it waits for a password, or hangs up."""
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=20) as there:
        there.sendall(packet)
        there.shutdown(socket.SHUT_WR)
        reader = MessageReader(1 << 20)
        said = []
        while data := there.recv(65536):
            reader.feed(data)
            while reader.next():
                said.append(reader.message())
        return said


def test_startup_packets_are_judged_as_the_server_does(cluster: PostgresCluster) -> None:
    source = random.Random(20)
    accepted = 0
    for _ in range(CASES):
        packet = random_startup(source)
        reader = StartupReader()
        reader.feed(packet)
        ours = reader.next()
        said = said_at(cluster, packet)
        codes = [error_fields(message[5:])["C"].decode() for message in said if message[0] == 0x45]
        if isinstance(ours, Refusal):
            assert codes == [ours.sqlstate], packet
            continue
        assert isinstance(ours, StartupMessage)
        accepted += 1
        assert set(codes) <= {"28000"}, packet
        negotiation = negotiate(ours)
        assert not isinstance(negotiation, Refusal)
        if cluster.version == "18" and packet.count(b"_pq_.a") < 2:
            negotiated = b"".join(message for message in said if message[0] == ord("v"))
            assert negotiation.encode() == negotiated, packet
    assert accepted > CASES / 10

"""What holds for any input, whoever sent it; `check` raises an AssertionError where it does not.

The first byte of an input chooses one of `SUBJECTS`, the second says how the rest arrives (in
pieces of which size). All forms of the reader that exist are run beside each other.
"""

import hashlib
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec
from typing import Any
from urllib.parse import quote

from pglane import compiled, wire
from pglane.compiled import CompiledFinder
from pglane.connection.client_certificates import ClientCertificates
from pglane.connection.client_login import ClientLogin
from pglane.connection.user_list import UserList
from pglane.connection.whole_requests import is_whole_request
from pglane.errors import Refusal
from pglane.wire import framing
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import (
    Parse,
    PasswordMessage,
    SASLInitialResponse,
    SASLResponse,
    Sync,
    decode_client_message,
)
from pglane.wire.md5 import Md5Hash
from pglane.wire.mentions import Names
from pglane.wire.options import encode_options, split_options
from pglane.wire.repeatable import repeatable
from pglane.wire.saslprep import saslprep
from pglane.wire.scram import ScramClient, ScramKeys, ScramServer, Verifier
from pglane.wire.scram_failure import ScramFailure
from pglane.wire.server_messages import (
    ParseComplete,
    ReadyForQuery,
    decode_server_message,
    error_fields,
    error_response,
)
from pglane.wire.startup import StartupMessage, StartupReader, TlsHello, negotiate
from pglane.wire.tags import COMMENT_BYTES_MAX, TAGS_MAX, tags_of
from tests.support.lease import FORMS as LEASE_FORMS, Lease
from tests.support.pure import load_pure

LENGTH_MAX = 1 << 16
LEASES = list(LEASE_FORMS.values())
NAMES = Names((), (), (b"values",)).with_runs((b"codes",))
pure_tags = load_pure("pglane.wire.tags")
pure_requests = load_pure("pglane.connection.whole_requests")
NONCE_OF_CLIENT = b"client"
NONCE_OF_SERVER = b"server"
KEYS = ScramKeys.of_password(b"pencil", b"salt", 4)
AUTHS = ("scram", "md5", "plain", "cert")
VERIFIER_OF_NOBODY = Verifier(4, b"salt", bytes(32), bytes(32))
HASH_OF_NOBODY = Md5Hash(b"md5" + b"0" * 32)
VERIFIER = Verifier.of_password(b"pencil", b"salt", 4)


def compiled_framing() -> Any:
    """The extension module, also where sources are preferred; None when it was not built."""
    path = compiled.library()
    if path is None:
        return None
    spec = CompiledFinder(path).find_spec("pglane.wire.framing", wire.__path__)
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FORMS = list(
    dict.fromkeys(
        form for form in (framing, load_pure("pglane.wire.framing"), compiled_framing()) if form
    )
)


def pieces(data: bytes, how: int) -> Iterator[bytes]:
    size = how % 64 + 1
    for at in range(0, len(data), size):
        yield data[at : at + size]


def client_stream(how: int, data: bytes) -> None:
    _stream(how, data, decode_client_message)


def server_stream(how: int, data: bytes) -> None:
    _stream(how, data, decode_server_message)


def _stream(how: int, data: bytes, decode: Callable[[int, bytes], Any]) -> None:
    whole = _walked(framing, [data])
    for form in FORMS:
        assert _walked(form, pieces(data, how)) == whole
        assert _streamed(form, pieces(data, how)) == data[: len(data) - whole[1]]
        assert _skipped(form, pieces(data, how)) == (whole[1] > 0 and not whole[2], whole[2])
    for kind, body in whole[0]:
        try:
            message = decode(kind, body)
        except MalformedMessage:
            continue
        assert message.encode() == bytes([kind]) + (len(body) + 4).to_bytes(4, "big") + body


def _walked(form: Any, arriving: Any) -> tuple[list[tuple[int, bytes]], int, str]:
    """Messages, bytes left at the end, and the error that ended it."""
    reader = form.MessageReader(LENGTH_MAX)
    found = []
    error = ""
    total = 0
    for piece in arriving:
        total += len(piece)
        reader.feed(piece)
        try:
            while not error and reader.next():
                found.append((reader.kind, reader.body()))
        except form.MalformedStream as malformed:
            error = str(malformed)
    return found, total - sum(len(body) + 5 for _, body in found), error


def _streamed(form: Any, arriving: Iterator[bytes]) -> bytes:
    """Whole messages put together; those of even kind are streamed, and cut off if incomplete."""
    reader = form.MessageReader(LENGTH_MAX)
    out = bytearray()
    streamed = 0
    for piece in arriving:
        reader.feed(piece)
        try:
            while True:
                if reader.stream_left:
                    part = reader.take_stream()
                    out += part
                    streamed = streamed + len(part) if reader.stream_left else 0
                    if not part:
                        break
                elif reader.next():
                    out += reader.message()
                elif (kind := reader.partial_kind()) and kind % 2 == 0:
                    streamed = reader.buffered_bytes()
                    out += reader.stream_partial()
                    break
                else:
                    break
        except form.MalformedStream:
            break
    return bytes(out[: len(out) - streamed])


def _skipped(form: Any, arriving: Iterator[bytes]) -> tuple[bool, str]:
    """Whether it ends within a message, and the error that ended it; nothing of it is kept."""
    reader = form.MessageReader(LENGTH_MAX)
    try:
        for piece in arriving:
            reader.skip(piece)
            assert reader.kept_bytes() < 5 + len(piece)
    except form.MalformedStream as malformed:
        return False, str(malformed)
    return reader.is_amid(), ""


def connection_begin(how: int, data: bytes) -> None:
    told = _begun([data])
    assert [str(packet) for packet in _begun(pieces(data, how))] == [str(p) for p in told]
    for packet in told:
        if isinstance(packet, Refusal):
            fields = error_fields(error_response(packet)[5:])
            assert set(fields) == set("SVCMDH")
            continue
        if isinstance(packet, TlsHello):
            assert packet is told[-1]
            continue
        reader = StartupReader()
        reader.feed(packet.encode())
        assert reader.next() == packet
        if isinstance(packet, StartupMessage):
            negotiation = negotiate(packet)
            assert not isinstance(negotiation, Refusal)
            assert negotiation.minor <= 2
            assert len(negotiation.encode()) < 3 * len(data)
            split_options(packet.parameters.get("options", b""))


def _begun(arriving: Any) -> list[Any]:
    reader = StartupReader()
    packets: list[Any] = []
    for piece in arriving:
        reader.feed(piece)
        while (packet := reader.next()) is not None:
            packets.append(packet)
    return packets


def options(_how: int, data: bytes) -> None:
    settings = split_options(data)
    if isinstance(settings, Refusal):
        assert error_response(settings)
    else:
        assert split_options(encode_options(settings)) == settings


def verifier(_how: int, data: bytes) -> None:
    try:
        parsed = Verifier.parse(data)
    except ValueError:
        return
    assert Verifier.parse(parsed.format()) == parsed


def scram_server(_how: int, data: bytes) -> None:
    """Two messages of a client, a line break between them."""
    first, _, final = data.partition(b"\n")
    server = ScramServer(VERIFIER, NONCE_OF_SERVER)
    try:
        assert server.first(first).startswith(b"r=")
        server.final(final)
    except ScramFailure:
        assert server.keys is None
        return
    assert server.keys is not None
    assert hashlib.sha256(server.keys.client_key).digest() == VERIFIER.stored_key


def scram_client(how: int, data: bytes) -> None:
    """Two messages of a server, a line break between them."""
    first, _, final = data.partition(b"\n")
    client = ScramClient(KEYS if how % 2 else b"pencil", NONCE_OF_CLIENT, iterations_max=4)
    try:
        client.final(first)
        client.verify(final)
    except ScramFailure:
        return
    assert client.keys is not None


def login_answers(_how: int, data: bytes) -> None:
    for answer in (PasswordMessage, SASLInitialResponse, SASLResponse):
        try:
            message = answer.decode(data)
        except MalformedMessage:
            continue
        assert message.encode()[5:] == data


def password(_how: int, data: bytes) -> None:
    prepared = saslprep(data)
    assert len(prepared) <= 18 * len(data)
    assert bool(prepared) == bool(data)


def tags(_how: int, data: bytes) -> None:
    """Both forms read alike, within limits, and what was read says itself again."""
    found = tags_of(data, 0, len(data))
    assert found == pure_tags.tags_of(data, 0, len(data))
    assert len(found) <= TAGS_MAX
    pairs = ",".join(
        f"{quote(key, safe='')}='{quote(said, safe='')}'" for key, said in found.items()
    )
    if len(pairs) <= COMMENT_BYTES_MAX and all(found):
        text = f"SELECT 1 /*{pairs}*/".encode()
        assert tags_of(text, 0, len(text)) == found


def client_login(how: int, data: bytes) -> None:
    """A whole login by each way: whatever a client says, without a proof it is not in."""
    auth = AUTHS[how % len(AUTHS)]
    certificates = ClientCertificates({}, only=True) if auth == "cert" else None
    secrets = {"app": VERIFIER_OF_NOBODY, "old": HASH_OF_NOBODY}
    users = UserList(secrets, auth=auth, mock_secret=b"m" * 32, certificates=certificates)
    made = ClientLogin(users, NONCE_OF_SERVER)
    made.private = True
    made.offers_tls = how & 64 == 0
    made.holds_back = how & 128 == 0
    for piece in pieces(data, how):
        made.receive(piece)
        if made.begins_tls:
            made.receive(made.begin_tls())
        if made.early:
            early, made.early = made.early, b""
            made.receive(early)
        assert not made.entered
        assert made.keys is None
        assert not made.client_key
    if made.refusal is not None:
        assert error_response(made.refusal)


def whole_request(how: int, data: bytes) -> None:
    """What goes on unread is what the reader would have found: a Query, or a whole unit."""
    for size in {len(data), how % (len(data) + 1)} - {0}:
        taken = is_whole_request(data, size)
        assert taken == pure_requests.is_whole_request(data, size)
        if taken:
            reader = framing.MessageReader(LENGTH_MAX)
            reader.feed(data[:size])
            kinds = []
            while reader.next():
                kinds.append(reader.kind)
            assert bytes(kinds) in (b"Q", b"PBDES", b"PBES", b"BDES", b"BES")
            assert reader.end == reader.size == size


def following(how: int, data: bytes) -> None:
    """What goes behind reads of others is proved, by what a reader of messages finds in it."""
    if not data or not is_whole_request(data, len(data)):
        return
    sent = [_sent_behind(form, how, data) for form in LEASES]
    assert all(each == sent[0] for each in sent)
    if sent[0] is None:
        return
    kind, body = _walked(framing, [data])[0][0]
    if kind == ord("B"):
        assert _walked(framing, [sent[0]])[0][1:] == _walked(framing, [data])[0][1:]
        return
    assert sent[0] == data
    if kind == ord("Q"):
        assert b"proved" in body
        return
    text, _, types = body[1:].partition(b"\0")
    assert b"proved" in text
    assert not any(types[at : at + 2] != b"\0\0" for at in range(2, len(types) - 3, 4))


class Proves:
    """A sight that takes each read with the word in it for one that is repeatable."""

    def judge(self, text: bytes, standard_strings: bool, verdict: Any) -> Any:
        """The same verdict, and perhaps that it is repeatable; the real proof must not fail."""
        if not verdict.is_read():
            return verdict
        repeatable(text, standard_strings, NAMES)
        return verdict.repeating(True) if b"proved" in text else verdict


def _sent_behind(form: Any, how: int, data: bytes) -> bytes | None:
    """What is sent for it where its client has prepared a statement."""
    lease = Lease(form)
    lease.cache.sight = Proves()
    types = (23, 16384)[: how % 3]
    lease.send(Parse(b"name", b"SELECT proved", types), Sync())
    lease.answer(ParseComplete(), ReadyForQuery(b"I"))
    sent: bytes | None = lease.requests.following(data, len(data), lease.exchange)
    assert sent is None or data[0] != ord("B") or len(types) < 2
    return sent


def reader_use(_how: int, data: bytes) -> None:
    """Any order of calls: all forms answer alike, and indices stay inside the buffer."""
    said = [_used(form, data) for form in FORMS]
    assert all(answers == said[0] for answers in said)


def _used(form: Any, data: bytes) -> list[Any]:
    reader = form.MessageReader(64)
    said: list[Any] = []
    at = 0
    while at < len(data):
        code = data[at]
        at += 1
        if code < 0x80:
            answer = reader.feed(data[at : at + code % 16])
            at += code % 16
        else:
            answer = _asked(form, reader, code % 7)
        said.append((answer, reader.begin, reader.end, reader.buffer, reader.stream_left))
        assert 0 <= reader.begin <= reader.end <= reader.size == len(reader.buffer)
        assert reader.stream_left >= 0
    return said


def _asked(form: Any, reader: Any, call: int) -> Any:
    try:
        match call:
            case 0:
                return reader.step_back()
            case 1:
                return reader.stream_partial()
            case 2:
                return reader.take_stream()
            case 3:
                return reader.take_all()
            case 4:
                return reader.partial_kind(), reader.buffered_bytes(), reader.needed
            case _:
                return bool(reader.next()) and (reader.kind, reader.body(), reader.message())
    except (form.MalformedStream, ValueError) as error:
        return str(error)


SUBJECTS = [
    client_stream,
    server_stream,
    connection_begin,
    options,
    verifier,
    scram_server,
    scram_client,
    login_answers,
    password,
    reader_use,
    tags,
    client_login,
    whole_request,
    following,
]


def check(data: bytes) -> None:
    if len(data) >= 2:
        SUBJECTS[data[0] % len(SUBJECTS)](data[1], data[2:])


def seed(subject: Callable[[int, bytes], None], how: int, data: bytes) -> bytes:
    """The input that makes `check` give `data` to `subject`."""
    return bytes([SUBJECTS.index(subject), how]) + data

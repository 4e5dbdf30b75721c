"""Cuts recorded sessions into inputs for the target: `python -m tests.fuzz.make_corpus RECORDS`.

Inputs are small (a fuzzer likes them so) and different from each other: what two sessions share is
kept once. Exchanges of SCRAM are made here, since recorded ones have nonces of their own.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from pglane.wire.client_messages import (
    Bind,
    Describe,
    Execute,
    Parse,
    PasswordMessage,
    Query,
    SASLInitialResponse,
    SASLResponse,
    Sync,
)
from pglane.wire.framing import MessageReader
from pglane.wire.scram import ScramClient, ScramServer
from pglane.wire.startup import (
    CancelRequest,
    GSSENCRequest,
    SSLRequest,
    StartupMessage,
    StartupReader,
)
from tests.fuzz import target

CORPUS = Path(__file__).parent / "corpus"
INPUT_BYTES_MAX = 2000


def stream_inputs(subject: object, data: bytes) -> Iterator[bytes]:
    """Runs of whole messages, together at most `INPUT_BYTES_MAX` (or one that is longer)."""
    reader = MessageReader(1 << 24)
    reader.feed(data)
    run = b""
    while reader.next():
        message = reader.message()
        if run and len(run) + len(message) > INPUT_BYTES_MAX:
            yield target.seed(subject, len(run) % 256, run)  # type: ignore[arg-type]
            run = b""
        run += message
    if run:
        yield target.seed(subject, len(run) % 256, run)  # type: ignore[arg-type]


def client_inputs(data: bytes) -> Iterator[bytes]:
    reader = StartupReader()
    reader.feed(data)
    while reader.next() is not None:
        yield target.seed(target.connection_begin, 255, data[: len(data) - len(reader.rest)])
    yield from stream_inputs(target.client_stream, reader.rest)


def made_inputs() -> Iterator[bytes]:
    client = ScramClient(b"pencil", target.NONCE_OF_CLIENT)
    server = ScramServer(target.VERIFIER, target.NONCE_OF_SERVER)
    challenge = server.first(client.first())
    proof = client.final(challenge)
    yield target.seed(target.scram_server, 0, client.first() + b"\n" + proof)
    for how in (0, 1):
        last_word = challenge + b"\n" + server.final(proof)
        yield target.seed(target.scram_client, how, last_word)
    yield target.seed(target.scram_client, 0, challenge + b"\ne=other-error")
    yield target.seed(target.scram_server, 0, b"p=tls-server-end-point,,n=,r=x\nc=biws")
    yield target.seed(target.verifier, 0, target.VERIFIER.format())
    yield target.seed(target.login_answers, 0, b"SCRAM-SHA-256\0\0\0\0\4n,,n")
    yield target.seed(target.options, 0, b"-c work_mem=1MB --search-path=a\\ b -cx=\\\\")
    yield target.seed(target.password, 0, "p\u00e4ss\u00adw\u00f6rt \u0627\u0628 \ufb01".encode())
    yield target.seed(target.reader_use, 0, b"\x05Q\0\0\0\x08\x84\x87\x81\x02ab\x82\x84\x80\x84")
    yield target.seed(target.tags, 0, b"/*lane='otp',route='%2Flogin'*/ SELECT 1")
    yield target.seed(target.tags, 0, b"SELECT 1 /* a = 'it\\'s' , b='%C3%A9' */;")
    greased = StartupMessage(3, 9999, {"user": b"app", "_pq_.test": b"", "options": b"-c a=b"})
    begun = GSSENCRequest().encode() + SSLRequest().encode() + greased.encode()
    yield target.seed(target.connection_begin, 3, begun)
    yield target.seed(target.connection_begin, 3, CancelRequest(7, b"k" * 32).encode())
    yield from whole_inputs()
    yield from login_inputs()


def whole_inputs() -> Iterator[bytes]:
    """Requests in one piece, as most drivers send them; one that is two, and one that is less."""
    query = Query(b"SELECT 1").encode()
    parts = (
        Parse(b"", b"SELECT $1").encode(),
        Bind(b"", b"", parameters=(b"1",)).encode(),
        Describe(b"P", b"").encode(),
        Execute(b"").encode(),
        Sync().encode(),
    )
    bound = Bind(b"", b"name", parameters=(b"1",)).encode()
    units = (parts, parts[:4], (bound, *parts[2:]), (bound, *parts[3:]))
    for data in (query, query + query, *map(b"".join, units)):
        yield target.seed(target.whole_request, len(data) // 2, data)
    proved = b"SELECT proved, count(*) FROM codes WHERE a = $1 AND b::int = 'x'"
    parsed = [(Parse(b"", proved, types).encode(), *parts[1:]) for types in ((23,), (23, 16384))]
    for data in (Query(proved).encode(), *map(b"".join, [*parsed, *units[2:]])):
        for how in range(3):
            yield target.seed(target.following, how, data)


def login_inputs() -> Iterator[bytes]:
    """Logins that are whole but for the proof, by each way, in pieces and at once."""
    first = SASLInitialResponse(b"SCRAM-SHA-256", b"n,,n=,r=client").encode()
    bound = SASLInitialResponse(b"SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=x").encode()
    last = SASLResponse(b"c=biws,r=clientserver,p=" + b"A" * 43 + b"=").encode()
    for name in (b"app", b"old", b"nobody"):
        begun = SSLRequest().encode() + StartupMessage(3, 0, {"user": name}).encode()
        for way in range(len(target.AUTHS)):
            answers = first + last if way == 0 else PasswordMessage(b"guess").encode()
            for how in (way, way + 60, way + 192):
                yield target.seed(target.client_login, how, begun[8 * (how > 100) :] + answers)
        yield target.seed(target.client_login, 252, begun[8:] + bound)


def main() -> None:
    records = Path(sys.argv[1])
    inputs = list(made_inputs())
    for record in sorted(records.iterdir()):
        data = record.read_bytes()
        if record.suffix == ".client":
            inputs += client_inputs(data)
        else:
            # Refused requests for encryption: no session begins with a notice.
            inputs += stream_inputs(target.server_stream, data.lstrip(b"N"))
    CORPUS.mkdir(exist_ok=True)
    for data in inputs:
        target.check(data)
        (CORPUS / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()

"""TLS between a socket and its owner, over real socket pairs, in both forms of readiness."""

import contextlib
import socket
import ssl

import pytest

from pglane.engine.loop import WRITE, EpollReadiness, Loop, PollReadiness
from pglane.engine.tls_transport import ANSWERS_BYTES_MAX, TlsTransport, reason_of
from pglane.engine.transport import LINGER_S_MAX, Owner, Transport
from tests.support.certificates import Authority
from tests.support.tls_peer import TlsPeer, outdated, trusting
from tests.unit.engine.test_transport import HIGH_BYTES, Clock, Recorder, arrives_in_order


class TlsRecorder(Recorder):
    def on_secured(self) -> None:
        self.told.append("secured")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    return authority.sign("door", "localhost", "DNS:localhost")


@pytest.fixture(scope="module")
def context(certificate):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate.certificate, certificate.key)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.num_tickets = 0
    return made


class Rig:
    """A TLS server's transport, its owner, and a client at the other end."""

    def __init__(self, readiness, context, theirs=None) -> None:
        self.clock = Clock()
        self.loop = Loop(self.clock, readiness)
        mine, self.other = socket.socketpair()
        mine.setblocking(False)
        self.owner = TlsRecorder()
        plain = Transport(self.loop, mine.detach(), self.owner, HIGH_BYTES)
        self.transport = TlsTransport(self.loop, plain, self.owner, context)
        self.peer = TlsPeer(self.other, theirs or trusting())

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.call_at(0.0, lambda: None)
            self.loop.turn()

    def both(self, times: int = 3) -> None:
        """Turns, and lets the peer do what it can."""
        for _ in range(times):
            self.peer.look()
            self.turn()

    def secured(self) -> "Rig":
        self.transport.begin()
        self.both()
        assert self.owner.told == ["secured"]
        assert self.peer.secured
        self.owner.told.clear()
        return self

    def close(self) -> None:
        self.transport.abort()
        self.other.close()
        self.loop.readiness.close()


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def rig(request, context):
    made = Rig(request.param(), context)
    yield made
    made.close()


def test_a_handshake_then_bytes_both_ways(rig) -> None:
    rig.secured()
    assert rig.transport.secured
    assert rig.transport.tls_text().startswith("TLSv1.3/TLS_")
    rig.peer.send(b"hello")
    rig.turn()
    assert rig.owner.data == b"hello"
    rig.transport.write(b"to ")
    rig.transport.write(b"you")
    rig.turn()
    assert rig.peer.look() == b"to you"
    assert rig.transport.queued_bytes == 0


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_pieces_it_is_written_it_arrives_in_order_and_is_counted(rig, seed) -> None:
    rig.secured()
    arrives_in_order(rig, seed, rig.peer.look)


def test_what_comes_with_the_end_of_the_handshake_is_not_lost(rig) -> None:
    rig.transport.begin()
    for _ in range(2):
        rig.peer._receive()
        rig.peer._shake()
        if not rig.peer.secured:
            rig.peer.flush()
            rig.turn()
    rig.peer.send(b"at once")  # with the last message of the handshake, in one packet
    rig.turn()
    assert rig.owner.told == ["secured"]
    assert rig.owner.data == b"at once"


def test_a_handshake_that_was_read_already(rig) -> None:
    rig.peer._shake()
    rig.transport.begin(rig.peer._outgoing.read())
    rig.both()
    assert rig.owner.told == ["secured"]


def test_any_split_of_the_stream(rig) -> None:
    rig.transport.begin()
    for _ in range(3):
        rig.peer._receive()
        rig.peer._shake() if not rig.peer.secured else None
        for byte in rig.peer._outgoing.read():
            rig.other.send(bytes([byte]))
            rig.turn()
    sealed = rig.peer.sealed(b"x" * 40)
    for byte in sealed[:-1]:
        rig.other.send(bytes([byte]))
        rig.turn()
    assert rig.owner.data == b""
    rig.other.send(sealed[-1:])
    rig.turn()
    assert rig.owner.data == b"x" * 40


def test_many_records_in_one_read_come_as_one(rig) -> None:
    rig.secured()
    data = bytes(range(256)) * 200
    rig.peer.send(data)
    rig.turn()
    assert rig.owner.data == data


def test_a_lot_in_both_directions(rig) -> None:
    rig.secured()
    data = bytes(range(256)) * 4096
    rig.transport.write(data)
    for _ in range(200):
        if len(rig.peer.look()) == len(data):
            break
        rig.turn()
    assert rig.peer.taken == data
    assert rig.owner.told == ["full", "drained"]


def test_a_slow_reader_is_told_of_and_loses_nothing(rig) -> None:
    rig.secured()
    rig.transport.write(b"a" * 1_000_000)
    rig.turn()
    assert rig.owner.told == ["full"]
    waiting = rig.transport.queued_bytes
    assert waiting > HIGH_BYTES
    rig.transport.write(b"b" * 10)  # behind what waits encrypted
    assert rig.transport.queued_bytes == waiting + 10
    rig.both(200)
    assert rig.peer.taken == b"a" * 1_000_000 + b"b" * 10
    assert rig.owner.told == ["full", "drained"]


def test_what_is_sent_at_once_is_there_before_the_turn_ends(rig) -> None:
    rig.secured()
    rig.transport.write_now(b"now, and no more", 3)
    assert rig.peer.look() == b"now"
    rig.transport.write(b"later ")
    rig.transport.write_now(b"behind", 6)
    assert rig.peer.look() == b"now", "nothing overtakes what waits"
    rig.turn()
    assert rig.peer.look() == b"nowlater behind"


def test_what_cannot_be_sent_at_once_waits_encrypted(rig) -> None:
    rig.secured()
    sent, count = b"x" * 40_000, 0
    while not rig.transport.queued_bytes:
        rig.transport.write_now(sent, len(sent))
        count += 1
    rig.transport.write_now(b"y" * (HIGH_BYTES + 1), HIGH_BYTES + 1)
    assert rig.owner.told == ["full"]
    rig.both(200)
    assert rig.peer.taken == sent * count + b"y" * (HIGH_BYTES + 1)
    assert rig.owner.told == ["full", "drained"]


def test_more_than_is_kept_for_a_slow_reader_sent_at_once(rig) -> None:
    rig.secured()
    rig.transport.write_now(b"z" * 2_000_000, 2_000_000)
    assert rig.owner.told == ["full"]
    rig.both(200)
    assert rig.peer.taken == b"z" * 2_000_000
    assert rig.owner.told == ["full", "drained"]


def test_what_is_sent_at_once_to_nobody_fails_at_the_end_of_the_turn(rig) -> None:
    rig.secured()
    rig.other.close()
    rig.transport.write_now(b"x", 1)
    assert rig.owner.told == []
    rig.turn(3)
    assert rig.owner.told == ["closed by the peer"]
    rig.transport.write_now(b"x", 1)
    assert rig.transport.queued_bytes == 0


class Taker(TlsRecorder):
    """Takes what is there in its buffer, as links do; compiled, only what is compiled can."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""

    def takes(self, chunk) -> bool:
        self.taken += chunk.whole()
        return True


def test_what_is_decrypted_may_be_taken_like_what_was_received(rig) -> None:
    rig.secured()
    owner = Taker()
    rig.transport.set_owner(owner)
    rig.peer.send(b"SELECT 1")
    rig.turn()
    assert owner.taken + owner.data == b"SELECT 1"
    assert bool(owner.taken) == hasattr(Owner, "takes")


def test_more_than_one_read_brings_is_not_put_there(rig) -> None:
    """The records of one read, behind one that had begun."""
    rig.secured()
    owner = Taker()
    rig.transport.set_owner(owner)
    sealed = rig.peer.sealed(b"x" * 16_000 * 5)
    rig.other.send(sealed[:16_000])
    rig.turn()
    assert (owner.taken, owner.data) == (b"", b"")
    sent = 16_000
    while sent < len(sealed):
        sent += rig.other.send(sealed[sent:])
        rig.turn()
    rig.turn(2)
    assert len(owner.taken + owner.data) == 16_000 * 5


def test_paused_nothing_is_read(rig) -> None:
    rig.secured()
    rig.transport.pause()
    rig.peer.send(b"later")
    rig.turn(2)
    assert rig.owner.data == b""
    rig.transport.resume()
    rig.turn(2)
    assert rig.owner.data == b"later"


def test_garbage_ends_the_handshake_and_is_answered_by_an_alert(rig) -> None:
    rig.transport.begin()
    rig.other.send(b"GET / HTTP/1.1\r\n\r\n" * 4)
    rig.turn()
    assert len(rig.owner.told) == 1
    assert rig.owner.told[0].startswith("TLS: http request")
    assert rig.owner.data == b""
    rig.other.close()
    rig.turn(2)
    assert rig.transport.ended


def test_one_that_keeps_its_end_open_behind_a_broken_handshake_is_cut(rig) -> None:
    rig.transport.begin()
    rig.other.send(b"\x16\x03\x01" + b"\xff" * 60)
    rig.turn(2)
    assert len(rig.owner.told) == 1
    assert not rig.transport.ended
    assert rig.other.recv(100)[:1] == b"\x15"  # an alert
    rig.clock.now += LINGER_S_MAX
    rig.turn(2)
    assert rig.transport.ended
    assert len(rig.owner.told) == 1


def test_tls_1_1_is_refused(context) -> None:
    rig = Rig(EpollReadiness(), context, outdated())
    rig.transport.begin()
    rig.peer.look()
    rig.turn()
    assert rig.owner.told[0].startswith("TLS: ")
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol"):
        rig.peer.look()
    rig.close()


def test_tls_1_2_is_the_floor(context) -> None:
    theirs = trusting()
    theirs.maximum_version = ssl.TLSVersion.TLSv1_2
    rig = Rig(EpollReadiness(), context, theirs).secured()
    assert rig.transport.tls_text().startswith("TLSv1.2/ECDHE")
    rig.close()


def test_a_record_that_was_changed_on_the_way_ends_the_connection(rig) -> None:
    rig.secured()
    sealed = bytearray(rig.peer.sealed(b"pay 10"))
    sealed[-1] ^= 1
    rig.other.send(sealed)
    rig.turn(2)
    assert rig.owner.data == b""
    assert len(rig.owner.told) == 1
    assert rig.owner.told[0].startswith("TLS: ")


def test_a_record_larger_than_tls_allows(rig) -> None:
    rig.secured()
    rig.other.send(b"\x17\x03\x03\xff\xff" + b"x" * 60_000)
    rig.turn(2)
    assert rig.owner.data == b""
    assert len(rig.owner.told) == 1
    assert rig.owner.told[0].startswith("TLS: ")


def test_what_waits_when_the_peer_breaks_is_dropped(rig) -> None:
    rig.secured()
    rig.transport.write(b"a" * 1_000_000)
    rig.turn()
    rig.other.send(b"\x17\x03\x03\xff\xff" + b"x" * 100)
    rig.turn(2)
    assert rig.owner.told[0] == "full"
    assert rig.owner.told[1].startswith("TLS: ")


def test_a_goodbye_of_the_peer_is_an_end(rig) -> None:
    rig.secured()
    rig.peer.send(b"last")
    rig.peer.goodbye()
    rig.turn(3)
    assert rig.owner.data == b"last"
    assert rig.owner.told == ["closed by the peer"]
    assert rig.transport.ended


def test_a_peer_that_says_goodbye_may_still_be_answered(rig) -> None:
    rig.secured()
    rig.owner.keeps_shut = True
    rig.peer.goodbye()
    rig.turn(3)
    assert rig.transport.half_closed
    rig.transport.write(b"your answer")
    rig.turn()
    rig.peer._receive()
    assert rig.peer.session.read(100) == b"your answer"
    rig.transport.close()
    rig.turn()


def test_an_end_without_goodbye_is_an_end(rig) -> None:
    rig.secured()
    rig.other.close()
    rig.turn(2)
    assert rig.owner.told == ["closed by the peer"]


def test_an_end_in_the_handshake(rig) -> None:
    rig.transport.begin()
    rig.other.close()
    rig.turn(2)
    assert rig.owner.told == ["closed by the peer"]


def test_close_sends_what_waits_and_says_goodbye(rig) -> None:
    rig.secured()
    rig.transport.write(b"why it ends")
    rig.transport.close()
    rig.transport.close()
    rig.transport.write(b"too late")
    rig.both()
    assert rig.peer.taken == b"why it ends"
    assert rig.peer.said_goodbye
    assert rig.peer.ended
    rig.other.close()
    rig.turn(2)
    assert rig.transport.ended
    assert rig.owner.told == []


def test_close_with_nothing_to_send_still_says_goodbye(rig) -> None:
    rig.secured()
    rig.transport.close()
    assert rig.transport.ended
    rig.peer.look()
    assert rig.peer.said_goodbye


def test_close_while_the_kernel_takes_no_more(rig) -> None:
    rig.secured()
    rig.transport.write(b"a" * 1_000_000)
    rig.turn()
    rig.transport.close()
    assert not rig.transport.ended
    rig.both(200)
    assert rig.peer.taken == b"a" * 1_000_000
    assert rig.peer.said_goodbye


def test_close_before_the_handshake_is_over_says_nothing(rig) -> None:
    rig.transport.begin()
    rig.transport.write(b"nobody could read that")
    rig.transport.close()
    assert rig.transport.ended
    rig.turn()
    assert rig.other.recv(100) == b""


def test_shut_writing_still_reads(rig) -> None:
    rig.secured()
    rig.transport.write(b"bye")
    rig.transport.shut_writing()
    rig.peer.look()
    assert rig.peer.taken == b"bye"
    assert rig.peer.said_goodbye
    assert rig.peer.ended
    rig.peer.send(b"one more thing")
    rig.turn()
    assert rig.owner.data == b"one more thing"


def test_a_peer_that_is_gone_is_noticed_by_writing(rig) -> None:
    rig.secured()
    rig.other.close()
    rig.transport.write(b"hello")
    rig.turn(3)
    assert rig.owner.told == ["closed by the peer"]


def test_a_client_side(context) -> None:
    mine, other = socket.socketpair()
    mine.setblocking(False)
    loop = Loop(Clock(), EpollReadiness())
    owner = TlsRecorder()
    plain = Transport(loop, mine.detach(), owner, HIGH_BYTES)
    transport = TlsTransport(loop, plain, owner, trusting(), "localhost")
    server = TlsPeer(other, context, server_side=True)
    transport.begin()
    for _ in range(3):
        server.look()
        loop.call_at(0.0, lambda: None)
        loop.turn()
    assert owner.told == ["secured"]
    assert transport.session.getpeercert(binary_form=True)
    transport.abort()
    other.close()
    loop.readiness.close()


def test_an_owner_that_closes_when_told_hears_nothing_more(rig) -> None:
    closing = rig.transport

    class Closer(TlsRecorder):
        def on_secured(self) -> None:
            closing.write(b"no")
            closing.close()

    owner = Closer()
    rig.transport.set_owner(owner)
    rig.transport.begin()
    rig.both()
    rig.peer.send(b"hello")
    rig.turn(2)
    assert owner.data == b""
    assert rig.peer.look() == b"no"


class Listened:
    """A context whose transport's buffer towards the peer can be written to, as OpenSSL does."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def wrap_bio(self, incoming, outgoing, **how):
        self.outgoing = outgoing
        return self.context.wrap_bio(incoming, outgoing, **how)


def test_answers_of_tls_itself_have_a_limit(context) -> None:
    listened = Listened(context)
    rig = Rig(EpollReadiness(), listened).secured()
    rig.transport.write(b"a" * 1_000_000)
    rig.turn()  # from now on the kernel takes no more
    listened.outgoing.write(b"k" * ANSWERS_BYTES_MAX)  # new keys, because the peer asked for them
    rig.peer.send(b"hello")
    rig.turn()
    assert rig.owner.data == b"hello"
    assert not rig.transport.ended
    listened.outgoing.write(b"k")
    rig.peer.send(b"hello")
    rig.turn()
    assert rig.owner.told == ["full", "it does not read what TLS answers"]
    assert rig.transport.ended
    rig.close()


def test_answers_of_tls_itself_are_sent(context) -> None:
    listened = Listened(context)
    rig = Rig(EpollReadiness(), listened).secured()
    listened.outgoing.write(b"k")
    rig.peer.send(b"hello")
    rig.turn()
    assert rig.other.recv(10) == b"k"
    assert rig.owner.data == b"hello"
    rig.close()


def test_a_peer_that_is_gone_in_the_handshake(context) -> None:
    listened = Listened(context)
    rig = Rig(EpollReadiness(), listened)
    rig.other.close()
    rig.transport.begin(b"GET / HTTP/1.1")  # its answer cannot be sent any more
    rig.turn(2)
    assert rig.transport.ended
    assert len(rig.owner.told) == 1
    rig.close()


def test_reasons_for_people(context) -> None:
    assert reason_of(ValueError("so")) == "so"
    assert reason_of(ssl.SSLError(1, "[SSL] unknown")) == "[SSL] unknown"
    strict = ssl.create_default_context()
    rig = Rig(EpollReadiness(), context)
    rig.peer = TlsPeer(rig.other, strict, name="localhost")
    rig.transport.begin()
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        rig.both()
    assert reason_of(caught.value).startswith("the certificate is not accepted: ")
    rig.close()


def test_behind_a_send_that_failed_nothing_is_sent_in_the_clear(rig) -> None:
    """What was left of it was encrypted already; what is written next is not."""
    transport = rig.secured().transport
    transport.write(bytes(1 << 22))
    rig.turn()
    assert transport.queued_bytes > 0
    fd, transport.fd = transport.fd, -1
    transport.on_ready(WRITE)
    transport.fd = fd
    assert transport.queued_bytes == 0
    rig.peer.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while rig.peer.socket.recv(1 << 20):
            pass
    transport.write(b"secret words")
    rig.turn()
    assert b"secret words" not in rig.peer.socket.recv(1 << 20)

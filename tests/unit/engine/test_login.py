"""A client until it is logged in."""

import os
import socket
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pglane.engine.login import TIGHT_LOGINS_MAX
from tests.support.certificates import Authority
from tests.support.engine_rig import READY, startup
from tests.support.tls_peer import TlsPeer, trusting
from tests.unit.engine.test_database import desk


def test_one_that_does_not_log_in_in_time_is_sent_away(rigs) -> None:
    rig = rigs(login_ms_max=500)
    client = rig.connect()
    rig.turn(2)
    assert rig.worker.login_count() == 1
    rig.later(0.6)
    assert b"PGL0305" in client.ends()
    assert rig.worker.login_count() == 0


def test_one_that_logged_in_is_not_sent_away_later(rigs) -> None:
    rig = rigs(login_ms_max=500)
    client, _ = rig.pair()
    rig.later(0.6)
    assert client.look() == b""
    assert not client.ended


def test_each_is_sent_away_when_its_own_time_is_over(rigs) -> None:
    rig = rigs(login_ms_max=500)
    first = rig.connect()
    rig.turn(2)
    rig.later(0.3)
    second = rig.connect()
    rig.turn(2)
    rig.later(0.3)
    assert b"PGL0305" in first.ends()
    assert rig.worker.login_count() == 1
    rig.later(0.3)
    assert b"PGL0305" in second.ends()
    assert rig.worker.login_count() == 0


def test_a_new_limit_holds_for_those_that_are_logging_in(rigs) -> None:
    rig = rigs(login_ms_max=60_000)
    client = rig.connect()
    rig.turn(2)
    rig.say(type="reload", settings=asdict(replace(rig.settings, login_ms_max=500)))
    rig.later(0.6)
    assert b"PGL0305" in client.ends()


def test_one_that_leaves_before_is_forgotten(rig) -> None:
    client = rig.connect()
    rig.turn(2)
    client.socket.close()
    rig.until(lambda: rig.worker.login_count() == 0)


def test_too_many_that_log_in_are_told_so(rigs) -> None:
    rig = rigs(unauthenticated_max=2)
    first = [rig.connect() for _ in range(2)]
    rig.turn(2)
    late = rig.connect()
    told = late.ends()
    assert b"PGL0306" in told
    assert b"unauthenticated_max is 2" in told
    assert rig.worker.login_count() == 2
    assert not first[0].look()


def test_too_many_clients_are_told_so(rigs) -> None:
    rig = rigs(clients_max=1)
    rig.pair()
    assert b"connections_max is 1" in rig.client().ends()


def test_the_console_is_reached_while_there_are_too_many_clients(rigs) -> None:
    rig = rigs(clients_max=1, admin_users=("anna",))
    rig.pair()
    rig.client(database="pglane")
    rig.until(lambda: rig.heard("console"))


def test_of_too_many_clients_few_may_log_in_at_once(rigs) -> None:
    rig = rigs(clients_max=1)
    rig.pair()
    few = [rig.connect() for _ in range(TIGHT_LOGINS_MAX)]
    rig.turn(2)
    assert b"connections_max is 1" in rig.connect().ends()
    assert not any(one.look() for one in few)


def test_those_who_log_in_at_once_cannot_be_more_than_clients_max(rigs) -> None:
    rig = rigs(clients_max=1)
    first, second = rig.connect(), rig.connect()
    rig.turn(2)
    for each in (first, second):
        each.send(startup(user="anna", database="app"))
    rig.turn(2)
    assert len(rig.worker.clients) == 1
    ended = first if first.look().find(b"PGL0302") >= 0 else second
    assert b"PGL0302" in ended.ends()


def test_replication_is_shown_the_direct_door(rig) -> None:
    client = rig.client(replication="database")
    assert b"PGL0204" in client.ends()


def test_a_startup_packet_of_nobody_is_refused(rig) -> None:
    client = rig.connect()
    client.send(startup(database="app"))
    assert b"PGL0202" in client.ends()
    (line,) = rig.logged("refused")
    assert line["level"] == "info"


def test_settings_that_cannot_be_are_refused(rig) -> None:
    client = rig.client(options="--nonsense")
    assert client.ends()
    assert rig.worker.clients == {}


def test_the_console_is_for_its_users(rigs) -> None:
    rig = rigs(admin_users=("boss",))
    client = rig.connect()
    client.send(startup(user="anna", database="pglane"))
    assert b"PGL0205" in client.ends()


def test_who_may_only_look_may_come_in(rigs) -> None:
    rig = rigs(stats_users=("anna",))
    client = rig.connect()
    client.send(startup(user="anna", database="pglane"))
    rig.until(lambda: rig.heard("console"))


def test_a_console_client_is_handed_to_the_supervisor(rigs) -> None:
    rig = rigs(admin_users=("anna",))
    client = rig.connect()
    client.send(startup(user="anna", database="pglane", application_name="psql") + b"rest")
    rig.until(lambda: rig.heard("console"))
    (told,) = rig.heard("console")
    assert (told["user"], told["door"], told["buffered"]) == ("anna", "transaction", "cmVzdA==")
    assert told["parameters"]["application_name"] == "psql"
    (fd,) = rig.passed
    with socket.socket(fileno=fd) as passed:
        passed.send(b"from the console")
        client.gets(b"from the console")
    assert os.fstat(rig.control.fileno())


def test_what_a_client_sent_behind_its_login_is_not_lost(rig) -> None:
    _, server = rig.pair()
    client = rig.connect()
    client.send(startup(user="anna", database="app") + b"Q\x00\x00\x00\x0dSELECT 1\x00")
    server.gets(b"SELECT 1")
    client.gets(READY)
    assert desk(rig).ledger.statistics().leased == 1


# TLS ----------------------------------------------------------------------------------------

ASKED = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    door = Authority(tmp_path_factory.mktemp("certificates")).sign("door", "localhost")
    return {
        "client_tls_cert_file": str(door.certificate),
        "client_tls_key_file": str(door.key),
        "client_tls_sslmode": "prefer",
    }


@pytest.fixture
def certificate(files, monkeypatch):
    """The rig's Unix sockets, which deliver at once, stand for a network here."""
    monkeypatch.setattr("pglane.engine.client_tls.UNIX", "none of the rig's")
    return files


def secured(rig, *protocols, asks=True) -> TlsPeer:
    """A client that has done the handshake."""
    client = rig.connect()
    if asks:
        client.send(ASKED)
        assert client.gets(b"S") == b"S"
    peer = TlsPeer(client.socket, trusting(*protocols))
    rig.until(lambda: peer.look() is not None and peer.secured, "the handshake is over")
    return peer


def test_a_client_logs_in_through_tls(rigs, certificate) -> None:
    rig = rigs(**certificate)
    peer = secured(rig)
    peer.send(startup(user="anna", database="app"))
    rig.accept_login()
    rig.until(lambda: READY in peer.look(), "it is logged in")
    (client,) = rig.worker.clients.values()
    assert client.transport.tls_text().startswith("TLSv1.3/")


def test_a_client_may_begin_with_the_handshake(rigs, certificate) -> None:
    rig = rigs(**certificate)
    peer = secured(rig, "postgresql", asks=False)
    peer.send(startup(user="anna", database="app"))
    rig.accept_login()
    rig.until(lambda: READY in peer.look(), "it is logged in")


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)])
def test_who_begins_with_the_handshake_must_mean_postgresql(rigs, certificate, protocols) -> None:
    rig = rigs(**certificate)
    peer = secured(rig, *protocols, asks=False)
    rig.until(lambda: peer.look() and peer.ended, "it is refused")
    assert b"PGL0222" in peer.taken
    assert peer.said_goodbye


def test_a_broken_handshake_is_told_in_the_log(rigs, certificate) -> None:
    rig = rigs(**certificate)
    client = rig.connect()
    client.send(ASKED)
    client.gets(b"S")
    client.send(startup(user="anna", database="app"))  # in the clear
    rig.until(lambda: rig.logged("tls_login_failed"), "a line in the log")
    assert rig.worker.login_count() == 0
    assert client.ends()[:1] in (b"", b"\x15")  # an alert, or nothing
    assert rig.worker.clients == {}


def test_a_handshake_counts_as_a_part_of_the_login(rigs, certificate) -> None:
    rig = rigs(login_ms_max=500, **certificate)
    client = rig.connect()
    client.send(ASKED)
    client.gets(b"S")
    rig.later(0.6)
    assert client.ends() == b""
    assert rig.worker.login_count() == 0


def test_a_client_that_must_use_tls_is_told_so(rigs, certificate) -> None:
    rig = rigs(**{**certificate, "client_tls_sslmode": "require"})
    client = rig.connect()
    client.send(startup(user="anna", database="app"))
    told = client.ends()
    assert b"PGL0220" in told
    assert b"sslcert and sslkey" in told


def test_a_console_client_with_tls_stays_here_and_is_relayed(rigs, certificate) -> None:
    rig = rigs(admin_users=("anna",), **certificate)
    peer = secured(rig)
    peer.send(startup(user="anna", database="pglane") + b"more")
    rig.until(lambda: rig.heard("console"), "the supervisor gets it")
    theirs = socket.socket(fileno=rig.passed[0])
    theirs.setblocking(False)
    peer.look()
    peer.taken = b""
    theirs.send(b"welcome")
    rig.until(lambda: peer.look() == b"welcome", "what the supervisor says arrives")
    peer.send(b"SHOW")

    def came() -> bytes:
        try:
            return theirs.recv(100)
        except BlockingIOError:
            return b""

    rig.until(lambda: came() == b"SHOW", "what the client says arrives")
    theirs.close()
    rig.until(lambda: peer.look() and peer.ended, "its end is the client's end")
    assert peer.said_goodbye


def test_a_reload_brings_another_certificate(rigs, certificate, tmp_path) -> None:
    rig = rigs(**certificate)
    seen = secured(rig).session.getpeercert(binary_form=True)
    other = Authority(tmp_path).sign("other", "localhost")
    for name, file in (("cert", other.certificate), ("key", other.key)):
        Path(certificate[f"client_tls_{name}_file"]).write_bytes(file.read_bytes())
    rig.say(type="reload", settings=asdict(rig.settings))
    rig.turn(3)
    assert secured(rig).session.getpeercert(binary_form=True) != seen


def test_a_reload_with_a_broken_certificate_changes_nothing(rigs, certificate, tmp_path) -> None:
    rig = rigs(**certificate)
    seen = secured(rig).session.getpeercert(binary_form=True)
    broken = asdict(rig.settings) | {"client_tls_key_file": str(tmp_path / "gone")}
    rig.say(type="reload", settings=broken)
    rig.until(lambda: rig.logged("tls_not_applied"), "a line in the log")
    assert secured(rig).session.getpeercert(binary_form=True) == seen

"""Listening sockets: all or none, busy or not, stale or not."""

import errno
import os
import socket
from pathlib import Path

import pytest

from pglane.config.settings import Settings
from pglane.control import listeners
from pglane.control.listeners import addresses_by_door, bind_listeners, close_listeners
from pglane.errors.refused import RefusedError

FREE = {"transaction_port": 0, "session_port": 0, "direct_port": 0}


@pytest.fixture
def bind():
    """Binds with free ports, and closes at the end."""
    opened = []

    def bind_with(**settings):
        found = bind_listeners(Settings(**{**FREE, **settings}))
        opened.extend(found)
        return found

    yield bind_with
    close_listeners(opened)


def refusal(**settings):
    with pytest.raises(RefusedError) as caught:
        bind_listeners(Settings(**{**FREE, **settings}))
    (found,) = caught.value.refusals
    return found


def ports(opened):
    return {each.door: each.sock.getsockname()[1] for each in opened}


def no_ipv6(monkeypatch, number=errno.EADDRNOTAVAIL):
    """A machine whose kernel knows IPv6 and has no address of it."""

    class Without(socket.socket):
        def bind(self, address):
            if self.family == socket.AF_INET6:
                raise OSError(number, os.strerror(number))
            super().bind(address)

    monkeypatch.setattr(socket, "socket", Without)


def test_three_doors_in_order_on_three_ports(bind):
    opened = bind(listen_addresses=("127.0.0.1",))
    assert [each.door for each in opened] == ["transaction", "session", "direct"]
    assert len(set(ports(opened).values())) == 3
    assert addresses_by_door(opened) == {
        door: [f"127.0.0.1:{port}"] for door, port in ports(opened).items()
    }


def test_the_sockets_are_made_for_a_worker(bind):
    for each in bind(listen_addresses=("127.0.0.1",)):
        assert each.sock.getblocking() is False
        assert each.sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert each.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="needs IPv6")
def test_ipv6_has_the_same_port(bind):
    first, second, *_ = bind()
    assert first.address.startswith("127.0.0.1:")
    assert second.address == f"[::1]:{first.sock.getsockname()[1]}"


def test_a_port_that_is_free_on_one_address_only_is_tried_no_longer(bind, monkeypatch):
    """A free port on the first address may be taken on the second: another one is found."""
    real, tries = socket.socket.bind, []

    class Unlucky(socket.socket):
        def bind(self, address):
            if address[0] == "127.0.0.2" and len(tries) < 3:
                tries.append(address)
                raise OSError(errno.EADDRINUSE, "in use")
            real(self, address)

    monkeypatch.setattr(socket, "socket", Unlucky)
    opened = bind(listen_addresses=("127.0.0.1", "127.0.0.2"))
    assert len(tries) == 3
    assert opened[0].sock.getsockname()[1] == opened[1].sock.getsockname()[1]


def test_no_port_free_on_both_is_told_in_the_end(monkeypatch):
    monkeypatch.setattr(listeners, "FREE_PORT_TRIES_MAX", 2)

    class Unlucky(socket.socket):
        def bind(self, address):
            if address[0] == "127.0.0.2":
                raise OSError(errno.EADDRINUSE, "in use")
            super().bind(address)

    monkeypatch.setattr(socket, "socket", Unlucky)
    assert refusal(listen_addresses=("127.0.0.1", "127.0.0.2")).code == "PGL0801"


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
@pytest.mark.parametrize("asked", [("127.0.0.1", "::1"), ("*",), ("localhost",)])
def test_a_machine_without_ipv6_does_without(bind, monkeypatch, asked, number):
    no_ipv6(monkeypatch, number)
    opened = bind(listen_addresses=asked)
    assert {each.sock.family for each in opened} == {socket.AF_INET}


def test_a_kernel_without_ipv6_does_without(bind, monkeypatch):
    class Without(socket.socket):
        def __init__(self, family=-1, *rest, **more):
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported")
            super().__init__(family, *rest, **more)

    monkeypatch.setattr(socket, "socket", Without)
    assert len(bind()) == 3
    assert refusal(listen_addresses=("::1",)).code == "PGL0802"


def test_ipv6_that_was_asked_for_is_not_left_out(monkeypatch):
    no_ipv6(monkeypatch)
    found = refusal(listen_addresses=("::1",))
    assert found.code == "PGL0802"
    assert "[::1]:0" in found.text


def test_brackets_are_understood(bind):
    assert bind(listen_addresses=("[127.0.0.1]",))


def test_a_busy_port_is_told_with_address_port_and_door(bind):
    taken = ports(bind(listen_addresses=("127.0.0.1",)))["direct"]
    found = refusal(listen_addresses=("127.0.0.1",), session_port=taken)
    assert found.code == "PGL0801"
    assert f"127.0.0.1:{taken} is in use: the session door" in found.text
    assert "--session-port" in found.hint_text


def test_two_doors_on_one_port_are_refused(bind):
    taken = ports(bind(listen_addresses=("127.0.0.2",)))["direct"]
    found = refusal(listen_addresses=("127.0.0.1",), transaction_port=taken, direct_port=taken)
    assert "the direct door" in found.text


def test_all_or_none(bind):
    taken = ports(bind(listen_addresses=("127.0.0.1",)))["direct"]
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    assert refusal(listen_addresses=("127.0.0.1",), transaction_port=port, direct_port=taken)
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid", "\udcff"])
def test_an_address_that_is_not_ours(host):
    assert refusal(listen_addresses=(host,)).code == "PGL0802"


def test_nowhere_to_listen():
    assert refusal(listen_addresses=()).code == "PGL0804"


def test_unix_sockets_have_the_number_of_the_tcp_port(bind, tmp_path):
    opened = bind(listen_addresses=("127.0.0.1",), unix_socket_directory=str(tmp_path))
    tcp, unix = opened[:2]
    port = tcp.sock.getsockname()[1]
    assert unix.address == f"{tmp_path}/.s.PGSQL.{port}"
    assert addresses_by_door(opened)["transaction"] == [tcp.address, unix.address]


@pytest.mark.parametrize(("auth", "mode"), [("scram", 0o777), ("trust", 0o700)])
def test_who_may_knock_at_a_unix_socket(bind, tmp_path, auth, mode):
    bind(listen_addresses=(), unix_socket_directory=str(tmp_path), auth=auth)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}


def test_unix_sockets_only_with_given_numbers(bind, tmp_path):
    opened = bind(
        listen_addresses=(),
        unix_socket_directory=str(tmp_path),
        transaction_port=1,
        session_port=2,
        direct_port=3,
    )
    assert [each.address[-10:] for each in opened] == [f".s.PGSQL.{n}" for n in (1, 2, 3)]


def unix_only(tmp_path, **more):
    return {
        "listen_addresses": (),
        "unix_socket_directory": str(tmp_path),
        "transaction_port": 1,
        **more,
    }


def test_a_stale_socket_file_is_removed(bind, tmp_path):
    path = tmp_path / ".s.PGSQL.1"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    bind(**unix_only(tmp_path))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


@pytest.mark.parametrize("full", [False, True])
def test_a_socket_file_that_somebody_answers_on_is_refused(tmp_path, full):
    path = tmp_path / ".s.PGSQL.1"
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as client:
        other.bind(str(path))
        other.listen(0)
        if full:
            client.connect(str(path))
        found = refusal(**unix_only(tmp_path))
        assert found.code == "PGL0803"
        assert "somebody is listening on it" in found.detail_text
        assert path.exists()


def test_a_file_that_is_no_socket_is_refused_and_kept(tmp_path):
    path = tmp_path / ".s.PGSQL.1"
    path.write_text("mine")
    assert "is no socket" in refusal(**unix_only(tmp_path)).detail_text
    assert path.read_text() == "mine"


def test_a_path_that_is_too_long_is_refused(tmp_path):
    deep = tmp_path / ("x" * 100)
    assert "allowed are 107" in refusal(**unix_only(deep)).detail_text


def test_a_directory_that_does_not_exist_is_refused(tmp_path):
    assert "No such file" in refusal(**unix_only(tmp_path / "none")).detail_text


def test_closing_removes_our_socket_files_only(tmp_path):
    opened = bind_listeners(Settings(**{**FREE, **unix_only(tmp_path)}))
    first, second, third = sorted(tmp_path.iterdir())
    second.unlink()
    third.unlink()
    with socket.socket(socket.AF_UNIX) as somebody_else:
        somebody_else.bind(str(third))
        close_listeners(opened)
        assert list(tmp_path.iterdir()) == [third]
        assert not first.exists()
    close_listeners(opened)  # once more is no error

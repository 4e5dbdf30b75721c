"""The worker as a whole: start, reload, stop, and what it says about itself."""

import gc
import socket
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from pglane.config.settings import User
from pglane.engine import worker as workers
from pglane.engine.database import Database
from pglane.pool.ledger import IDLE
from pglane.wire.scram import Verifier
from tests.support.engine_rig import READY, message, query
from tests.unit.engine.test_database import DONE


def test_it_ends_when_the_supervisor_is_gone() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    assert workers.run(theirs.detach()) == 0


def test_a_start_that_cannot_be_ends_it(rig) -> None:
    rig.say(type="start", settings={"nonsense": 1}, listeners=[])
    rig.loop.call_at(0.0, lambda: None)
    rig.loop.run()
    assert rig.worker.internal_errors == 1


def test_a_message_that_fails_costs_only_itself(rig) -> None:
    rig.say(type="snapshot")
    rig.say(type="unheard of")
    rig.say(type="snapshot", id=7, what="lists")
    rig.until(lambda: rig.heard("snapshot_rows"))
    assert rig.logged("internal_error")


@pytest.mark.parametrize(
    ("listens", "told"),
    [
        ("127.0.0.1:6544", "127.0.0.1:6544"),
        ("0.0.0.0:6544", "port 6544 of the same host"),
        ("[::]:6544", "port 6544 of the same host"),
        ("/run/pglane/.s.PGSQL.6544", "/run/pglane/.s.PGSQL.6544"),
    ],
)
def test_a_door_is_told_as_others_reach_it(rig, monkeypatch, listens: str, told: str) -> None:
    session = SimpleNamespace(NAME="session")
    listeners = [SimpleNamespace(door=session, address=listens)]
    with monkeypatch.context() as others:
        others.setattr(rig.worker, "_listeners", listeners)
        assert rig.worker.door_address("session") == told
        assert rig.worker.door_address("direct") == ""


def test_a_stop_closes_everything_once(rig) -> None:
    client, server = rig.pair()
    rig.say(type="stop")
    rig.say(type="stop")
    assert b"PGL0303" in client.ends()
    server.gets(b"X\x00\x00\x00\x04")
    assert len(rig.heard("stopped")) == 1


def refuses_database(rig, name: str) -> None:
    """Somebody asks for it, and PostgreSQL knows none of that name."""
    client = rig.client(database=name)
    server = rig.accept()
    server.gets(name.encode())
    server.send(message(b"E", b"SFATAL\0VFATAL\0C3D000\0Mthere is none\0\0"))
    server.socket.close()
    client.ends()
    client.socket.close()


def test_databases_that_do_not_exist_are_forgotten(rigs, monkeypatch) -> None:
    monkeypatch.setattr(workers, "DATABASES_MAX", 3)
    rig = rigs()
    rig.worker._databases_max = 3
    rig.pair()
    for number in range(2):
        refuses_database(rig, f"none_{number}")
    assert list(rig.worker.databases) == ["app", "none_0", "none_1"]
    before = rig.worker.databases["none_1"]
    waiting = rig.client(database="waited_for")
    rig.accept()
    assert list(rig.worker.databases) == ["app", "waited_for"]
    refuses_database(rig, "none_1")
    assert rig.worker.databases["none_1"] is not before, "though the same packet came before"
    refuses_database(rig, "none_2")
    refuses_database(rig, "none_3")
    assert set(rig.worker.databases) == {"app", "waited_for", "none_2", "none_3"}
    waiting.look()
    assert not waiting.ended


def test_nothing_is_kept_of_a_database_that_is_forgotten(rigs, monkeypatch) -> None:
    """Not even until those who asked for it would have waited too long."""
    monkeypatch.setattr(workers, "DATABASES_MAX", 3)
    rig = rigs()
    rig.worker._databases_max = 3
    for number in range(9):
        refuses_database(rig, f"none_{number}")
    rig.turn(2)
    gc.collect()
    alive = [each for each in gc.get_objects() if isinstance(each, Database)]
    assert {each.name for each in alive if each.worker is rig.worker} == set(rig.worker.databases)


def test_a_stop_abandons_what_is_being_opened(rig) -> None:
    client = rig.client()
    server = rig.accept()
    rig.say(type="stop")
    assert b"PGL0303" in client.ends()
    server.ends()


def test_a_reload_forgets_the_keys_of_a_changed_password(rig) -> None:
    worker = rig.worker
    secret = worker.entrance.users._mock_secret
    worker._server_keys.update(anna=object(), berta=object())
    anna = User(name="anna", verifier="", password="another")
    rig.say(type="reload", settings=asdict(replace(rig.settings, users=(anna,))))
    rig.until(lambda: "anna" not in worker._server_keys)
    assert "berta" in worker._server_keys
    assert worker.entrance.users._mock_secret == secret


def test_a_reload_forgets_what_clients_showed_of_a_changed_verifier(rig) -> None:
    worker = rig.worker
    texts = [Verifier.mock(name, b"s" * 32).format().decode() for name in (b"1", b"2", b"3")]
    before = (User("anna", texts[0]), User("berta", texts[1]))
    rig.say(type="reload", settings=asdict(replace(rig.settings, users=before)))
    rig.until(lambda: worker.entrance.users.knows("berta"))
    worker._client_keys.update(anna=object(), berta=object(), carla=object())
    after = (User("anna", texts[2]), User("berta", texts[1]))
    rig.say(type="reload", settings=asdict(replace(rig.settings, users=after)))
    rig.until(lambda: "anna" not in worker._client_keys)
    assert set(worker._client_keys) == {"berta", "carla"}


def test_salts_come_from_the_secret_that_outlives_the_worker(rig) -> None:
    settings = replace(rig.settings, salt_secret="s" * 32)
    rig.say(type="reload", settings=asdict(settings))
    nobody = Verifier.mock(b"nobody", b"s" * 32)
    rig.until(lambda: rig.worker.entrance.users.secret("nobody") == nobody)


def test_a_server_connection_that_is_too_old_is_closed(rig) -> None:
    client, server = rig.pair()
    (database,) = rig.worker.databases.values()
    link = database.desk.ledger.in_state(IDLE)[0].link
    link.expires = rig.clock.now + 1.0
    rig.later(2.0)
    server.gets(b"X\x00\x00\x00\x04")


def test_rows_leave_in_chunks(rig) -> None:
    rig.worker._control.send_rows(9, iter([{"n": n} for n in range(250)]))
    rig.until(lambda: any(told["last"] for told in rig.heard("snapshot_rows")))
    assert [len(told["rows"]) for told in rig.heard("snapshot_rows")] == [100, 100, 50]


def test_an_idle_server_connection_ages_out(rigs) -> None:
    rig = rigs(server_idle_ms_max=1000)
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    rig.later(1.1)
    rig.later(1.1)
    server.gets(b"X\x00\x00\x00\x04")

import os
import signal

import pytest

from pglane.cli import main, up
from pglane.cli.assembly import SHOWN_TO_ALL
from pglane.config.uri import read_uri
from pglane.errors import RefusedError
from pglane.errors.embedded import BinariesMissing

URI = "postgresql://app:pw@db/shop"
DOORS = {"transaction": ["127.0.0.1:1"], "session": ["127.0.0.1:2"], "direct": ["127.0.0.1:3"]}


class FakeSupervisor:
    made = None
    during = staticmethod(lambda: None)

    def __init__(self, settings, *, on_ready, reload, missing, locked_out):
        self.settings, self.on_ready, self.reload = settings, on_ready, reload
        self.missing, self.locked_out = missing, locked_out
        type(self).made = self

    async def run(self):
        self.on_ready(DOORS)
        self.during()
        return 0


class FakeState:
    def __init__(self, path):
        self.path = path
        self.data = path / "data"


class FakeCluster:
    made = None
    during_start = staticmethod(lambda: None)

    def __init__(self, data_dir, bin_dir, account, note, say):
        self.state, self.bin_dir, self.account = FakeState(data_dir), bin_dir, account
        self.uri = "postgresql://postgres:secret@127.0.0.1:6000/postgres"
        self.life = []
        self.say, self.locked_out = say, object()
        type(self).made = self

    def start(self):
        self.life.append("start")
        self.say("making something")
        self.during_start()

    def stop(self):
        self.life.append("stop")

    def ended(self):
        return None


@pytest.fixture(autouse=True)
def _nothing_real(monkeypatch):
    """A supervisor and a PostgreSQL that do nothing, and an empty environment."""
    for name in ("DATABASE_URL", *(name for name in os.environ if name.startswith("PG"))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(up, "Supervisor", FakeSupervisor)
    monkeypatch.setattr(up, "Cluster", FakeCluster)
    monkeypatch.setattr(up, "find_binaries", lambda wanted: wanted)
    monkeypatch.setattr(up, "compiled", lambda: True)
    monkeypatch.setattr(FakeSupervisor, "during", staticmethod(lambda: None))
    monkeypatch.setattr(FakeCluster, "during_start", staticmethod(lambda: None))
    FakeCluster.made = FakeSupervisor.made = None


def test_a_given_uri_is_served_and_its_password_not_shown(capsys):
    assert main(["up", URI]) == 0
    out, err = capsys.readouterr()
    assert err == f"note: {SHOWN_TO_ALL}\n"
    lines = out.splitlines()
    assert lines[0].endswith("before shop at db:5432 (from the URI)")
    assert lines[1].split()[:2] == ["transaction", "postgresql://app@127.0.0.1:1/shop"]
    assert lines[-1] == "Ctrl-C stops"
    assert "pw" not in out
    assert FakeCluster.made is None


def test_without_a_database_the_embedded_one_with_its_password(capsys, tmp_path):
    words = ["--data-dir", str(tmp_path), "--postgres-bin", "/x", "--postgres-user", "daemon"]
    assert main(["up", *words]) == 0
    out = capsys.readouterr().out
    assert "making something" in out
    assert "postgresql://postgres:secret@127.0.0.1:1/postgres" in out
    assert "(from the embedded PostgreSQL)" in out
    cluster = FakeCluster.made
    assert cluster.life == ["start", "stop"]
    assert (str(cluster.bin_dir), cluster.account) == ("/x", "daemon")
    assert FakeSupervisor.made.locked_out is cluster.locked_out


def test_the_embedded_one_is_stopped_when_the_doors_fail(monkeypatch, capsys, tmp_path):
    def fail():
        raise RefusedError(BinariesMissing(found=""))

    monkeypatch.setattr(FakeSupervisor, "during", staticmethod(fail))
    assert main(["up", "--data-dir", str(tmp_path)]) == 1
    assert FakeCluster.made.life == ["start", "stop"]
    assert "PGL0901" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_ends_it(monkeypatch, tmp_path, number):
    monkeypatch.setattr(
        FakeCluster, "during_start", staticmethod(lambda: signal.raise_signal(number))
    )
    before = signal.getsignal(signal.SIGTERM)
    assert main(["up", "--data-dir", str(tmp_path)]) == 130
    assert FakeSupervisor.made is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_signals_do_not_cut_short_the_stop_of_postgresql(monkeypatch, tmp_path):
    def stop(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        self.life.append("stop")

    monkeypatch.setattr(FakeCluster, "stop", stop)
    before = signal.getsignal(signal.SIGINT)
    assert main(["up", "--data-dir", str(tmp_path)]) == 0
    assert FakeCluster.made.life == ["start", "stop"]
    assert signal.getsignal(signal.SIGINT) is before


def test_uncompiled_says_so(monkeypatch, capsys):
    monkeypatch.setattr(up, "compiled", lambda: False)
    assert main(["up", URI]) == 0
    err = capsys.readouterr().err
    assert "uncompiled" in err
    assert "C compiler" in err


def test_notes_are_told(capsys, tmp_path):
    file = tmp_path / "pglane.toml"
    file.write_text("[clients]\ntls_sslmode = 'disable'\n")
    words = ["--listen", "10.0.0.1", "--config", str(file)]
    assert main(["up", URI + "?pgbouncer=true", *words]) == 0
    err = capsys.readouterr().err
    assert "note: the URI: the option pgbouncer is ignored" in err
    assert "note: listening on 10.0.0.1 without TLS" in err


def test_a_reload_reads_the_file_again(tmp_path):
    file = tmp_path / "pglane.toml"
    file.write_text("[server]\nbudget = 3\n")
    assert main(["up", URI, "--config", str(file)]) == 0
    made = FakeSupervisor.made
    assert made.settings.budget == 3
    file.write_text("[server]\nbudget = 4\n")
    again = made.reload()
    assert (again.budget, again.server_host) == (4, "db")
    file.write_text("[server]\nbudget = 0\n")
    with pytest.raises(RefusedError):
        made.reload()


def test_a_reload_keeps_the_embedded_server(tmp_path):
    assert main(["up", "--data-dir", str(tmp_path)]) == 0
    again = FakeSupervisor.made.reload()
    server = read_uri(FakeCluster.made.uri, "", {})
    assert (again.server_port, again.server_password) == (server.port, server.password)


def test_a_socket_folder_is_shown_without_a_port(capsys):
    assert main(["up", "postgresql://app:pw@%2Frun%2Fpg/shop"]) == 0
    assert "before shop at /run/pg (from the URI)" in capsys.readouterr().out

"""PgBouncer is found, told its version, started and killed; here by a stand-in."""

import os
import sys
from pathlib import Path

import pytest

from pglane.lab import pgbouncer, processes

STAND_IN = """#!{python}
import re, socket, sys
if "--version" in sys.argv:
    print("{name} 1.25.2")
    sys.exit()
port = int(re.search(r"listen_port = (\\d+)", open(sys.argv[-1]).read())[1])
with socket.create_server(("127.0.0.1", port)) as server:
    while True:
        server.accept()
"""
CONFIGURATION = pgbouncer.Configuration(
    databases={"shop": "port=1"}, users={"app": "s"}, settings={"a": "1"}, limits={"app": "b=2"}
)


def stand_in(folder: Path, name: str = "PgBouncer") -> Path:
    program = folder / "pgbouncer"
    program.write_text(STAND_IN.format(python=sys.executable, name=name))
    program.chmod(0o755)
    return program


def test_its_version() -> None:
    assert pgbouncer.tracks_prepared("1.21.0")
    assert not pgbouncer.tracks_prepared("1.18.0")


def test_what_is_no_pgbouncer(tmp_path: Path) -> None:
    assert pgbouncer.version_of(stand_in(tmp_path)) == "1.25.2"
    with pytest.raises(processes.CannotStartError, match="this is not PgBouncer"):
        pgbouncer.version_of(stand_in(tmp_path, "Something"))
    with pytest.raises(processes.CannotStartError, match="PgBouncer nothing"):
        pgbouncer.version_of(tmp_path / "nothing")


def test_the_systems_and_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgbouncer, "SYSTEM", tmp_path / "nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(pgbouncer.NEWER, raising=False)
    assert pgbouncer.programs() == []
    program = stand_in(tmp_path)
    monkeypatch.setenv(pgbouncer.NEWER, "/newer")
    assert pgbouncer.programs() == [program, Path("/newer")]
    monkeypatch.setattr(pgbouncer, "SYSTEM", program)
    assert pgbouncer.programs() == [program, Path("/newer")]


def test_it_runs_with_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # the stand-in's Python may be root's
    with pgbouncer.running(stand_in(tmp_path), tmp_path, CONFIGURATION) as one:
        assert processes.accepts(one.port)
        assert one.version == "1.25.2"
        text = (tmp_path / f"pgbouncer-{one.port}.ini").read_text()
    assert not processes.accepts(one.port)
    lines = text.splitlines()
    assert lines[:4] == ["[databases]", "shop = port=1", "[users]", "app = b=2"]
    assert "a = 1" in lines
    assert (tmp_path / f"pgbouncer-{one.port}.users").read_text() == '"app" "s"\n'

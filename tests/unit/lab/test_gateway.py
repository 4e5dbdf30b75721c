"""This gateway is started by its command line, and tells its ports; here by a stand-in."""

import sys
from pathlib import Path

import pytest

from pglane.lab import gateway, processes

SAID = """\
pglane 0.1.0
session  postgresql://a@127.0.0.1:2/b  x
  transaction  postgresql://a@127.0.0.1:1/b  web requests
"""


def test_ports_are_read_from_what_it_prints() -> None:
    assert gateway.ports_told(SAID) == {"session": 2, "transaction": 1}
    assert gateway.version_told().startswith("0.")


def test_it_runs_with_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text(
        f"#!/bin/sh\necho \"$@\" $MORE > {tmp_path}/words\ncat <<'END'\n{SAID}"
        "direct postgresql://a@127.0.0.1:3/b\nEND\nexec sleep 60\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with gateway.running(tmp_path, "one", ["--budget", "4"], {"MORE": "told"}) as one:
        assert one.ports == {"transaction": 1, "session": 2, "direct": 3}
        words = (tmp_path / "words").read_text().split()
    assert words[:5] == ["-m", "pglane", "up", "--budget", "4"]
    assert words[-3:] == ["--direct-port", "0", "told"]


def test_one_that_does_not_come_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        pytest.raises(processes.CannotStartError, match="pglane ended with 1"),
        gateway.running(tmp_path, "one", [], {}),
    ):
        pass

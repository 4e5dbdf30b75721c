"""Where and when."""

from pathlib import Path

import pytest

from pglane.lab import circumstances, procfs


def test_here_and_now() -> None:
    found = circumstances.look(["pglane", "lab"], "18.1", 3, 42)
    assert found.command == "pglane lab"
    assert found.cores > 0
    assert dict(found.lines())["seed"] == "42"


def test_the_load_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert float(circumstances.load_average()) >= 0.0

    def fail() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr(circumstances.os, "getloadavg", fail)
    assert circumstances.load_average() == "unknown"


def test_what_is_not_told_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "PROC", Path("/nowhere"))
    assert circumstances.cpu()
    monkeypatch.setenv("PATH", "/nowhere")
    assert circumstances.commit() == "unknown"

"""Where and when."""

from pathlib import Path

import pytest

from pglane.lab import circumstances, procfs


def test_here_and_now() -> None:
    found = circumstances.look(["pglane", "lab"], "18.1", 3, 42)
    assert found.command == "pglane lab"
    assert found.cores > 0
    assert dict(found.lines())["seed"] == "42"


def test_what_is_not_told_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "PROC", Path("/nowhere"))
    assert circumstances.cpu()
    monkeypatch.setenv("PATH", "/nowhere")
    assert circumstances.commit() == "unknown"

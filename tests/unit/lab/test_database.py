"""The lab's PostgreSQL: its roles are made once, and it is gone at the end."""

import asyncio
from pathlib import Path

import pytest

from pglane.lab import database
from pglane.lab.connection import AskedInVain
from pglane.lab.database import Database
from tests.support.lab_server import DONE, READY, error, lab_server, row


def test_roles_are_made_once(tmp_path: Path) -> None:
    def answer(text: str) -> bytes:
        if "rolpassword" in text:
            return row("SCRAM-SHA-256$...")
        if "version" in text:
            return row("18.1")
        return error("42710", "exists") + READY if '"browse"' in text else DONE

    async def play() -> None:
        async with lab_server(answer) as server:
            one = Database(server.port, tmp_path, "root", "secret")
            await one.make()
            assert one.version == "18.1"
            await one.admit(("browse", "otp"))
            asked = len(server.asked)
            await one.admit(("otp",))
            assert len(server.asked) == asked
            assert one.verifiers == dict.fromkeys(("browse", "otp"), "SCRAM-SHA-256$...")
            assert one.place("otp").password == "secret"
            assert "secret" not in repr(one)

    asyncio.run(play())


def test_another_refusal_is_not_swallowed(tmp_path: Path) -> None:
    async def play() -> None:
        async with lab_server(lambda _text: error("42501", "may not") + READY) as server:
            with pytest.raises(AskedInVain, match="42501"):
                await Database(server.port, tmp_path, "root", "secret").admit(("otp",))

    asyncio.run(play())


def test_it_waits_until_nobody_is_left(tmp_path: Path) -> None:
    left = iter("210")

    async def play() -> list[str]:
        async with lab_server(lambda text: row(next(left)) if "count" in text else DONE) as server:
            await Database(server.port, tmp_path, "root", "secret").settled()
            return server.asked

    asked = asyncio.run(play())
    assert len(asked) == 5
    assert asked[1] == asked[3] == "SELECT pg_sleep(0.02)"


def test_it_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class FakeCluster:
        port = 5432

        def __init__(self, folder: Path, programs: Path, more: dict[str, str]) -> None:
            assert more["max_connections"] == "60"
            assert programs == Path("programs")
            self.state = self
            self.folder = folder

        def start(self) -> None:
            self.folder.mkdir()
            told.append("start")

        def stop(self) -> None:
            told.append("stop")

        def password(self) -> str:
            return "root secret"

    monkeypatch.setattr(database, "Cluster", FakeCluster)
    monkeypatch.setattr(database, "find_binaries", lambda _wanted: Path("programs"))
    with database.running() as one:
        assert (one.port, one.superuser_password) == (5432, "root secret")
        assert one.folder.exists()
    assert told == ["start", "stop"]
    assert not one.folder.exists()

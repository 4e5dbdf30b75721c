"""What a lease needs before it can end."""

import pytest

from pglane.doors.ending import Ending
from pglane.engine import lease_ending
from pglane.engine.lease_ending import end_by


class Client:
    def __init__(self):
        self.done = []
        self.pinned = False

    def release(self, server):
        self.done.append(("release", server))


class Server:
    def __init__(self, changed=frozenset()):
        self.exchange = self
        self.changed = changed
        self.must_discard = False


@pytest.fixture
def done(monkeypatch):
    """What was asked of others."""
    calls = []
    for name in ("read_back", "stop_listening", "probe"):

        def note(client, server, name=name, **more):
            calls.append((name, more))

        monkeypatch.setattr(lease_ending, name, note)
    monkeypatch.setattr(lease_ending.hearing, "by_itself", lambda *_: calls.append(("hears", {})))
    return calls


@pytest.mark.parametrize(
    ("ending", "calls"),
    [
        (Ending.READ_BACK, [("read_back", {})]),
        (Ending.CLEAN, [("read_back", {"cleans": True})]),
        (Ending.STOP_LISTENING, [("stop_listening", {})]),
        (Ending.PROBE, [("probe", {})]),
        (Ending.PIN, [("hears", {})]),
        (Ending.KEEP, []),
    ],
)
def test_each_ending_has_its_work(done, ending, calls):
    client, server = Client(), Server()
    end_by(client, ending, server)
    assert done == calls
    assert client.pinned == server.must_discard == (ending is Ending.PIN)
    assert not client.done


def test_what_was_reported_as_changed_is_read_back_before_the_release(done):
    client, server = Client(), Server({"TimeZone"})
    end_by(client, Ending.RELEASE, server)
    assert done == [("read_back", {})]
    server.changed = set()
    end_by(client, Ending.RELEASE, server)
    assert client.done == [("release", server)]

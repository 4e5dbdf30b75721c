"""When a client's wish for a lane is heard, and what it is told."""

from types import SimpleNamespace

import pytest

from pglane.doors import transaction
from pglane.engine import lane_wishes
from pglane.engine.lane_origin import origin_of
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.matching import LaneMatching, TagRule
from pglane.scheduler.placing import LanePlacing
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request
from pglane.wire.body import message
from pglane.wire.framing import MessageReader

LANES = [LanePolicy("bulk", rank=1), LanePolicy("otp", reserve=1), LanePolicy("s", door="session")]


class Database:
    name = "shop"

    def __init__(self):
        matching = LaneMatching(LANES, tags=[TagRule("batch", "", "bulk")])
        self.placing = LanePlacing(LaneQueue(4, LANES), matching)
        self.worker = SimpleNamespace(door_address=lambda door: f"here:{door}")
        self.entered = 0

    def enter_lane(self, client):
        self.entered += 1
        wish = client.lane_tagged or client.lane_wished
        return self.placing.enter(client.lease, origin_of(client), wish)


class Client:
    door = transaction
    user = "anna"
    peer = b""

    def __init__(self, **settings):
        self.database = Database()
        self.startup = SimpleNamespace(items={})
        self.vector = SimpleNamespace(items=settings)
        self.lane_wished = settings.get("pglane.lane", "")
        self.lane_tagged = ""
        self.work_said = settings.get("pglane.work", "")
        self.work_tagged = ""
        self.lease = Request(None, None, "anna", None, self)
        self.written = []
        self.transport = SimpleNamespace(write=self.written.append)
        self.requests = SimpleNamespace(reader=MessageReader(1000), statements={})

    def another_lease(self):
        return self.lease

    @property
    def work(self):
        return self.lease.stamp

    @property
    def lane(self):
        return self.lease.lane.name

    def becomes(self, **settings):
        before, self.vector = self.vector, SimpleNamespace(items=settings)
        lane_wishes.settings_changed(self, before)

    def sends(self, text):
        self.requests.reader.take_all()
        self.requests.reader.feed(message(ord("Q"), text + b"\0"))
        lane_wishes.transaction_begins(self)


def test_a_wish_is_granted_or_refused_with_the_reason():
    client = Client(**{"pglane.lane": "bulk"})
    assert lane_wishes.enter(client) is None
    assert client.lane == "bulk"
    for lane, sqlstate in (("otp", "42501"), ("none", "42704"), ("s", "0A000")):
        client.lane_wished = lane
        assert lane_wishes.enter(client).sqlstate == sqlstate
        assert client.lane == "transaction:anna"
    assert lane_wishes.enter(client).hint_text == "Connect to the session door: here:session."


def test_the_address_of_a_door_that_is_not_open():
    client = Client(**{"pglane.lane": "s"})
    client.database.worker.door_address = lambda door: ""
    assert lane_wishes.enter(client).hint_text == "Connect to the session door: not open."


def test_only_settings_that_decide_are_looked_at():
    client = Client(datestyle="ISO")
    client.becomes(datestyle="SQL")
    assert client.database.entered == 0
    client.becomes(**{"pglane.lane": "bulk"})
    assert (client.lane, client.lane_wished) == ("bulk", "bulk")
    client.becomes()
    assert client.lane == "transaction:anna"
    client.becomes(application_name="web")
    assert client.database.entered == 3
    assert client.written == []


def test_a_setting_that_is_not_granted_is_a_warning_once():
    client = Client()
    client.becomes(**{"pglane.lane": "otp"})
    assert client.lane == "transaction:anna"
    (told,) = client.written
    assert told.startswith(b"N")
    assert b"WARNING" in told
    assert b"PGL0241" in told
    client.becomes(**{"pglane.lane": "otp"}, application_name="web")
    assert len(client.written) == 1


@pytest.mark.parametrize(
    ("text", "lane"),
    [
        (b"SELECT 1 /*lane='bulk'*/", "bulk"),
        (b"/*batch='x'*/ SELECT 1", "bulk"),
        (b"SELECT 1 /*lane='otp'*/", "transaction:anna"),
        (b"SELECT 1", "transaction:anna"),
    ],
)
def test_tags_count_for_one_transaction(text, lane):
    client = Client()
    lane_wishes.enter(client)
    client.sends(text)
    assert client.lane == lane
    client.sends(b"SELECT 2")
    assert client.lane == "transaction:anna"
    assert client.written == []


def test_the_same_tag_again_changes_nothing():
    client = Client()
    for _ in range(3):
        client.sends(b"SELECT 1 /*lane='bulk'*/")
    assert client.database.entered == 1


def test_a_setting_says_the_work_and_what_it_began_with_is_said_again():
    client = Client()
    client.startup.items["pglane.work"] = "job"
    client.becomes(**{"pglane.work": "cart"})
    assert client.work == ("anna", "cart")
    client.becomes()
    assert client.work == ("anna", "job")
    client.becomes(**{"pglane.work": "x" * 100})
    assert client.work[1].startswith("x" * 32)
    assert len(client.work[1]) == 64
    client.startup.items.clear()
    client.becomes()
    assert client.work is None


def test_a_tag_says_the_work_of_one_transaction():
    client = Client(**{"pglane.work": "job"})
    client.database.enter_lane(client)
    client.sends(b"/*work='cart%201'*/ SELECT 1")
    assert client.work == ("anna", "cart 1")
    assert client.database.entered == 1
    client.sends(b"SELECT 1 /*lane='bulk'*/")
    assert client.work == ("anna", "job")

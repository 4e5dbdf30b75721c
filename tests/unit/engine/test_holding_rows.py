"""SHOW HOLDERS, SHOW QUEUE, and what metrics count of them."""

from pglane.engine.questions import snapshot_rows
from tests.support.engine_rig import READY, query
from tests.unit.engine.test_holding import begins


def holder_and_waiting(rigs):
    """A client thinks in a transaction on the only server connection; two wait for it."""
    rig = rigs(budget=1, wait_ms_max=4000)
    client, server = rig.pair(application_name="shop")
    begins(client, server)
    rig.later(1.0)
    for _ in range(2):
        waiting = rig.client(application_name="mailer")
        rig.turn(3)
        waiting.look()
    rig.later(0.5)
    return rig


def test_the_holder_is_named_with_lane_and_since_when(rigs) -> None:
    rig = holder_and_waiting(rigs)
    (row,) = snapshot_rows(rig.worker, "holders")
    assert row["lane"] == "transaction:anna"
    assert (row["application_name"], row["user"], row["addr"]) == ("shop", "anna", "unix")
    assert row["doing"] == "idle in transaction"
    assert (row["doing_time"], row["held_time"]) == (1_500_000, 1_500_000)
    assert row["since"].endswith(" UTC")
    assert (row["waiting"], row["remote_pid"], row["client"]) == (2, 42, "c1")


def test_those_who_wait_stand_in_line_and_know_behind_whom(rigs) -> None:
    rig = holder_and_waiting(rigs)
    first, second = snapshot_rows(rig.worker, "queue")
    assert (first["place"], second["place"]) == (1, 2)
    assert (first["wait"], first["wait_max"]) == (500_000, 4_000_000)
    assert first["reason"] == "no_server_free"
    assert first["application_name"] == "mailer"
    assert "1 idle in transaction, for up to 1.5 s" in first["held_by"]
    assert "shop for 1.5 s in lane transaction:anna" in first["held_by"]


def test_who_has_been_served_meanwhile_is_not_shown(rigs) -> None:
    rig = holder_and_waiting(rigs)
    rows = snapshot_rows(rig.worker, "queue")
    next(rows)
    for client in list(rig.worker.clients.values()):
        client.request = None
    assert list(rows) == []


def test_metrics_have_a_number_for_each_lane(rigs) -> None:
    rig = rigs(budget=2)
    begins(*rig.pair())
    rig.later(2.0)
    busy, server = rig.pair(user="berta")
    busy.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    thinking, running = snapshot_rows(rig.worker, "holding")
    assert (thinking["lane"], thinking["idle in transaction"]) == ("transaction:anna", 1)
    assert thinking["thinks_s_max"] == 2.0
    assert (running["lane"], running["active"], running["thinks_s_max"]) == (
        "transaction:berta",
        1,
        0.0,
    )
    assert READY

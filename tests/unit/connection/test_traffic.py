"""Counters begin at zero and are plain numbers."""

from pglane.connection.traffic import Traffic


def test_nothing_has_passed_yet():
    traffic = Traffic()
    names = (
        "transactions queries received_bytes sent_bytes leases logins parses server_parses binds"
    )
    assert {getattr(traffic, name) for name in names.split()} == {0}
    assert (traffic.transaction_s, traffic.query_s, traffic.wait_s) == (0.0, 0.0, 0.0)


def test_they_are_added_to():
    traffic = Traffic()
    traffic.received_bytes += 3 << 40
    traffic.query_s += 0.25
    assert (traffic.received_bytes, traffic.query_s) == (3 << 40, 0.25)

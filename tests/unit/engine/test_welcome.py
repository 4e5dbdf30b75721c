"""A welcome is made once of what the server reports."""

from pglane.engine.welcome import Welcome
from pglane.wire.server_messages import parameter_status


def test_a_welcome_is_told_in_the_servers_order_and_bytes() -> None:
    welcome = Welcome({"TimeZone": "UTC", "application_name": "\udcff"})
    assert welcome.parameters["TimeZone"] == "UTC"
    assert welcome.encoded == parameter_status(b"TimeZone", b"UTC") + parameter_status(
        b"application_name", b"\xff"
    )

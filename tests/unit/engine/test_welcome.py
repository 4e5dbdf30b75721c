"""A welcome is made once of what the server reports."""

import pytest

from pglane.engine.welcome import Welcome
from pglane.wire.login_messages import BackendKeyData
from pglane.wire.server_messages import parameter_status, ready_for_query


def test_a_welcome_is_told_in_the_servers_order_and_bytes() -> None:
    welcome = Welcome({"TimeZone": "UTC", "application_name": "\udcff"})
    assert welcome.parameters["TimeZone"] == "UTC"
    assert welcome.encoded == parameter_status(b"TimeZone", b"UTC") + parameter_status(
        b"application_name", b"\xff"
    )


@pytest.mark.parametrize("key", [b"\1\2\3\4", bytes(range(32))])
def test_each_client_is_told_its_own_key(key: bytes) -> None:
    welcome = Welcome({"client_encoding": "LATIN1", "standard_conforming_strings": "off"})
    assert welcome.message(4_194_305, key) == (
        welcome.encoded + BackendKeyData(4_194_305, key).encode() + ready_for_query(b"I")
    )
    assert welcome.encoding == "LATIN1"
    assert not welcome.standard_strings


def test_what_a_server_does_not_report_is_its_default() -> None:
    welcome = Welcome({})
    assert welcome.encoding == "UTF8"
    assert welcome.standard_strings


@pytest.mark.parametrize("reported", ["on", "off", None])
@pytest.mark.parametrize("harmless", [True, False])
def test_who_has_a_superusers_rights_is_not_harmless(reported: str | None, harmless: bool) -> None:
    """Neither the role that logged in may be one, nor the one it asked for."""
    parameters = {} if reported is None else {"is_superuser": reported}
    assert Welcome(parameters, harmless).harmless is (harmless and reported == "off")

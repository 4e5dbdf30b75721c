"""What a file may say beyond the settings."""

from pglane.config.file_settings import FILE_ONLY, file_descriptions
from pglane.config.settings import descriptions


def test_a_file_may_say_every_setting_and_more() -> None:
    assert file_descriptions() == descriptions() + FILE_ONLY
    assert {each.place for each in FILE_ONLY} == {
        "server.uri",
        "clients.users_file",
        "clients.auth_file",
    }


def test_a_uri_may_hold_a_password() -> None:
    assert [each.name for each in FILE_ONLY if each.secret] == ["server_uri"]

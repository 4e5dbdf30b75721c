"""The words of the commands."""

from pglane.control.actions import DATABASE_VERBS, VERBS, markdown


def test_the_page_has_every_command():
    page = markdown()
    for verb in VERBS:
        assert f"| `{verb.name}" in page
        assert verb.meaning in page
    assert "\\|" in page, "a bar inside a cell is escaped"


def test_some_say_nothing_without_a_database():
    needing = [verb.name for verb in DATABASE_VERBS if verb.needs_database]
    assert needing == ["DISABLE", "ENABLE"]

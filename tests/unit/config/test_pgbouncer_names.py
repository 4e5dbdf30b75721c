from pathlib import Path

import pytest

from pglane.config.pgbouncer_names import ELSEWHERE, GUIDE, NAMES, suggestion_for
from pglane.config.settings import descriptions

PAGE = Path(__file__).parents[3] / "docs/howto/move-from-pgbouncer.md"


def test_every_name_leads_to_a_setting():
    places = {each.place for each in descriptions()} | {"clients.auth_file"}
    for place in NAMES.values():
        assert place in places or ".NAME." in place, place


def test_the_unit_is_told():
    assert suggestion_for("Query_Timeout") == (
        "PgBouncer's query_timeout is query_ms_max in the table [clients], in milliseconds"
    )
    assert suggestion_for("max_db_client_connections") == (
        "PgBouncer's max_db_client_connections is connections_max in the table [databases.NAME]"
    )
    assert suggestion_for("budget") == ""


def test_what_is_said_elsewhere_or_not_at_all():
    assert suggestion_for("pool_mode") == (
        "in place of PgBouncer's pool_mode: the port says it: transaction_port or session_port in "
        "the table [listen]"
    )
    assert suggestion_for("pgbouncer") == GUIDE


@pytest.mark.parametrize("name", sorted(NAMES | ELSEWHERE))
def test_the_guide_has_it_too(name):
    assert f"`{name}`" in PAGE.read_text()

from pglane.config.pgbouncer_names import NAMES, suggestion_for
from pglane.config.settings import descriptions


def test_every_name_leads_to_a_setting():
    places = {each.place for each in descriptions()}
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

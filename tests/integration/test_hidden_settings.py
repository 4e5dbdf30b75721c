"""Settings that a role may not see, set for it by somebody else's function, stay with nobody."""

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.waiting import eventually


def _is_read(gateway: Gateway) -> bool:
    """Whether the monitor has read the database's catalogs."""
    rows = [row for row in gateway.show("MONITORS") if row["database"] == "hiding"]
    return any(row["catalog_epoch"] for row in rows)


@pytest.mark.gateway
def test_what_its_client_may_not_see_reaches_nobody_else(cluster: PostgresCluster) -> None:
    """No other code is in this database: where some computes names, all is reset anyway."""
    cluster.admin("CREATE DATABASE hiding")
    cluster.admin(
        """CREATE FUNCTION sets_hidden() RETURNS text LANGUAGE sql SECURITY DEFINER AS
             $$ SELECT set_config('dynamic_library_path', '/left', false) $$;
           CREATE FUNCTION sees_hidden() RETURNS text LANGUAGE sql SECURITY DEFINER AS
             $$ SELECT current_setting('dynamic_library_path') $$""",
        database="hiding",
    )
    settings = {"server": {"monitor_ms": 20, "monitor_user": "postgres"}}
    gateway = Gateway(cluster, ("--budget", "2"), settings)
    try:
        target = gateway.start().target("transaction", user="second", database="hiding")
        with ScriptedClient.login(target) as one, ScriptedClient.login(target) as other:
            eventually(lambda: _is_read(gateway), what="the catalogs are read")
            for _ in range(5):
                assert one.value("SELECT sets_hidden()") == "/left"
                assert other.value("SELECT sees_hidden()") != "/left"
    finally:
        gateway.destroy()
        cluster.admin("DROP DATABASE hiding WITH (FORCE)")

"""Settings that a role may not see, set for it by somebody else's function, stay with nobody."""

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient


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
            gateway.wait_for_catalogs("hiding")
            for _ in range(5):
                assert one.value("SELECT sets_hidden()") == "/left"
                assert other.value("SELECT sees_hidden()") != "/left"
    finally:
        gateway.destroy()
        cluster.admin("DROP DATABASE hiding WITH (FORCE)")

"""Where a suite runs: at a new PostgreSQL cluster itself, or through one door in front of it."""

import contextlib
from collections.abc import Iterator

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS, Target

PLACES = ("direct", "session", "transaction")
"""`direct` is PostgreSQL itself: what the doors are compared with."""

USER = "postgres"
"""The suites create extensions, roles and databases; their authors run them as a superuser."""

BUDGET = 60
"""More than any suite opens at once: what happens beyond it is not what is compared here."""

GATEWAY_SETTINGS: dict[str, dict[str, dict[str, object]]] = {
    "session": {},
    "transaction": {"server": {"rotate": 8}},
}
"""Every transaction gets another server connection than its client's last, lest luck help."""


@contextlib.contextmanager
def opened(place: str, server_version: str, prepared_by: str) -> Iterator[tuple[Target, str]]:
    """A new cluster, the place in front of it that a suite connects to, and its exact version."""
    cluster = PostgresCluster(server_version, max_connections=2 * BUDGET)
    try:
        cluster.create()
        if prepared_by:
            cluster.admin(prepared_by, "template1")
        for name in ("compat", "django", "django2"):
            cluster.admin(f"CREATE DATABASE {name}")
        version = str(cluster.admin("SHOW server_version")[0][0]).split()[0]
        if place == "direct":
            yield cluster.target(USER, "compat"), version
        else:
            with _gateway(cluster, place) as gateway:
                yield gateway.target(place, USER, "compat"), version
    finally:
        cluster.destroy()


@contextlib.contextmanager
def _gateway(cluster: PostgresCluster, door: str) -> Iterator[Gateway]:
    gateway = Gateway(
        cluster,
        ("--budget", str(BUDGET)),
        GATEWAY_SETTINGS[door],
        users=("app", "second", "third"),
        uri=cluster.uri_without_secret(USER, "compat"),
        password=PASSWORDS[USER],
    )
    try:
        yield gateway.start()
        if "Traceback" in gateway.log():
            raise AssertionError(f"the gateway's log holds a traceback:\n{gateway.log()}")
    finally:
        gateway.destroy()

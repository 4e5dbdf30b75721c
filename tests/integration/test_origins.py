"""Where users may come from, and superusers: through loopback in both its families."""

import socket
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS
from tests.support.waiting import eventually

pytestmark = pytest.mark.gateway


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


ADDRESSES = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    """Superusers come from nowhere by TCP; `second` not by IPv4, `third` not by IPv6."""
    settings = {
        "listen": {"addresses": ADDRESSES},
        "server": {"monitor_ms": 50},
        "clients": {"superusers_from": ["unix"], "login_ms_max": 10_000},
        "users.second": {"password": PASSWORDS["second"], "allow_from": ["::1", "10.0.0.0/8"]},
        "users.third": {"password": PASSWORDS["third"], "allow_from": ["127.0.0.0/8", "unix"]},
        "users.postgres": {"password": PASSWORDS["postgres"]},
        "users.replicator": {"password": PASSWORDS["replicator"]},
    }
    one = Gateway(cluster, ("--budget", "4"), settings, users=())
    try:
        yield one.start()
    finally:
        one.destroy()


def come_in(
    gateway: Gateway, user: str, host: str = "127.0.0.1", door: str = "transaction", **more: str
) -> str:
    """The role at the server, or what the client was told."""
    options = {"password": PASSWORDS.get(user), "dbname": "app", **more}
    try:
        with psycopg.connect(
            host=host, port=gateway.ports[door], user=user, **options
        ) as connection:
            return str(connection.execute("SELECT current_user").fetchone()[0])  # type: ignore[index]
    except psycopg.OperationalError as error:
        return str(error)


def test_users_come_from_their_places(gateway: Gateway) -> None:
    assert come_in(gateway, "third") == "third"
    assert "PGL0209" in come_in(gateway, "second")
    if "::1" in ADDRESSES:
        assert come_in(gateway, "second", "::1") == "second"
        assert "PGL0209" in come_in(gateway, "third", "::1")
        assert come_in(gateway, "app", "::1") == "app"


def test_without_the_password_nothing_is_told_of_places(gateway: Gateway) -> None:
    elsewhere = come_in(gateway, "second", password="wrong")
    nobody = come_in(gateway, "nobody", password="wrong")
    assert "password authentication failed" in elsewhere
    assert elsewhere.replace("second", "nobody") == nobody


@pytest.mark.parametrize("door", DOORS)
def test_superusers_come_from_theirs(gateway: Gateway, door: str) -> None:
    for _ in range(2):  # the second one is told by what is known since the first
        told = come_in(gateway, "postgres", door=door)
        assert "PGL0210" in told
        assert "PostgreSQL says that the role is a superuser" in told
    assert come_in(gateway, "app", door=door) == "app"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "options", ["-c role=app", "--ROLE=third", "-c session_authorization=app", "-c role=none"]
)
def test_another_role_is_no_way_around(gateway: Gateway, door: str, options: str) -> None:
    """What PostgreSQL reports then is true for that role, and a RESET or SET ROLE away."""
    for _ in range(2):
        assert "PGL0210" in come_in(gateway, "postgres", door=door, options=options)


@pytest.mark.parametrize("door", DOORS)
def test_who_is_no_superuser_may_ask_for_a_role(gateway: Gateway, door: str) -> None:
    for _ in range(2):
        assert come_in(gateway, "app", door=door, options="-c role=app") == "app"


def test_replication_is_no_way_around(gateway: Gateway, cluster: PostgresCluster) -> None:
    told = come_in(gateway, "postgres", door="direct", replication="database")
    assert "PGL0210" in told
    with psycopg.connect(
        gateway.target("direct", "replicator").uri(replication="true"), autocommit=True
    ) as connection:
        assert connection.execute("IDENTIFY_SYSTEM", prepare=False).fetchone()


def test_who_becomes_a_superuser_has_to_go(gateway: Gateway, cluster: PostgresCluster) -> None:
    assert come_in(gateway, "third") == "third"
    with psycopg.connect(gateway.uri("transaction", "third"), autocommit=True) as inside:
        inside.execute("SELECT 1")
        cluster.admin("ALTER ROLE third SUPERUSER")
        try:
            eventually(lambda: "PGL0210" in come_in(gateway, "third"), what="a new one is refused")
            with pytest.raises(psycopg.OperationalError, match="PGL0210"):
                inside.execute("SELECT 1")
        finally:
            cluster.admin("ALTER ROLE third NOSUPERUSER")
    eventually(lambda: come_in(gateway, "third") == "third", what="it is welcome again")

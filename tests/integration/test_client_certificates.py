"""Client certificates that name their users: alone, and beside a password."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest

from tests.support.certificates import Authority, Certificate
from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def names(authority: Authority) -> dict[str, Certificate]:
    """Certificates by what they name."""
    return {name: authority.sign(f"of-{name}", name) for name in ("app", "web", "nobody")}


def start(cluster: PostgresCluster, authority: Authority, **clients: str) -> Gateway:
    """`second` comes in by the certificate of `web`, and by no other."""
    door = authority.sign("door", "localhost", "DNS:localhost", "IP:127.0.0.1")
    files = {"tls_cert_file": str(door.certificate), "tls_key_file": str(door.key)}
    trusted = {"tls_sslmode": "verify-full", "tls_ca_file": str(authority.file)}
    named = "CN=web" if clients.get("tls_clientname") == "dn" else "web"
    settings = {
        "clients": files | trusted | clients,
        "users.second": {"password": PASSWORDS["second"], "certificate_names": [named]},
        "users.third": {"password": PASSWORDS["third"]},
    }
    return Gateway(cluster, ("--budget", "4"), settings, users=())


@pytest.fixture(scope="module")
def alone(cluster: PostgresCluster, authority: Authority) -> Iterator[Gateway]:
    one = start(cluster, authority, auth="cert")
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def beside(cluster: PostgresCluster, authority: Authority) -> Iterator[Gateway]:
    """A password is asked too; names are whole ones."""
    one = start(cluster, authority, tls_clientname="dn")
    try:
        yield one.start()
    finally:
        one.destroy()


def come_in(
    gateway: Gateway,
    user: str,
    certificate: Certificate | None,
    password: str = "",
    door: str = "transaction",
) -> str:
    """The role at the server, or what the client was told."""
    options = {"sslmode": "require", "user": user, "password": password, "dbname": "app"}
    if certificate is not None:
        options |= {"sslcert": str(certificate.certificate), "sslkey": str(certificate.key)}
    try:
        with psycopg.connect(host="127.0.0.1", port=gateway.ports[door], **options) as connection:
            return str(connection.execute("SELECT current_user").fetchone()[0])  # type: ignore[index]
    except psycopg.OperationalError as error:
        return str(error)


@pytest.mark.parametrize("door", DOORS)
def test_a_certificate_is_enough(alone: Gateway, names: dict[str, Certificate], door: str) -> None:
    assert come_in(alone, "app", names["app"], door=door) == "app"
    assert come_in(alone, "second", names["web"], door=door) == "second"


def test_other_drivers(alone: Gateway, names: dict[str, Certificate]) -> None:
    mine = names["app"]
    words = f"sslmode=require&sslcert={mine.certificate}&sslkey={mine.key}"
    port = alone.ports["transaction"]
    uri = f"postgresql://app@127.0.0.1:{port}/app?{words}"
    done = subprocess.run(
        ["psql", "-XAtwc", "SELECT current_user", uri], capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "app\n", done.stderr

    async def ask() -> object:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(mine.certificate, mine.key)
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="app", database="app", ssl=context
        )
        try:
            return await connection.fetchval("SELECT current_user::text")
        finally:
            await connection.close()

    assert asyncio.run(ask()) == "app"


@pytest.mark.parametrize(
    ("user", "name"),
    [("third", "app"), ("second", "app"), ("app", "web"), ("nobody", "app"), ("third", "web")],
)
def test_it_is_for_nobody_else(
    alone: Gateway, names: dict[str, Certificate], user: str, name: str
) -> None:
    told = come_in(alone, user, names[name], PASSWORDS.get(user, ""))
    assert "PGL0212" in told
    assert f"a certificate that names '{name}'" in told


def test_a_good_certificate_makes_no_user(alone: Gateway, names: dict[str, Certificate]) -> None:
    assert come_in(alone, "nobody", names["nobody"]) != "nobody"


def test_certificates_of_others_are_none(alone: Gateway, beside: Gateway, tmp_path: Path) -> None:
    theirs = Authority(tmp_path).sign("theirs", "app")
    for gateway in (alone, beside):
        assert come_in(gateway, "app", theirs, PASSWORDS["app"]) != "app"
        assert come_in(gateway, "app", None, PASSWORDS["app"]) != "app"


def test_beside_a_password_both_must_be_right(
    beside: Gateway, names: dict[str, Certificate]
) -> None:
    assert come_in(beside, "second", names["web"], PASSWORDS["second"]) == "second"
    assert "password authentication failed" in come_in(beside, "second", names["web"], "wrong")
    told = come_in(beside, "second", names["app"], PASSWORDS["second"])
    assert "PGL0212" in told
    assert "'CN=app'" in told

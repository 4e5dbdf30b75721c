"""No text that leaves something in a session is taken for harmless: a real server is the judge."""

import contextlib
import os
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from pglane.wire.statements import Kind, scan
from tests.support.nasty_texts import EFFECTS, texts
from tests.support.postgres_cluster import PostgresCluster
from tests.support.session_probe import SessionProbe, lacking
from tests.support.target import PASSWORDS
from tools.compare_statements import against_tags

EXAMPLES = int(os.environ.get("PGLANE_TEST_NASTY_TEXTS", "75"))
CLIENT_ENCODINGS = {
    "UTF8": ("UTF8", "LATIN1", "SJIS", "BIG5", "GBK", "EUC_JP", "WIN1254"),
    "EUC_JP": ("EUC_JP", "UTF8", "SJIS"),
    "SQL_ASCII": ("SQL_ASCII", "UTF8"),
}
SITUATIONS = [
    (server, client, strings)
    for server, clients in CLIENT_ENCODINGS.items()
    for client in clients
    for strings in (True, False)
]


@pytest.fixture(scope="module")
def databases(cluster: PostgresCluster) -> dict[str, str]:
    """A database for each server encoding, by connection string."""
    found = {}
    for encoding in CLIENT_ENCODINGS:
        name = f"texts_{encoding.lower()}"
        cluster.admin(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        )
        found[encoding] = psycopg.conninfo.make_conninfo(
            host="127.0.0.1",
            port=cluster.port,
            user="postgres",
            password=PASSWORDS["postgres"],
            dbname=name,
        )
    return found


@contextlib.contextmanager
def probing(conninfo: str, client: str, strings: bool) -> Iterator[SessionProbe]:
    probe = SessionProbe(conninfo, client, strings)
    try:
        yield probe
    finally:
        probe.close()


@pytest.mark.parametrize(("server", "client", "strings"), SITUATIONS)
def test_nasty_texts(
    databases: dict[str, str], server: str, client: str, *, strings: bool
) -> None:
    ran = 0
    with probing(databases[server], client, strings) as probe:

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=True)
        @given(texts)
        def judged_like_the_server(text: bytes) -> None:
            nonlocal ran
            verdict = scan(text, client, strings)
            outcome = probe.run(text)
            ran += bool(outcome.tags)
            assert not lacking(outcome, verdict), (verdict, outcome)
            if Kind.UNKNOWN not in verdict.kinds:
                problem = against_tags(outcome.tags, failed=outcome.failed, verdict=verdict)
                assert problem is None, (verdict, outcome)

        judged_like_the_server()
    assert ran > EXAMPLES // 20, f"only {ran} of {EXAMPLES} texts were taken by the server"


@pytest.mark.parametrize("text", EFFECTS, ids=repr)
def test_each_effect_is_seen_where_it_is_real(databases: dict[str, str], text: bytes) -> None:
    with probing(databases["UTF8"], "UTF8", True) as probe:
        outcome = probe.run(b"BEGIN; " + text + b"; COMMIT")
    verdict = scan(text, "UTF8", True)
    assert not lacking(outcome, verdict)
    assert not outcome.failed or text in {b"BEGIN", b"COMMIT"}

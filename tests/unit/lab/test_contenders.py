"""Who is compared: the same clients, other places."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pglane.config.file import read_file
from pglane.lab import contenders, gateway, pgbouncer
from pglane.lab.contenders import Contender
from pglane.lab.database import Database
from pglane.lab.pools import PlainPool, PoolPerUser
from pglane.lab.scenario import Change
from pglane.lab.traffic import OwnConnections
from tests.support.lab_runs import SCENARIO

VARIANT = SCENARIO.variants[0]
PORTS = {"transaction": 1, "session": 2}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    verifiers = {role: f"SCRAM {role}" for role in contenders.roles(VARIANT)}
    return Database(5432, tmp_path, "root secret", "app secret", "18", verifiers)


def test_all_of_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgbouncer, "version_of", lambda _program: "1.25")
    programs = [Path("pgbouncer")]
    with_lanes = contenders.contenders(SCENARIO, programs, lanes=True)
    told = [(one.name, one.way) for one in with_lanes]
    assert told == [
        ("plain pool", ""),
        ("PgBouncer 1.25", "one user"), ("pglane", "one user"),
        ("PgBouncer 1.25", "a user each"), ("pglane", "a user each"),
        ("pglane", "lanes"),
    ]  # fmt: skip
    without = contenders.contenders(SCENARIO, [], lanes=False)
    assert [one.name for one in without] == ["plain pool", "pools per user", "pglane", "pglane"]
    stormy = replace(SCENARIO, ways=("direct", "one user", "forced user"))
    names = [one.name for one in contenders.contenders(stormy, [], lanes=True)]
    assert names == ["direct", "pglane"]


@pytest.mark.parametrize(
    ("way", "otp"),
    [
        ("one user", (1, "shop", "here", False)),
        ("a user each", (1, "otp", "here", False)),
        ("lanes", (1, "shop", "here", False)),
        ("lanes, a user each", (1, "otp", "here", False)),
        ("two doors", (2, "shop", "there", True)),
        ("forced user", (2, "shop", "there", True)),
    ],
)
def test_places(way: str, otp: tuple[object, ...], database: Database) -> None:
    found = contenders.places(way, VARIANT, database, PORTS, ("here", "there"))
    browse, critical = found["browse"], found["otp"]
    assert (critical.port, critical.user, critical.database, critical.each_time) == otp
    assert (browse.port, browse.database, browse.each_time) == (1, "here", False)
    assert (browse.application, critical.application) == ("browse", "otp")


def test_pgbouncer_has_one_cap_over_all(database: Database) -> None:
    def text(way: str) -> str:
        made = contenders.pgbouncer_configuration(way, SCENARIO, VARIANT, database)
        return made.text(6432, Path("users"))

    assert "max_db_connections = 4" in text("a user each")
    assert "max_user_connections = 4" in text("two doors")
    assert "user=shop password=app secret" in text("forced user")
    assert "user=shop" not in text("two doors")
    assert "stats_users = shop" in text("one user")


def test_this_gateway_reads_what_is_written_for_it(database: Database) -> None:
    options = contenders.pglane_options("one user", SCENARIO, VARIANT, database)
    file = Path(options[1])
    loaded = read_file(file, {})
    assert not loaded.refusals
    assert {user.name for user in loaded.values["users"]} == {"shop", "browse", "otp"}
    assert loaded.values["budget"] == 4
    contenders.pglane_options("lanes", SCENARIO, VARIANT, database)
    assert "[lanes.otp]" in file.read_text()
    change = Change("more", 5, "[lanes.mail]")
    contenders.write_configuration("lanes", SCENARIO, VARIANT, database, change)
    assert "[lanes.mail]" in file.read_text()
    assert read_file(file, {}).values["budget"] == 5


def test_each_runs_and_gives_its_clients(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def fake_pgbouncer(*_arguments: object):
        yield pgbouncer.Running(6432, 1, "1.25")

    @contextmanager
    def fake_gateway(*_arguments: object):
        yield gateway.Running({"transaction": 1, "session": 2, "direct": 3}, 1)

    monkeypatch.setattr(pgbouncer, "running", fake_pgbouncer)
    monkeypatch.setattr(gateway, "running", fake_gateway)
    for contender, kind in (
        (Contender("plain pool"), PlainPool),
        (Contender("direct"), OwnConnections),
        (Contender("pools per user"), PoolPerUser),
        (Contender("PgBouncer 1.25", "one user", Path("pgbouncer")), OwnConnections),
        (Contender("pglane", "one user"), OwnConnections),
        (Contender("pglane", "lanes"), OwnConnections),
    ):
        with contenders.running(contender, SCENARIO, VARIANT, database) as serving:
            assert isinstance(serving.clients, kind)
            assert (serving.console is not None) == (contender.name == "pglane")
            asked = serving.inquiry.place.database if serving.inquiry is not None else ""
            assert asked == {"pglane": "pglane", "PgBouncer 1.25": "pgbouncer"}.get(
                contender.name, ""
            )
            assert (serving.rewrite is not None) == (contender.way == "lanes")


def test_every_way_is_explained() -> None:
    assert {*contenders.BY_ROLE, *contenders.LANES, *contenders.TWO_DOORS} < set(contenders.WAYS)

"""What PostgreSQL says of a role, and what follows for its clients."""

from dataclasses import replace

import pytest

from pglane.connection.role import KnownRole, Role
from pglane.errors.roles import DatabaseNotGranted, RoleConnectionsUsedUp, RoleMayNotLogIn

ANNA = Role("anna", "app", "16400", "SCRAM-SHA-256$secret")


def test_one_that_may_come_in() -> None:
    assert ANNA.objection(10_000) is None
    assert ANNA.usable_secret() == ANNA.secret
    assert "secret" not in repr(ANNA).replace("secret=", "")


def test_one_that_is_not_valid_any_more_has_no_password() -> None:
    assert replace(ANNA, expired=True).usable_secret() == ""


def test_refusals_are_postgresqls_own_and_in_its_order() -> None:
    limited = replace(ANNA, connections_max=2, may_connect=False)
    locked = replace(limited, may_log_in=False)
    assert isinstance(locked.objection(2), RoleMayNotLogIn)
    assert isinstance(limited.objection(2), RoleConnectionsUsedUp)
    assert isinstance(limited.objection(1), DatabaseNotGranted)
    told = [locked.objection(2), limited.objection(2), limited.objection(1)]
    assert [refusal.sqlstate for refusal in told if refusal] == ["28000", "53300", "42501"]
    assert isinstance(replace(ANNA, connections_max=0).objection(0), RoleConnectionsUsedUp)


@pytest.mark.parametrize(
    ("now", "change"),
    [
        ({}, ""),
        ({"connections_max": 1}, ""),
        ({"may_log_in": False}, "is not permitted to log in any more"),
        ({"may_connect": False}, 'may not connect to database "app" any more'),
        ({"oid": ""}, "was dropped"),
        ({"oid": "16401"}, "was dropped"),
        ({"expired": True}, "is not valid any more (VALID UNTIL)"),
        ({"secret": "other"}, "has another password"),
    ],
)
def test_what_ends_clients(now: dict[str, object], change: str) -> None:
    assert replace(ANNA, **now).change(ANNA, own_secret=False) == change  # type: ignore[arg-type]


def test_the_password_of_a_user_of_the_file_is_the_files() -> None:
    now = replace(ANNA, secret="other", expired=True)
    assert now.change(ANNA, own_secret=True) == ""
    assert replace(ANNA, may_log_in=False).change(ANNA, own_secret=True)


def test_a_role_that_is_made_was_not_dropped() -> None:
    assert ANNA.change(Role("anna", "app"), own_secret=True) == ""


def test_one_that_is_the_same_stays_the_same_object() -> None:
    known = KnownRole(ANNA, 1.0)
    known.fresh = False
    assert known.learn(replace(ANNA), 2.0) is ANNA
    assert known.role is ANNA
    assert (known.read, known.fresh, known.clients) == (2.0, True, 0)
    other = replace(ANNA, oid="1")
    assert known.learn(other, 3.0) is ANNA
    assert known.role is other

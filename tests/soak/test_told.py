"""What a client notes is what the judge reads, also when the client is killed on the way."""

from pathlib import Path

import pytest

from tests.soak.told import Account, Tail, Teller


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "told"


def account_of(path: Path) -> Account:
    account = Account()
    for line in Tail(path).lines():
        account.take("psycopg session", line)
    return account


def test_rows_by_what_was_told(path: Path) -> None:
    teller = Teller(path, 3)
    teller.rows(2)
    teller.committed()
    teller.rows(1)
    teller.rolled_back()
    teller.rows(1, committing=True)
    teller.failed("57P01")
    teller.rows(1)
    teller.failed(None)
    teller.rows(1)
    teller.committing()
    teller.failed(None)
    teller.rows(1)
    teller.failed("08007")
    teller.rows(1)
    account = account_of(path)
    assert account.ledger.committed == {3_000_000, 3_000_001}
    assert set(account.ledger.refused) == {3_000_002, 3_000_003, 3_000_004}
    assert set(account.ledger.in_doubt) == {3_000_005, 3_000_006}
    assert account.open == {3_000_007}
    assert account.ledger.told == {"57P01": 1, "end of stream": 2, "08007": 1}


def test_what_is_wrong_is_one_line(path: Path) -> None:
    teller = Teller(path, 1)
    teller.wrong("two\nlines")
    teller.strange("not mine")
    teller.lost("a cancel")
    teller.done("look")
    account = account_of(path)
    assert account.wrong == ["psycopg session: two / lines"]
    assert account.strange == ["psycopg session: not mine"]
    assert account.ledger.told == {"a cancel without effect": 1}
    assert account.units == {"psycopg session look": 1}


def test_a_part_of_a_line_is_not_read(path: Path) -> None:
    tail = Tail(path)
    assert tail.lines() == []
    path.write_bytes(b"c 1\nc ")
    assert tail.lines() == ["c 1"]
    with path.open("ab") as file:
        file.write(b"2\n")
    assert tail.lines() == ["c 2"]

"""What a client in a block that no server connection has is answered."""

import pytest

from pglane.connection.own_block import ABORTED, FAILING, READY_FAILED, READY_IDLE, OwnBlock
from pglane.wire.server_messages import command_complete
from pglane.wire.statements import scan

UNTOLD = b"E: it was taken back"
QUERY, PARSE, SYNC, FUNCTION, CLOSE = b"QPSFC"


def reply(block, text, kind=QUERY):
    return block.reply(kind, text, scan(text, "UTF8", True) if text and block.failed else None)


@pytest.mark.parametrize(
    ("text", "tag"), [(b"COMMIT", b"COMMIT"), (b"end", b"COMMIT"), (b"ABORT;", b"ROLLBACK")]
)
def test_an_empty_block_ends_as_its_client_wants(text, tag):
    told = reply(OwnBlock(b"BEGIN"), text)
    assert told == (command_complete(tag) + READY_IDLE, False, True)


@pytest.mark.parametrize("text", [b"SELECT 1", b"BEGIN", b"SAVEPOINT a", b"COMMIT AND CHAIN"])
def test_all_else_in_it_needs_a_server_connection(text):
    block = OwnBlock(b"BEGIN READ ONLY")
    assert reply(block, text) is None
    assert reply(block, b"COMMIT", PARSE) is None
    assert reply(block, b"", SYNC) is None
    assert (block.text, block.failed) == (b"BEGIN READ ONLY", False)


@pytest.mark.parametrize("text", [b"COMMIT", b"ROLLBACK"])
def test_a_failed_block_is_rolled_back_whatever_its_client_wants(text):
    block = OwnBlock(b"BEGIN")
    block.fail()
    assert block.text == FAILING
    assert reply(block, text) == (command_complete(b"ROLLBACK") + READY_IDLE, False, True)


def test_a_failed_block_refuses_what_postgresql_refuses():
    block = OwnBlock(b"BEGIN")
    block.fail()
    for text in (b"SELECT 1", b"SAVEPOINT a", b"BEGIN", b"INSERT INTO t VALUES (1); COMMIT"):
        assert reply(block, text) == (ABORTED, True, False)
        assert reply(block, text, PARSE) == (ABORTED, True, False)
    assert block.reply(FUNCTION, b"", None) == (ABORTED, True, False)
    assert reply(block, b"", SYNC) == (READY_FAILED, False, False)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (QUERY, b"ROLLBACK; SELECT 1"),
        (QUERY, b"ROLLBACK TO a"),
        (QUERY, b"ROLLBACK /* so */"),
        (QUERY, b";"),
        (QUERY, b"SELEKT"),
        (QUERY, b"COPY t FROM STDIN"),
        (PARSE, b"COMMIT"),
        (CLOSE, b""),
    ],
)
def test_what_a_failed_block_may_not_refuse_is_left_to_a_server_connection(kind, text):
    block = OwnBlock(b"BEGIN")
    block.fail()
    assert reply(block, text, kind) is None


def test_who_does_not_know_yet_is_told_at_the_next_statement():
    for kind, text in ((QUERY, b"SELECT 1"), (PARSE, b"COMMIT"), (QUERY, b"ROLLBACK TO a")):
        block = OwnBlock(b"")
        block.fail(UNTOLD)
        assert reply(block, b"", SYNC) == (READY_FAILED, False, False)
        assert reply(block, text, kind) == (UNTOLD, True, False)
        assert reply(block, b"SELECT 1") == (ABORTED, True, False)


def test_a_commit_of_what_was_lost_is_an_error_and_a_rollback_is_not():
    block = OwnBlock(b"")
    block.fail(UNTOLD)
    assert reply(block, b"COMMIT") == (UNTOLD + READY_IDLE, False, True)
    assert reply(block, b"ROLLBACK") == (command_complete(b"ROLLBACK") + READY_IDLE, False, True)

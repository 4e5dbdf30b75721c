"""Texts that begin or end a block and do nothing else."""

import pytest

from pglane.wire.block_forms import TEXT_BYTES_MAX, closes_with, opens_with

LONG = b" " * TEXT_BYTES_MAX


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (b"BEGIN", b"BEGIN"),
        (b"begin;", b"BEGIN"),
        (b"\t Begin Work ;\n", b"BEGIN"),
        (b"BEGIN TRANSACTION", b"BEGIN"),
        (b"start  transaction", b"START TRANSACTION"),
        (b"BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;", b"BEGIN"),
        (b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE , NOT DEFERRABLE", b"BEGIN"),
        (b"BEGIN WORK ISOLATION LEVEL READ COMMITTED,DEFERRABLE", b"BEGIN"),
        (b"START TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", b"START TRANSACTION"),
        (b"", b""),
        (b"BEGINWORK", b""),
        (b"BEGINREAD ONLY", b""),
        (b"START", b""),
        (b"START WORK", b""),
        (b"BEGIN;;", b""),
        (b"BEGIN; SELECT 1", b""),
        (b"BEGIN /* lane */", b""),
        (b"BEGIN -- so", b""),
        (b"BEGIN READ ONLY READ", b""),
        (b"BEGIN , READ ONLY", b""),
        (b"BEGIN READ ONLY,", b""),
        (b"BEGIN\x0bREAD ONLY", b""),
        (b"BEGIN\x00", b""),
        (b"BEGIN" + LONG, b""),
        (b"COMMIT", b""),
    ],
)
def test_what_opens_a_block(text, tag):
    assert opens_with(text) == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (b"COMMIT", b"COMMIT"),
        (b" end work;", b"COMMIT"),
        (b"Commit Transaction And No Chain", b"COMMIT"),
        (b"ROLLBACK;", b"ROLLBACK"),
        (b"abort", b"ROLLBACK"),
        (b"ROLLBACK WORK AND NO CHAIN ;", b"ROLLBACK"),
        (b"COMMIT AND CHAIN", b""),
        (b"ROLLBACK TO a", b""),
        (b"ROLLBACK TO SAVEPOINT a", b""),
        (b"COMMIT PREPARED 'a'", b""),
        (b"ROLLBACK; SELECT 1", b""),
        (b"ENDWORK", b""),
        (b"COMMIT" + LONG, b""),
        (b"BEGIN", b""),
    ],
)
def test_what_closes_a_block(text, tag):
    assert closes_with(text) == tag

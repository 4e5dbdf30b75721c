"""A client of the direct door shuts its side: what it is owed still comes."""

import socket

import pytest

from pglane.engine.last_answers import SILENCE_S_MAX
from pglane.engine.server_link import TERMINATE
from tests.support.engine_rig import CANCEL, READY, error, query
from tests.unit.engine.test_database import DONE


@pytest.fixture
def shut(rigs):
    """A rig, a client that asked and shut its side, and its server connection."""
    rig = rigs(budget=2)
    client, server = rig.pair("direct")
    client.send(query("SELECT 1"))
    client.socket.shutdown(socket.SHUT_WR)
    assert server.gets(TERMINATE).startswith(query("SELECT 1"))
    return rig, client, server


def test_the_answer_comes_and_then_the_end(shut) -> None:
    rig, client, server = shut
    server.send(DONE)
    client.gets(READY)
    assert not client.ended
    server.socket.close()
    client.ends()
    assert rig.worker.clients == {}


def test_a_silent_statement_is_cancelled_and_its_client_told(shut) -> None:
    rig, client, server = shut
    rig.later(SILENCE_S_MAX)
    rig.accept().gets(CANCEL)
    server.send(error("57014"))
    assert b"57014" in client.gets(b"57014")
    server.socket.close()
    client.ends()


def test_a_server_that_says_nothing_for_ever_is_given_up(shut) -> None:
    rig, client, _ = shut
    rig.later(SILENCE_S_MAX)
    rig.accept().gets(CANCEL)
    rig.later(SILENCE_S_MAX)
    client.ends()


def test_answers_that_come_slowly_are_waited_for(shut) -> None:
    rig, client, server = shut
    for part in (DONE[:3], DONE[3:5], DONE[5:]):
        server.send(part)
        rig.turn(2)
        rig.later(SILENCE_S_MAX)
    client.gets(READY)
    assert rig.nobody_connects()


def test_a_client_that_is_gone_altogether_frees_its_server_connection(shut) -> None:
    rig, client, server = shut
    client.socket.close()
    rig.until(lambda: rig.worker.clients == {}, "the client is gone")
    assert rig.accept().gets(CANCEL)
    server.ends()


def test_behind_the_other_doors_it_counts_as_gone(rigs) -> None:
    rig = rigs(budget=2)
    client, server = rig.pair("session")
    client.send(query("SELECT 1"))
    client.socket.shutdown(socket.SHUT_WR)
    server.gets(b"SELECT 1")
    client.ends()
    assert rig.worker.clients == {}


@pytest.mark.parametrize("missing", [1, 2, 5, 12])
def test_a_message_that_is_cut_short_is_not_made_whole(rigs, missing: int) -> None:
    """With two bytes less, "DROP TABLE ab" and a Terminate behind it would be DROP TABLE aX."""
    rig = rigs(budget=2)
    client, server = rig.pair("direct")
    cut = (query("SELECT 1") + query("DROP TABLE ab"))[:-missing]
    client.send(cut)
    client.socket.shutdown(socket.SHUT_WR)
    assert server.ends() == cut


def test_behind_what_is_no_message_nothing_is_said(rigs) -> None:
    rig = rigs(budget=2)
    client, server = rig.pair("direct")
    client.send(b"Q\0\0\0\1" + query("SELECT 1"))
    client.socket.shutdown(socket.SHUT_WR)
    assert server.ends() == b"Q\0\0\0\1" + query("SELECT 1")

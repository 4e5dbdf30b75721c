"""A client that shuts its side after its last request gets the answer, as from PostgreSQL."""

import socket

import pytest

from tests.support import protocol as p
from tests.support.protocol import rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

pytestmark = pytest.mark.one_server


def test_the_answer_of_the_last_request_comes(direct_door: Target) -> None:
    with ScriptedClient.login(direct_door) as client:
        client.send(p.query("SELECT pg_sleep(2), 'the last answer'"))
        client.socket.shutdown(socket.SHUT_WR)
        assert rows(client.read_to_end()) == [("", "the last answer")]


def test_what_it_did_is_committed(direct_door: Target, table: str) -> None:
    with ScriptedClient.login(direct_door) as client, ScriptedClient.login(direct_door) as reader:
        client.send(p.query(f"INSERT INTO {table} VALUES (1, 'kept')"))
        client.socket.shutdown(socket.SHUT_WR)
        client.read_to_end()
        assert rows(reader.query(f"SELECT note FROM {table}")) == [("kept",)]


@pytest.mark.gateway
def test_the_transaction_door_takes_it_for_gone(transaction_door: Target) -> None:
    with ScriptedClient.login(transaction_door) as client:
        client.send(p.query("SELECT pg_sleep(30), 'never'"))
        client.socket.shutdown(socket.SHUT_WR)
        assert rows(client.read_to_end()) == []

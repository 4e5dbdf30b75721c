import io
import os
import sys

import pytest

from pglane.cli import screen
from pglane.config.settings import Settings

SETTINGS = Settings(server_user="a b", server_password="p/w", server_database="shop")


@pytest.mark.parametrize(
    ("address", "with_password", "shown"),
    [
        ("127.0.0.1:6543", False, "postgresql://a%20b@127.0.0.1:6543/shop"),
        ("127.0.0.1:6543", True, "postgresql://a%20b:p%2Fw@127.0.0.1:6543/shop"),
        ("0.0.0.0:6543", False, "postgresql://a%20b@127.0.0.1:6543/shop"),
        ("[::1]:6543", False, "postgresql://a%20b@[::1]:6543/shop"),
        ("[::]:6543", False, "postgresql://a%20b@[::1]:6543/shop"),
        ("/run/x/.s.PGSQL.6543", False, "postgresql://a%20b@%2Frun%2Fx:6543/shop"),
    ],
)
def test_connection_strings(address, with_password, shown):
    assert screen.connection_string(SETTINGS, address, with_password=with_password) == shown


def test_plain_lines_can_be_read_by_a_script(capsys):
    addresses = {
        "direct": ["127.0.0.1:3"],
        "session": ["127.0.0.1:20000", "[::1]:20000"],
        "transaction": ["127.0.0.1:1"],
    }
    screen.show_doors(SETTINGS, addresses, with_password=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(words[0], words[1]) for words in lines] == [
        ("transaction", "postgresql://a%20b@127.0.0.1:1/shop"),
        ("session", "postgresql://a%20b@127.0.0.1:20000/shop"),
        ("direct", "postgresql://a%20b@127.0.0.1:3/shop"),
        ("Ctrl-C", "stops"),
    ]
    assert " ".join(lines[0][2:]) == "short stateless work: web requests, reads"


def test_on_a_terminal_the_same_words_in_one_line_each(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen.show_doors(SETTINGS, {"direct": ["127.0.0.1:3"]}, with_password=True)
    line, stop = terminal.getvalue().splitlines()
    assert "\x1b[" in line
    assert "postgresql://a%20b:p%2Fw@127.0.0.1:3/shop" in line
    assert stop == "Ctrl-C stops"


def test_trust_shows_no_password():
    settings = Settings(auth="trust", server_user="u", server_password="p", server_database="d")
    shown = screen.connection_string(settings, "127.0.0.1:1", with_password=True)
    assert shown == "postgresql://u@127.0.0.1:1/d"


def test_notes_go_to_standard_error(capsys):
    screen.say("said")
    screen.warn("noted")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("said\n", "note: noted\n")


def test_doors_that_nobody_reads_are_no_trouble(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        screen.show_doors(SETTINGS, {"transaction": ["127.0.0.1:6543"]}, with_password=False)
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)

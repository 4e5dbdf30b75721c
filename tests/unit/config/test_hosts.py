import pytest

from pglane.config.hosts import Host, hosts_of, objection, server_hosts, servers_text
from pglane.config.settings import Settings


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("a", (Host("a", 5),)),
        ("a:6", (Host("a", 6),)),
        ("::1", (Host("::1", 5),)),
        ("[::1]:6, b ,[::2]", (Host("::1", 6), Host("b", 5), Host("::2", 5))),
        ("/run/pg,/run/pg:6", (Host("/run/pg", 5), Host("/run/pg", 6))),
        ("a:b", (Host("a", 5),)),
    ],
)
def test_hosts_in_their_order(text, hosts):
    assert hosts_of(text, 5) == hosts
    assert server_hosts(Settings(server_host=text, server_port=5)) == hosts


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a,b:6,b:7", ""),
        ("a,,b", "a host without a name"),
        ("a,b:70000", "a port that is none (1 to 65535)"),
        ("a,b,a", "a host twice"),
    ],
)
def test_what_is_wrong_with_a_list(text, seen):
    assert objection(text) == seen


def test_for_people_each_has_its_port():
    assert servers_text("a,[::1]:6", 5) == "a:5,[::1]:6"

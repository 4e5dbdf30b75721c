"""Logins are counted for each network, in whatever order they come and go."""

from collections import Counter

from hypothesis import given, strategies as st

from pglane.engine.network_logins import NetworkLogins

NETWORKS = [b"", b"\x7f\0\0\1", b"\x0a\0\0\1", b"\xfe\x80\0\0\0\0\0\0"]


@given(st.lists(st.tuples(st.sampled_from(NETWORKS), st.booleans()), max_size=60))
def test_counts_are_those_of_who_came_and_is_not_over(moves: list[tuple[bytes, bool]]) -> None:
    logins, here = NetworkLogins(), Counter[bytes]()
    for network, comes in moves:
        if comes:
            here[network] += 1
            assert logins.come(network) == here[network]
        elif here[network]:
            here[network] -= 1
            logins.go(network)
    for network in NETWORKS:
        assert logins.come(network) == here[network] + 1

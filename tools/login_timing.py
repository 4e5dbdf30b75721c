"""Whether time tells which users exist: `python -m tools.login_timing HOST PORT DATABASE USER`.

Logs in with a wrong password, in turns as USER (who exists) and as names that nobody has, each
new, and compares how long the refusals took, by ranks (Mann and Whitney): the chance that a login
of a stranger took longer than one of USER. A half means that time tells nothing. Who measures from
near hears more than anybody across a network; on a machine that does other work one hears less.

The first login with a startup packet takes longer than the next, whether the name exists or not:
the packet is read, and with `clients.auth_user` PostgreSQL is asked for the name. USER's is known
after the first pair. `--again` compares with second logins. Delays behind failed logins hold for
USER alone here, and must be off (`clients.failed_login_ms_max = 0`). Exits with 1 where the
chance is further from a half than `TOLERANCE`, and that is not for want of logins.
"""

import argparse
import math
import random
import secrets
import socket
import sys
import time
from collections.abc import Sequence

from pglane.connection.server_login import Credentials, ServerLogin
from pglane.wire.startup import StartupMessage

TOLERANCE = 0.05
SIGMAS = 4.0
LOGINS = 1000


def advantage(strangers: Sequence[float], known: Sequence[float]) -> float:
    """The chance that one of `strangers` is above one of `known`; ties count half."""
    places: dict[float, tuple[int, int]] = {}
    for place, value in enumerate(sorted([*strangers, *known])):
        first, count = places.get(value, (place, 0))
        places[value] = (first, count + 1)
    ranks = [places[value][0] + (places[value][1] + 1) / 2 for value in strangers]
    least = len(strangers) * (len(strangers) + 1) / 2
    return (sum(ranks) - least) / (len(strangers) * len(known))


def deviation(strangers: int, known: int) -> float:
    """The standard deviation of `advantage` where there is none."""
    return math.sqrt((strangers + known + 1) / (12 * strangers * known))


def refused_after_s(host: str, port: int, user: str, database: str) -> float:
    """Logs in with a wrong password; how long that took from the startup packet on."""
    packet = StartupMessage(3, 0, {"user": user.encode(), "database": database.encode()})
    nonce = secrets.token_urlsafe(24).encode()
    login = ServerLogin(user, packet, Credentials(b"wrong"), nonce, f"{host}:{port}")
    with socket.create_connection((host, port), timeout=20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken_s = 0.0
        answer = login.begin()
        while not login.failed:
            began = time.perf_counter()
            client.sendall(answer)
            data = client.recv(65536)
            taken_s += time.perf_counter() - began  # the client's own hashing does not count
            if not data:
                sys.exit("the gateway closed the connection without a word")
            answer = login.receive(data)
    return taken_s


def main() -> int:
    """Measures and says what it found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("database")
    parser.add_argument("user")
    parser.add_argument("--logins", type=int, default=LOGINS)
    parser.add_argument("--again", action="store_true", help="the second login of each name")
    told = parser.parse_args()
    strangers: list[float] = []
    known: list[float] = []
    for _ in range(told.logins):
        name = f"stranger_{secrets.token_hex(6)}"
        if told.again:
            refused_after_s(told.host, told.port, name, told.database)
        turns = [(name, strangers), (told.user, known)]
        random.shuffle(turns)
        for user, into in turns:
            into.append(refused_after_s(told.host, told.port, user, told.database))
    chance = advantage(strangers, known)
    sigma = deviation(len(strangers), len(known))
    print(f"{told.logins} logins each: a stranger's took longer with chance {chance:.3f}")
    print(f"where time tells nothing it is 0.500, give or take {2 * sigma:.3f}")
    return int(abs(chance - 0.5) > max(TOLERANCE, SIGMAS * sigma))


if __name__ == "__main__":
    sys.exit(main())

"""A monitor of a test's own: a session that answers as told, and whom it tells."""

import asyncio
import io

from pglane.connection.catalog_queries import LISTED
from pglane.control import monitor as module
from pglane.control.log import Log
from pglane.control.monitor import Monitor
from pglane.control.monitor_logins import CONNECTIONS_QUERY
from pglane.engine.dialer import Address

FIRST = [[b"5:5:", b"yesterday", None]]
CHANGED = [[b"5:5:", b"yesterday", b"0 16384 77"]]
LATER = [[b"6:6:", b"yesterday", None]]
LAST = [[b"9:9:", b"yesterday", None]]
EVEN_LATER = [[b"8:8:", b"yesterday", None]]
EPOCH = [[b"1 17", None]]
OTHER_EPOCH = [[b"1 18", None]]


def listing(rules=(), tables=((b"10", b"7", b"r", b"110", b"t"),)):
    """One table, and perhaps rules of it."""
    values = []
    for part, (fields, _) in LISTED.items():
        items = {"relations": tables, "rules": rules}.get(part, ())
        for at in range(len(fields)):
            values.append(b"\n".join(item[at] for item in items) if items else None)
    return [values]


RULE = (b"9", b"7", b"10", b"1")


class Session:
    """Gives its answers in order, the last one for ever."""

    def __init__(self, *answers, host="", roles=("a primary",)):
        self.answers = list(answers)
        self.address = Address("inet", "192.0.2.1", 5432, host)
        self.roles = list(roles)
        self.epochs = [EPOCH]
        self.listings = [listing()]
        self.asked = []
        self.roleless = [[]]
        self.limits = [[b"-1"]]
        self.closed = False
        self.passed_over = {}

    @property
    def role(self):
        return self.roles.pop(0) if len(self.roles) > 1 else self.roles[0]

    async def rows_again(self, text):
        return await self.rows(text)

    async def rows(self, text):
        self.asked.append(text)
        if text in module.SESSION_SETTINGS:
            return []
        if text == CONNECTIONS_QUERY:
            return self.limits
        if text == module.CATALOG_EPOCH:
            epoch = self.epochs.pop(0) if len(self.epochs) > 1 else self.epochs[0]
            if isinstance(epoch, Exception):
                raise epoch
            return epoch
        if text == module.ROLELESS:
            return self.roleless.pop(0) if len(self.roleless) > 1 else self.roleless[0]
        if text == module.LISTING:
            return self.listings.pop(0) if len(self.listings) > 1 else self.listings[0]
        if "pg_get_ruledef" in text:
            return [[b"9", b"SELECT set_config('a.b', '1', false)"]]
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.closed = True


class Story:
    """A monitor that runs until it has told something often enough."""

    def __init__(self, *sessions):
        self.sessions = list(sessions)
        self.sent = []
        self.stream = io.StringIO()
        self.log = Log(self.stream)
        self.until = 1

    async def open(self, database):
        session = self.sessions.pop(0) if len(self.sessions) > 1 else self.sessions[0]
        if isinstance(session, Exception):
            raise session
        return session

    def send(self, message):
        self.sent.append(message)
        if len(self.sent) >= self.until:
            self.monitor.end()
        return True

    def play(self, until):
        async def run():
            self.monitor = Monitor("app", self.open, self.send, self.log)
            self.monitor.poll_s = 0.001
            self.until = until
            await asyncio.wait_for(self.monitor.run(), 10)

        asyncio.run(run())
        return [message["type"] for message in self.sent]


def monitor_of(story):
    """One that does nothing by itself."""
    monitor = story.monitor = Monitor("app", None, story.send, story.log)
    story.until = 1000
    return monitor

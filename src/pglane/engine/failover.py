"""Servers change their roles: what was opened to the wrong one is replaced.

Each server connection is opened to a server that is what was asked for (`session_target`). Later a
standby may be promoted, or another server be the primary while the old one cannot be reached. The
server connection itself says so with its next answer, or the monitor does, which looks all the
time. Then whatever is unused is closed at once, the rest when its lease ends; new ones are opened
to a server that is wanted. Nothing that runs is cut: the server it runs on may be alive and well.
"""

from typing import TYPE_CHECKING, Any

from pglane.engine.replacing import close_idle, links, reconnect

if TYPE_CHECKING:
    from pglane.config.settings import Settings
    from pglane.engine.server_link import ServerLink
    from pglane.engine.worker import Worker

ONE_ONLY = ("primary", "read-write")
"""Kinds of which there is one server: where it is, no other one is wanted."""
KEYS = ("server_host", "server_port", "server_target_session_attrs")


def reported_another_role(link: "ServerLink") -> None:
    """A server connection has become one to a primary, or to a standby.

    Those that were in use say so one after another: what was opened since the first is not
    replaced again for each.
    """
    worker = link.database.worker
    if worker.settings.server_target_session_attrs != "any":
        has_role(link.address, not link.standby, worker)
    link.standby = not link.standby


def told(message: dict[str, Any], worker: "Worker") -> None:
    """The monitor tells where it is, or that a server has another role."""
    if message["type"] == "server":
        is_at(message, worker)
    elif message["type"] == "server_role":
        has_role(message["address"], message["standby"], worker)
    else:
        changed(message, worker)


def changed(message: dict[str, Any], worker: "Worker") -> None:
    """The monitor was told by its server that it has another role."""
    if worker.settings.server_target_session_attrs != "any":
        replace_all(worker, message["reason"])


def has_role(address: str, standby: bool, worker: "Worker") -> None:
    """Somebody was told the role of a server: what was opened when it had another is replaced.

    The monitor tells it of each server that it passes over, each time that it looks for one. Of a
    promotion between two looks nobody else would tell as long as no client asks anything.
    """
    for database in worker.databases.values():
        for link in links(database):
            if link.address == address and link.standby != standby and not link.suspect:
                role = "a standby" if standby else "a primary"
                replace_all(worker, f"{address} is {role} now")
                return


def is_at(message: dict[str, Any], worker: "Worker") -> None:
    """The monitor has found the wanted server at one of several hosts."""
    if worker.settings.server_target_session_attrs not in ONE_ONLY or not message["host"]:
        return
    here = (message["host"], message["port"])
    for database in worker.databases.values():
        elsewhere = [link for link in links(database) if _place(link) != here]
        for link in elsewhere:
            link.suspect = True
        if elsewhere:
            close_idle(database, suspect_only=True)


def refuses(worker: "Worker") -> None:
    """A server starts, stops or recovers, and lets nobody in.

    Where server connections to it are there all the same, it is in a smart shutdown and waits for
    their end: unused ones must not keep it from stopping, the others go when their lease ends.
    """
    for database in worker.databases.values():
        reconnect(database)


def _place(link: "ServerLink") -> tuple[str, int]:
    assert link.dialled is not None
    return link.dialled.host, link.dialled.port


def settings_changed(worker: "Worker", before: "Settings") -> None:
    """Other hosts, or another kind of server, are wanted from now on."""
    if any(getattr(before, key) != getattr(worker.settings, key) for key in KEYS):
        replace_all(worker, "the configuration names another server")


def replace_all(worker: "Worker", reason: str) -> None:
    """All server connections are replaced, as RECONNECT does it."""
    worker.log("warning", "servers_changed", f"{reason}: server connections are replaced")
    worker.forget_addresses()
    for database in worker.databases.values():
        reconnect(database)

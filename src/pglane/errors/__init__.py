"""Every refusal pglane can give: code, SQLSTATE, message, detail, hint. Pure.

One file per family of `catalogue.py`; the reference page is generated from the classes. All
families are imported here, so that the catalogue is whole wherever it is looked at.
"""

from pglane.errors import (
    configuration,
    embedded,
    entering,
    limits,
    notifications,
    processes,
    protocol,
    roles,
    server,
    stateful,
    waiting,
)
from pglane.errors.catalogue import CATALOGUE, Refusal
from pglane.errors.refused import RefusedError

__all__ = [
    "CATALOGUE",
    "Refusal",
    "RefusedError",
    "configuration",
    "embedded",
    "entering",
    "limits",
    "notifications",
    "processes",
    "protocol",
    "roles",
    "server",
    "stateful",
    "waiting",
]

"""Every refusal pglane can give: code, SQLSTATE, message, detail, hint. Pure.

One file per family of `catalogue.py`; the reference page is generated from the classes.
"""

from pglane.errors import configuration, embedded, protocol
from pglane.errors.catalogue import CATALOGUE, Refusal
from pglane.errors.refused import RefusedError

__all__ = ["CATALOGUE", "Refusal", "RefusedError", "configuration", "embedded", "protocol"]

"""Every refusal pglane can give: code, SQLSTATE, message, detail, hint. Pure.

One file per family of `catalogue.py`; the reference page is generated from the classes.
"""

from pglane.errors.catalogue import CATALOGUE, Refusal

__all__ = ["CATALOGUE", "Refusal"]

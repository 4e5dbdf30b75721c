"""pglane: what runs between your code and your PostgreSQL."""

from pglane.compiled import prefer_compiled

prefer_compiled()

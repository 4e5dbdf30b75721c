"""pglane: what runs between your code and your PostgreSQL."""

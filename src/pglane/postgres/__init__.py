"""The embedded PostgreSQL: initdb, start, wait until ready, stop."""

"""The tests; folders mirror `src/pglane`."""

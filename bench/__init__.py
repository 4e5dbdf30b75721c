"""What pglane costs: `end_to_end` beside PgBouncer and direct connections, `micro` per module."""

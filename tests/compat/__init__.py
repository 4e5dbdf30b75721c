"""Drivers' own test suites, run through the doors and directly, and what differs.

`python -m tests.compat SUITE...` (or `make compat`) runs the suites of psycopg, asyncpg,
SQLAlchemy and Django three times each: at PostgreSQL itself, through the session door, and through
the transaction door. What passes directly and not through a door is a difference; each one needs
an explanation in `explanations.toml`. The page docs/reference/compatibility.md is made from both.

The suites are other people's work and stay outside this repository: `suites.py` says what to
fetch and where it is looked for. Every suite runs with the driver in exactly the version of its
checkout, in a virtual environment beside it. Every run has a PostgreSQL cluster of its own, so
that nothing one run leaves behind (roles, databases, defaults) can explain a difference in the
next.

How a test ended is written by a small recorder inside the suite's own process (`recorder/`), a
line per test as it ends: a run that is cut short still tells what it knew.
"""

"""What tells that a database is not what it was: the questions the monitor asks every second.

Two epochs, each an opaque word that is equal as long as nothing changed:

* The *defaults epoch* covers what a new server connection begins with: ALTER ROLE/DATABASE .. SET,
  the configuration files, who is a superuser, and whether the database was made anew. Server
  connections of different epochs may differ for ever (fact A11), so those of an earlier one are
  replaced.
* The *catalog epoch* covers what decides which names are clean (`catalog`).

PostgreSQL has no cheap way to be told of a change without objects of our own in the database
(event triggers), and its statistics of system catalogs come late and may be switched off. What it
has is exact: a row's `xmin`. Two committed states of a row never have the same one, so the pair
(oid, xmin) of each row tells a change and never misses one; what only costs a look (a catalog that
was rewritten) is harmless. The scan is made only when transactions have ended since the last look,
which `txid_current_snapshot()` tells: as long as it is the same text, the same transactions are
visible, and therefore the same catalogs.

A role that was dropped, and may have been made anew since, leaves sessions behind that go by its
OID: to them `current_user` is an error, and grants and policies of the new role do not hold. They
are asked for by their process ids, only when transactions have ended since the last look.

`pg_conf_load_time()` is the moment at which the asking backend itself read the configuration, and
it does that before it runs the statement that asks. No value of a setting is read here: they may
hold secrets.
"""

from hashlib import sha256

EPOCH_DIGITS = 16

POLL = """\
SELECT pg_catalog.txid_current_snapshot()::text,
  pg_catalog.pg_conf_load_time()::text,
  pg_catalog.concat_ws(';',
    (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
    (SELECT pg_catalog.string_agg(setdatabase || ' ' || setrole || ' ' || xmin, ',' ORDER BY \
setdatabase, setrole)
      FROM pg_catalog.pg_db_role_setting
      WHERE setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
        WHERE datname = pg_catalog.current_database()))),
    (SELECT pg_catalog.string_agg(oid::text, ',' ORDER BY oid) FROM pg_catalog.pg_roles
      WHERE rolsuper))"""
"""One row: the snapshot, when the configuration was read, and what else defaults are made of:
which database of this name it is, ALTER .. SET and the superusers."""

ROLELESS = """\
SELECT pid FROM pg_catalog.pg_stat_activity
  WHERE datname = pg_catalog.current_database() AND usesysid IS NOT NULL AND usename IS NULL
  ORDER BY pid"""
"""A row for each session in this database whose role is not there any more; anybody may see it."""


def epoch_of(*parts: bytes | None) -> str:
    """A short word that differs when any of the parts does."""
    digest = sha256()
    for part in parts:
        digest.update(b"-" if part is None else b"%d:%b" % (len(part), part))
    return digest.hexdigest()[:EPOCH_DIGITS]

"""Statements for the differential test with constants that their clients read differently.

One client sets its own DateStyle, TimeZone or the like at first, and nobody changes it later: what
one has prepared must never be what another means by the same text.
"""

from tests.support import differential_names as named
from tests.support.differential_texts import BLOCKS

SCHEMA, CLEAN = named.SCHEMA, named.CLEAN
PREPARED = (
    "SELECT '01/02/03'::date", "SELECT timestamptz '2024-01-02 03:04:05'", "SELECT 'a\\nb'",
    "SELECT 1 WHERE NULL = NULL", "SELECT '{NULL}'::text[]", "SELECT '-1 2:03:04'::interval",
    "SELECT '2024-01-02 03:04 IST'::timestamptz", "SELECT 'a\\' || 'b'", "TABLE thing",
    "SELECT date '01-02-2024'",
)  # fmt: skip
WITH_PARAMETER = (
    (("d1", "d2"), (b"01/02/03", b"2024-05-06 07:08 IST", None), (
        "SELECT $1::date, '01/02/03'::date",
        "SELECT $1::timestamptz, '2024-05-06 07:08 IST'::timestamptz",
    )),
)  # fmt: skip
FIRST = (
    "SET DateStyle = 'SQL, DMY'", "SET TimeZone = 'Asia/Tokyo'", "SET array_nulls = off",
    "SET IntervalStyle = 'sql_standard'", "SET transform_null_equals = on",
    "SET timezone_abbreviations = 'India'", "SET standard_conforming_strings = off",
    "SET search_path = s1, public",
)  # fmt: skip
"""One at a time, lest one that is forgotten hides behind the others."""
TOPICS = (named.READ, named.READ, BLOCKS)

"""Statements for the differential test that are read as the settings of that moment say.

DateStyle, search_path and the like change at any time, for the session or the transaction, and
what is prepared is used at once: whatever was prepared before, by whom and under which settings,
must make no difference.
"""

from tests.support import differential_names as named
from tests.support.differential_texts import BLOCKS

SCHEMA, CLEAN = named.SCHEMA, named.CLEAN
PREPARED = (
    "SELECT '01/02/03'::date", "SELECT timestamptz '2024-01-02 03:04:05'", "TABLE thing",
    "SELECT '{NULL}'::text[]", "SELECT same(2)",
)  # fmt: skip
AT_ONCE = True
LOCALLY = (
    "BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'", "BEGIN; SET LOCAL search_path = s1, public",
    "SET LOCAL DateStyle = 'SQL, DMY'", "SET LOCAL TimeZone = 'Asia/Tokyo'",
    "SET LOCAL array_nulls = off", "SET LOCAL search_path = s2, public",
    "SELECT set_config('DateStyle', 'ISO, MDY', true)", "SET LOCAL IntervalStyle = 'sql_standard'",
    "SELECT set_config(name, 'SQL, DMY', true) FROM (VALUES ('datestyle')) v(name)",
    "SET LOCAL timezone_abbreviations = 'India'", "SET LOCAL work_mem = '2MB'",
    "BEGIN; SET LOCAL DateStyle = 'SQL, DMY'", "DO $$ BEGIN SET DateStyle = 'SQL, DMY'; END $$",
    "SET DateStyle = 'SQL, DMY'; BEGIN", "SET search_path = s1; BEGIN",
)  # fmt: skip
TOPICS = (LOCALLY, LOCALLY, named.READINGS, named.PATHS, BLOCKS, ("COMMIT", "ROLLBACK"))

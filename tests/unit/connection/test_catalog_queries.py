"""The texts that are asked of the catalogs; what they find, the integration tests show."""

from pglane.connection.catalog_queries import CATALOG_EPOCH, CATALOGS, SEARCH_PATH
from pglane.wire.statements import Effect, Kind, scan


def test_each_is_one_statement_that_changes_nothing():
    for text in (CATALOGS, CATALOG_EPOCH):
        verdict = scan(text.encode(), "UTF8", True)
        assert verdict.kinds == (Kind.SELECT,)
        assert not verdict.effects


def test_the_path_is_set_for_the_monitors_own_session():
    assert scan(SEARCH_PATH.encode(), "UTF8", True).effects == Effect.SETTING


def test_all_parts_have_five_columns_by_their_first():
    assert CATALOGS.count("UNION ALL") + 1 == len(CATALOGS.split("UNION ALL"))
    for part in CATALOGS.split("UNION ALL"):
        assert part.lstrip().startswith("SELECT")


def test_temporary_objects_do_not_count():
    assert "relpersistence <> 't'" in CATALOGS
    assert "relpersistence <> 't'" in CATALOG_EPOCH

"""The tables are whole and written as they are looked up."""

from pglane.wire import statement_words as words
from pglane.wire.statement_words import Effect, Kind

BY_OTHER_MEANS = {
    # kinds that no first word gives
    *(Kind.ROLLBACK_TO, Kind.PREPARE_TRANSACTION, Kind.COMMIT_PREPARED, Kind.SET_LOCAL),
    *(Kind.SET_TRANSACTION, Kind.OTHER_UTILITY, Kind.EMPTY, Kind.UNKNOWN),
}


def test_every_kind_has_a_first_word() -> None:
    given = {kind for kind, _, _ in words.FIRST_WORDS.values()}
    assert given | BY_OTHER_MEANS == set(Kind)
    assert not given & BY_OTHER_MEANS


def test_words_are_in_lower_case() -> None:
    for table in (words.FIRST_WORDS, words.FUNCTIONS, words.DISCARDS, words.RENAMED_SETTINGS):
        assert [word for word in table if word != word.lower()] == []


def test_every_function_has_one_effect() -> None:
    assert all(effect in list(Effect) for effect in words.FUNCTIONS.values())


def test_transaction_locks_are_no_session_effect() -> None:
    assert not [name for name in words.FUNCTIONS if b"xact" in name]


def test_an_encoding_is_safe_or_not() -> None:
    assert not words.ENCODINGS_SAFE & words.ENCODINGS_UNSAFE
    for name in words.ENCODINGS_SAFE_REPORTED:
        assert name.lower().replace("_", "") in words.ENCODINGS_SAFE

"""What a failure says of itself is read from its own chain of exceptions."""

import pytest

from tests.compat.recorder.pglane_codes import CHAINED_MAX, code_of


class Refused(Exception):
    """As drivers tell it: asyncpg's `detail`, psycopg's text, SQLAlchemy's `orig`."""

    def __init__(self, text: str, **attributes: object) -> None:
        super().__init__(text)
        self.__dict__.update(attributes)


def raised_from(cause: BaseException, context: BaseException | None = None) -> BaseException:
    error = AssertionError("wrong")
    error.__cause__, error.__context__ = cause, context
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, ""),
        (AssertionError("1 != 2"), "AssertionError"),
        (Refused("no\nDETAIL: PGL0402: a temporary table"), "PGL0402"),
        (Refused("no", detail="PGL0403: WITH HOLD", sqlstate="55000"), "PGL0403"),
        (Refused("no", pgcode="42P01", sqlstate=None), "42P01"),
        (Refused("wrapped", orig=Refused("no", sqlstate="23505")), "23505"),
        (raised_from(Refused("no", detail="PGL0402")), "PGL0402"),
        (raised_from(ValueError(), Refused("no", sqlstate="0A000")), "0A000"),
        (ExceptionGroup("several", [ValueError(), Refused("PGL0407")]), "PGL0407"),
    ],
)
def test_the_code_of_a_failure(error: BaseException | None, code: str) -> None:
    assert code_of(error) == code


def test_a_chain_that_bites_its_tail_ends() -> None:
    error = ValueError()
    error.__context__ = KeyError()
    error.__context__.__context__ = error
    assert code_of(error) == "ValueError"
    for _ in range(2 * CHAINED_MAX):
        error = raised_from(error)
    assert code_of(error) == "AssertionError"

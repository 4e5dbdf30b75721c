"""What SCRAM keys are computed from."""

from base64 import b64decode

from pglane.wire.key_recipe import KeyRecipe, KeysLacking

RFC = KeyRecipe(b"pencil", b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)


def test_the_password_of_the_rfc() -> None:
    assert RFC.salted().hex() == "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d"


def test_a_password_is_the_same_in_each_of_its_spellings() -> None:
    spelled = [
        KeyRecipe(word.encode(), b"salt", 2).salted() for word in ("pen\u00adcil", "pencil")
    ]
    assert spelled[0] == spelled[1]


def test_neither_shows_the_password() -> None:
    assert "pencil" not in repr(RFC) + str(KeysLacking(RFC)) + repr(KeysLacking(RFC))
    assert KeysLacking(RFC).recipe is RFC

from pglane.cli.verifier import verifier_of
from pglane.config.verifier_form import VERIFIER, is_md5, is_verifier, iterations_of


def test_our_own_verifiers_have_it():
    assert VERIFIER.fullmatch(verifier_of("secret"))


def test_others_do_not():
    assert not VERIFIER.fullmatch(verifier_of("secret")[:-1])
    assert not VERIFIER.fullmatch("md5" + "0" * 32)


def test_a_hash_is_the_other_form():
    stored = "md5" + "0a" * 16
    assert is_md5(stored)
    assert is_verifier(stored)
    assert is_verifier(verifier_of("secret"))
    for other in (stored + "0", stored[:-1], stored.upper(), "MD5" + stored[3:], "secret", ""):
        assert not is_verifier(other)


def test_what_it_costs_to_try_a_password():
    assert iterations_of(verifier_of("secret", 7)) == 7

from pglane.cli.verifier import verifier_of
from pglane.config.verifier_form import VERIFIER


def test_our_own_verifiers_have_it():
    assert VERIFIER.fullmatch(verifier_of("secret"))


def test_others_do_not():
    assert not VERIFIER.fullmatch(verifier_of("secret")[:-1])
    assert not VERIFIER.fullmatch("md5" + "0" * 32)

"""How an exchange of SCRAM fails."""

from pglane.wire.scram_failure import ScramFailure, ScramReason


def test_a_failure_says_whose_fault_it_is_and_what_was_seen() -> None:
    failure = ScramFailure(ScramReason.IMPOSTOR, "the signature is wrong")
    assert failure.reason is ScramReason.IMPOSTOR
    assert str(failure) == "the signature is wrong"

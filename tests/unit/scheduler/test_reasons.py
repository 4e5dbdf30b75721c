"""Two closed sets, each member with a number of its own."""

from pglane.scheduler.reasons import REASONS, REFUSALS, RefusedBecause, WaitReason


def test_every_reason_knows_its_number() -> None:
    assert [reason.place for reason in REASONS] == list(range(len(WaitReason)))
    assert [reason.place for reason in REFUSALS] == list(range(len(RefusedBecause)))


def test_reasons_are_told_by_name() -> None:
    assert WaitReason.LANE_AT_LIMIT.value == "lane_at_limit"
    assert RefusedBecause.HOPELESS.value == "hopeless"

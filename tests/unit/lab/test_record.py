"""Results for programs."""

import json

from pglane.lab.record import as_json
from tests.support.lab_runs import RUNS, SCENARIO, WHERE


def test_everything_is_kept_as_json_knows_it() -> None:
    whole = json.loads(as_json([SCENARIO], RUNS, WHERE), parse_constant=lambda name: 1 / 0)
    assert whole["circumstances"]["commit"] == "abc"
    starved = whole["runs"][2]
    assert starved["figures"]["otp wait p50"] is None
    assert starved["streams"]["otp"]["unanswered"] == 5
    assert whole["runs"][0]["violations"] == 0
    assert whole["runs"][0]["streams"]["otp"]["wait_ms"]["0.5"] == 10.0

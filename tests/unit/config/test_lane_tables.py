"""The tables [lanes.NAME]: what is read, and every mistake with its place."""

import tomllib

import pytest

from pglane.config.lane_tables import LaneTables
from pglane.config.lanes import LANES_MAX, MATCHES_MAX, LaneMatch, LaneSettings
from pglane.config.places import line_of, lines_of


def read(text):
    lines = lines_of(text)
    tables = LaneTables(lambda *path: f"f:{line_of(lines, path)}")
    tables.read(tomllib.loads(text).get("lanes"))
    return tables


def told(text):
    return [
        (refusal.text.split(": ")[0], type(refusal).__name__, refusal.hint_text)
        for refusal in read(text).refusals
    ]


def test_a_whole_lane():
    text = """
[lanes.otp]
door = "transaction"
reserve = 2
weight = 3
match = [{ user = "mailer", door = "transaction" }, { tag = "route", value = "/login*" }]
allow = ["anna", "10.0.0.0/8"]
[lanes.bulk]
rank = 1
weight = 0.5
match = [{ application_name = "*" }]
"""
    tables = read(text)
    assert tables.refusals == []
    assert tables.lanes == [
        LaneSettings(
            "otp",
            door="transaction",
            reserve=2,
            weight=3.0,
            match=(LaneMatch("transaction", "mailer"), LaneMatch(tag="route", value="/login*")),
            allow=("anna", "10.0.0.0/8"),
        ),
        LaneSettings("bulk", rank=1, weight=0.5, match=(LaneMatch(),)),
    ]
    assert tables.places["lanes.otp"] == "f:2"
    assert tables.places["lanes.bulk.weight"] == "f:10"


def test_an_array_of_tables_is_a_list_too():
    text = '[[lanes.a.match]]\nuser = "x"\n[[lanes.a.match]]\nuser = "y"\nuserr = "z"\n'
    assert read(text).lanes[0].match == (LaneMatch(user="x"), LaneMatch(user="y"))
    assert told(text) == [("f:5", "KeyUnknown", "did you mean user?")]


def test_every_mistake_at_once():
    text = """
[lanes.otp]
reserv = 2
rank = 900
weight = 0
door = "transacton"
match = [{ door = "sesion" }, { door = "window" }, { user = 5 }, { usr = "x" }]
qqqq = 1
"""
    assert [(place, kind) for place, kind, _ in told(text)] == [
        ("f:3", "KeyUnknown"),
        ("f:4", "OutOfRange"),
        ("f:5", "OutOfRange"),
        ("f:6", "OutOfRange"),
        ("f:7", "OutOfRange"),
        ("f:7", "OutOfRange"),
        ("f:7", "TypeWrong"),
        ("f:7", "KeyUnknown"),
        ("f:8", "KeyUnknown"),
    ]
    hints = [hint for _, _, hint in told(text)]
    assert hints[0] == "did you mean reserve?"
    assert hints[4] == 'did you mean "session"?'
    assert "settings.md" in hints[-1]
    assert read(text).refusals[1].text == "f:4: lanes.otp.rank wants 0 to 100 (rank)"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("lanes = 5", "TypeWrong"),
        ("lanes.otp = 5", "TypeWrong"),
        ('[lanes."transaction:anna"]', "OutOfRange"),
        ("[lanes.a]\nmatch = 5", "TypeWrong"),
        ("[lanes.a]\nmatch = [5]", "TypeWrong"),
        ('[lanes.a]\nmatch = [{ value = "x" }]', "OutOfRange"),
        (f'[lanes.a]\nmatch = [{{ user = "{"x" * 256}" }}]', "OutOfRange"),
        (f"[lanes.a]\nmatch = [{'{},' * (MATCHES_MAX + 1)}]", "OutOfRange"),
        ("\n".join(f"[lanes.a{n}]" for n in range(LANES_MAX + 1)), "OutOfRange"),
    ],
)
def test_what_is_no_lane(text, kind):
    assert [found for _, found, _ in told(text)] == [kind]

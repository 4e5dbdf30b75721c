"""The first turn: the smallest thing that a pooler can get wrong."""

from pglane.lab.scenario import Scenario, Target, Variant, rate, refused, served, wait
from pglane.lab.traffic import Stream, sleeping

HOLD_S = 0.020
TIMEOUT_S = 3.0
"""What is waited for a turn; poolers wait two minutes by themselves, the outcome is the same."""
OTP_PER_S = 5.0
BULK_END_S = 1.0
OTP_BEGIN_S = 1.5


def asking(begin_s: float = 0.0) -> Stream:
    """A few a second, each with a connection of its own."""
    return Stream(
        "otp",
        rate_per_s=OTP_PER_S,
        sql=sleeping(0),
        each_time=True,
        begin_s=begin_s,
        critical=True,
    )


FIRST_TURN = Scenario(
    name="first-turn",
    number="A1",
    title="Does it ever get a turn?",
    story="Twelve clients do bulk work of 20 ms a transaction; four server connections are "
    "allowed. Now and then another client, at another door or of another user, connects and wants "
    "to ask something. Then the same with nobody else there: the bulk clients have gone silent "
    "before it comes. Poolers end its wait after three seconds here, two minutes unless told "
    "otherwise.",
    budget=4,
    variants=(
        Variant(
            "12 bulk clients", (Stream("bulk", 12, sql=sleeping(HOLD_S), hold_s=HOLD_S), asking())
        ),
        Variant(
            "no load at all",
            (
                Stream("bulk", 12, sql=sleeping(HOLD_S), hold_s=HOLD_S, end_s=BULK_END_S),
                asking(OTP_BEGIN_S),
            ),
        ),
    ),
    ways=("two doors", "a user each", "forced user"),
    columns=(served("otp"), refused("otp"), wait("otp", 0.5), wait("otp", 1.0), rate("bulk")),
    targets=(
        Target("it gets each of its turns", served("otp"), at_least=1.0),
        Target("it is never refused", refused("otp"), at_most=0.0),
    ),
    plotted="otp",
    compared=served("otp"),
    wait_s_max=TIMEOUT_S,
    grace_s=TIMEOUT_S + 1.0,
)

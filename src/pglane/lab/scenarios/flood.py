"""One kind of traffic floods the database; another, which matters, comes now and then."""

from pglane.lab.scenario import Scenario, Target, Variant, rate, served, violations, wait
from pglane.lab.traffic import Stream, sleeping

HOLD_S = 0.010
OTP_PER_S = 5.0
OTP = Stream("otp", rate_per_s=OTP_PER_S, sql=sleeping(HOLD_S), hold_s=HOLD_S, critical=True)


def browsing(clients: int) -> Stream:
    """So many visitors who ask for the next page as soon as they have one."""
    return Stream("browse", clients=clients, sql=sleeping(HOLD_S), hold_s=HOLD_S)


OTP_UNDER_FLOOD = Scenario(
    name="otp-under-flood",
    number="B1",
    title="One-time passwords while visitors browse",
    story="Visitors of a shop ask for page after page. Five times a second somebody logs in and "
    "needs a one-time password by mail. Each request holds a server connection for 10 ms, and "
    "there are four of them. Where does the one-time password queue?",
    budget=4,
    variants=tuple(
        Variant(f"{clients} clients browse", (browsing(clients), OTP)) for clients in (24, 60, 200)
    ),
    ways=("one user", "a user each", "two doors", "lanes"),
    lanes='[lanes.otp]\nreserve = 1\nmatch = [{ user = "otp" }]\n',
    columns=(
        served("otp"),
        wait("otp", 0.5),
        wait("otp", 0.99),
        wait("otp", 1.0),
        rate("browse"),
        violations(),
    ),
    targets=(
        Target("every one-time password is served", served("otp"), at_least=1.0),
        Target("99 % of them wait less than 25 ms", wait("otp", 0.99), at_most=25.0),
        Target(
            "browsing keeps 95 % of the pace of a queue",
            rate("browse"),
            at_least=0.95,
            relative=True,
        ),
    ),
    plotted="otp",
    compared=rate("browse"),
)

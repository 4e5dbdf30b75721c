"""One kind of traffic floods the database; another, which matters, comes now and then."""

from pglane.lab.contenders import LANES
from pglane.lab.scenario import Scenario, Target, Variant, rate, served, violations, wait
from pglane.lab.traffic import Stream, sleeping

HOLD_S = 0.010
OTP_PER_S = 5.0
OTP = Stream("otp", rate_per_s=OTP_PER_S, sql=sleeping(HOLD_S), hold_s=HOLD_S, critical=True)
BROWSE_PER_S = 100.0
"""A quarter of what four server connections carry."""
REPORT_S = 2.0
COUNTING = "SELECT sum(i) FROM generate_series(1, 40000) AS i"
"""Some milliseconds of a processor, and no table."""
WITHOUT_LOGINS = ("one user", "a user each", *LANES)
"""At two doors each request is a login, and that counts too."""
OTP_LANE = """
[lanes.otp]
door = "transaction"
reserve = 1
borrow_hold_ms = 500
match = [{ application_name = "otp" }]
"""


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
    ways=("one user", "a user each", "two doors", "lanes", "lanes, a user each"),
    lanes=OTP_LANE,
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
        Target(
            "99 % of them wait less than 25 ms",
            wait("otp", 0.99),
            at_most=25.0,
            ways=WITHOUT_LOGINS,
        ),
        Target(
            "browsing keeps 95 % of the pace of a queue",
            rate("browse"),
            at_least=0.95,
            relative=True,
        ),
        Target("no bound is broken", violations(), at_most=0.0, ways=LANES),
    ),
    plotted="otp",
    compared=rate("browse"),
)

OTP_ON_A_BUSY_DATABASE = Scenario(
    name="otp-on-a-busy-database",
    number="B1b",
    title="The same where processors are scarce",
    story="Here each page costs the database some milliseconds of a processor, and everything "
    "shares the same processors: PostgreSQL, the gateway and the clients. A server connection is "
    "no longer a unit of service: who has one may still wait for a processor, which no gateway "
    "hands out. Waits here are whole answer times; they show what remains of the promise.",
    budget=4,
    variants=(
        Variant(
            "60 clients browse",
            (
                Stream("browse", clients=60, sql=COUNTING),
                Stream("otp", rate_per_s=OTP_PER_S, sql="SELECT 1", critical=True),
            ),
        ),
    ),
    ways=("one user", "a user each", "two doors", "lanes"),
    lanes=OTP_LANE,
    columns=(served("otp"), wait("otp", 0.5), wait("otp", 0.99), rate("browse"), violations()),
    targets=(
        Target("every one-time password is served", served("otp"), at_least=1.0),
        Target(
            "they wait half as long as in a queue at most",
            wait("otp", 0.5),
            at_most=0.5,
            relative=True,
            ways=WITHOUT_LOGINS,
        ),
        Target(
            "browsing keeps 90 % of the pace of a queue",
            rate("browse"),
            at_least=0.9,
            relative=True,
            ways=WITHOUT_LOGINS,
        ),
        Target("no bound is broken", violations(), at_most=0.0, ways=LANES),
    ),
    plotted="otp",
    compared=rate("browse"),
)

BROWSE_UNDER_OTP_FLOOD = Scenario(
    name="browse-under-otp-flood",
    number="B2",
    title="Browsing while one-time passwords are abused",
    story="Somebody tries to log in again and again, with 200 connections. Visitors come at a "
    "quarter of what the database can carry. What matters must not be able to starve the rest.",
    budget=4,
    variants=(
        Variant(
            "200 clients ask for passwords",
            (
                Stream("otp", clients=200, sql=sleeping(HOLD_S), hold_s=HOLD_S),
                Stream(
                    "browse",
                    rate_per_s=BROWSE_PER_S,
                    sql=sleeping(HOLD_S),
                    hold_s=HOLD_S,
                    critical=True,
                ),
            ),
        ),
    ),
    ways=("one user", "a user each", "two doors", "lanes"),
    lanes=OTP_LANE
    + """
[lanes.browse]
door = "transaction"
reserve = 2
borrow_hold_ms = 500
match = [{ application_name = "browse" }]
""",
    columns=(
        served("browse"),
        wait("browse", 0.5),
        wait("browse", 0.99),
        wait("browse", 1.0),
        rate("otp"),
        violations(),
    ),
    targets=(
        Target("every page is served", served("browse"), at_least=1.0),
        Target(
            "99 % of them wait less than 25 ms",
            wait("browse", 0.99),
            at_most=25.0,
            ways=WITHOUT_LOGINS,
        ),
        Target("no bound is broken", violations(), at_most=0.0, ways=LANES),
    ),
    plotted="browse",
    compared=rate("otp"),
)

REPORTS = Scenario(
    name="reports",
    number="B3",
    title="Reports, one-time passwords and visitors at once",
    story="Thirty reports of two seconds each are asked for at once, while visitors browse and "
    "one-time passwords are sent. There are eight server connections. Sharing alone cannot help: "
    "once every server connection is in a report, everybody waits two seconds. A limit can.",
    budget=8,
    variants=(
        Variant(
            "30 reports of 2 s, 24 clients browse",
            (
                Stream("reports", clients=30, sql=sleeping(REPORT_S), hold_s=REPORT_S),
                browsing(24),
                OTP,
            ),
        ),
    ),
    ways=("one user", "a user each", "two doors", "lanes"),
    lanes=OTP_LANE
    + """
[lanes.browse]
door = "transaction"
reserve = 3
borrow_hold_ms = 500
match = [{ application_name = "browse" }]

[lanes.reports]
door = "transaction"
borrow = "no"
limit = 3
rank = 1
match = [{ application_name = "reports" }]
""",
    columns=(
        served("otp"),
        wait("otp", 0.5),
        wait("otp", 0.99),
        wait("browse", 0.99),
        rate("browse"),
        rate("reports"),
        violations(),
    ),
    targets=(
        Target("every one-time password is served", served("otp"), at_least=1.0, ways=("lanes",)),
        Target(
            "99 % of them wait less than 50 ms", wait("otp", 0.99), at_most=50.0, ways=("lanes",)
        ),
        Target("no bound is broken", violations(), at_most=0.0, ways=LANES),
    ),
    plotted="otp",
    compared=rate("browse"),
    seconds=10.0,
    warm_s=3.0,
)

"""The marketplace of the demonstration: visitors, sellers, and those who want to log in."""

from pglane.lab.scenario import Scenario, Variant, rate, served
from pglane.lab.traffic import Stream, sleeping

PAGE_S = 0.010
SELLER_S = 0.020
VISITORS = 60

MARKETPLACE = Scenario(
    name="marketplace",
    number="demo",
    title="A marketplace on four database connections",
    story="60 visitors browse, page after page. Now and then a seller changes a profile, and five "
    "times a second somebody wants to log in and needs a one-time password.",
    budget=4,
    variants=(
        Variant(
            "marketplace",
            (
                Stream("visitors", clients=VISITORS, sql=sleeping(PAGE_S), hold_s=PAGE_S),
                Stream(
                    "sellers",
                    rate_per_s=2.0,
                    sql=sleeping(SELLER_S),
                    hold_s=SELLER_S,
                    critical=True,
                ),
                Stream(
                    "passwords", rate_per_s=5.0, sql=sleeping(PAGE_S), hold_s=PAGE_S, critical=True
                ),
            ),
        ),
    ),
    ways=("a user each", "lanes, a user each"),
    lanes="""
[lanes.passwords]
door = "transaction"
reserve = 1
borrow_hold_ms = 500
match = [{ application_name = "passwords" }]
""",
    columns=(served("passwords"), rate("visitors")),
    targets=(),
    plotted="passwords",
    compared=rate("visitors"),
)

"""Runs of a small scenario, made up: what the lab's tables and pages are tested with."""

from pglane.lab.circumstances import Circumstances
from pglane.lab.scenario import Run, Scenario, Target, Variant, rate, served, violations, wait
from pglane.lab.scores import tally
from pglane.lab.traffic import SERVED, UNANSWERED, Sample, Stream

BROWSE = Stream("browse", clients=4)
OTP = Stream("otp", rate_per_s=5.0, critical=True)
SCENARIO = Scenario(
    name="small",
    number="B0",
    title="Small & simple",
    story="Somebody waits.",
    budget=4,
    variants=(Variant("4 clients", (BROWSE, OTP)), Variant("8 clients", (BROWSE, OTP))),
    ways=("one user", "a user each", "lanes"),
    columns=(served("otp"), wait("otp", 0.5), wait("otp", 1.0), rate("browse"), violations()),
    targets=(
        Target("all are served", served("otp"), at_least=1.0),
        Target("none waits long", wait("otp", 1.0), at_most=25.0),
        Target("browsing goes on", rate("browse"), at_least=0.95, relative=True),
    ),
    plotted="otp",
    compared=rate("browse"),
    lanes='[lanes.otp]\nreserve = 1\nmatch = [{ user = "otp" }]\n',
)
WHERE = Circumstances("now", "abc", "pglane <lab>", "cpu", 2, "6.1", "3.11", "18", "0.1", 2, 7)


def run(
    contender: str,
    way: str = "",
    *,
    number: int = 0,
    otp_s: float | None = 0.01,
    browse: int = 100,
    foreign: float = 0.0,
) -> Run:
    """Five one-time passwords waited so long, or (None) for ever; browse got so many answers."""
    outcome, wait_s = (UNANSWERED, 9.0) if otp_s is None else (SERVED, otp_s)
    samples = {
        "otp": [Sample(1.0 + n / 10, wait_s, outcome) for n in range(5)],
        "browse": [Sample(1.0, 0.001, SERVED) for _ in range(browse)],
    }
    return Run(
        scenario="small",
        variant="4 clients",
        contender=contender,
        way=way,
        round=number,
        tallies={one.kind: tally(one, samples[one.kind], 1.0, 2.0) for one in (BROWSE, OTP)},
        violations=0 if way == "lanes" else None,
        foreign=foreign,
    )


RUNS = [
    run("pglane", "lanes", number=1, browse=97),
    run("plain pool", otp_s=0.5, number=1),
    run("PgBouncer 1.18.0", "a user each", otp_s=None, browse=104),
    run("plain pool", otp_s=0.3, foreign=0.5),
    run("pglane", "lanes", otp_s=0.02, browse=99),
    run("pglane", "one user", otp_s=1.5, browse=50),
]

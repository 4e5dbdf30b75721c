"""What a comparison found, as it is kept in `results/`: one file of JSON per suite and server."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Difference:
    """A test that ended otherwise through a door than directly, twice.

    Attributes:
        code: what the error that failed it says of itself: the code of a refusal, else the
            SQLSTATE, else the class.
    """

    test: str
    place: str
    direct: str
    here: str
    code: str = ""


@dataclass(frozen=True)
class Result:
    """One suite at all places.

    Attributes:
        date: when it ran.
        driver: the driver's version, which is the suite's.
        server: the version of PostgreSQL, as it names itself.
        counts: how many tests passed, failed and were skipped, by place.
        unstable: tests that differed once and not again, by place.
        differences: those that did again.
    """

    suite: str
    date: str
    driver: str
    server: str
    counts: Mapping[str, Mapping[str, int]]
    unstable: Mapping[str, int]
    differences: tuple[Difference, ...]

    def save(self, folder: Path = RESULTS) -> None:
        """Writes the file of this suite and server."""
        path = folder / f"{self.suite}-{self.server.split('.')[0]}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(path: Path) -> Result:
    """The result kept in a file."""
    known = json.loads(path.read_text())
    found = tuple(Difference(**one) for one in known.pop("differences"))
    return Result(differences=found, **known)


def load_all(folder: Path = RESULTS) -> list[Result]:
    """All that are kept, by suite and server."""
    return [load(path) for path in sorted(folder.glob("*.json"))]

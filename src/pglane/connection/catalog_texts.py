"""What PostgreSQL has printed of a database's objects, as long as it would print the same.

To print all of a large database takes seconds, and what changes is little. So each text is kept
beside the `xmin` that its row had in the listing before it was printed, and asked for again when
a listing shows another one. Everything else is read whole, every time, in the one snapshot of a
listing (`catalog_listing`): what there is and what is gone, names, which relation a text belongs
to, and what leads from one to another without a text. From that and the texts the closure is
computed anew. Only the texts can be old, and here is why none is:

* A text is printed from its own row and from the names of what it mentions. The row has another
  `xmin` when it is changed, however: by whom, in which transaction, through which door. A
  transaction that is rolled back leaves the old row with its old `xmin`; one that commits late
  shows in the listing after its end, and until then to nobody else.
* It was printed after the listing, so it may be newer than the `xmin` it is kept with, never
  older: then the next listing has another one, and it is printed again.
* Names are what RENAME changes, and no row but that of the renamed object. A text that mentions
  it holds the old name as a word. So when a listing shows another name for a number that was
  listed before, each text with the old one in it is printed again.
* A text may have been printed between two renames, with a name that no listing has shown. So when
  an object with a name has another `xmin` in a listing, all that was printed since the listing
  before is printed again. That is next to nothing once a listing, or no ended transaction, has
  confirmed it.
* What was listed and has no row any more, because it was dropped meanwhile, counts as the worst
  there is until a listing does not have it any more.
* So does what PostgreSQL refuses to print, until it does: somebody has locked a table in it, or it
  is broken. An older text of it does not count: it had been dropped here before it was asked for.
* Numbers and `xmin` mean something to one history of one server only: nothing of this outlives the
  connection on which it was read (a failover, a restore, a database made anew end that).

Not seen, as before: changes that leave `xmin` as it was. PostgreSQL changes rows in place only to
count (relpages, relhasindex) and to freeze them.

One statement prints many texts, and fails where one of them cannot be printed. So what it asked
for is asked for again in tenths, and those that fail in tenths again, until single texts are left:
of 2,000 one is found by 5 failures. Each may wait for a lock, so their number has a bound
(`REFUSALS_MAX`); what is left then is not asked for in this reading, and comes first in the next
one. What was refused alone comes last, so that in the end each text has its turn, however much is
locked.

Rejected: to ask pg_locks what is locked. It would have to be known which relations a text names
before it is printed, and it is not only locks that make printing fail.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pglane.connection.catalog import DOUBTED, Words, read_words
from pglane.connection.catalog_listing import NAMED, Listing
from pglane.connection.catalog_queries import PRINTED, texts_max

REFUSALS_MAX = 100
"""Of one reading. With 10 ms for each (`catalog_queries.BRIEFLY`) a second is waited in vain."""
SPLIT = 10
"""A portion that was refused is asked for again in so many."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Texts that are asked for by one statement.

    Attributes:
        part: of the listing.
        numbers: of its items; at most `texts_max(part)`.
        briefly: something is locked, so a lock is not worth a long wait.
    """

    part: str
    numbers: list[bytes]
    briefly: bool = False


class PrintedTexts:
    """The texts of one database, and what they consist of.

    Attributes:
        words: of each text of the last listing that has been printed, by part and number.
        unconfirmed: the numbers of what was printed since the last listing, by part.
    """

    def __init__(self) -> None:
        self.words: dict[str, dict[bytes, Words]] = {part: {} for part in PRINTED}
        self.unconfirmed: dict[str, set[bytes]] = {part: set() for part in PRINTED}
        self._listing: Listing | None = None
        self._queue: deque[Portion] = deque()
        self._refusals = 0
        self._untried: list[Portion] = []
        self._refused: list[Portion] = []

    @property
    def unprinted(self) -> int:
        """How many texts the last reading could not have printed."""
        return sum(len(portion.numbers) for portion in (*self._untried, *self._refused))

    def take(self, listing: Listing) -> None:
        """Takes a new listing for true: what it does not have, or has changed, is dropped."""
        before, self._listing = self._listing, listing
        if before is not None:
            changed, old_names = _touched(before, listing)
            if not changed:
                self.confirm()
            for part, words in self.words.items():
                self.words[part] = _still_true(
                    words,
                    before.xmins[part],
                    listing.xmins[part],
                    self.unconfirmed[part],
                    old_names,
                )
        self.confirm()

    def confirm(self) -> None:
        """No transaction has ended between the last listing and now."""
        self.unconfirmed = {part: set() for part in PRINTED}

    def lacking(self, *, again: bool) -> Iterator[Portion]:
        """What is to be printed. Each portion is kept or refused before the next is asked for.

        Args:
            again: also what was refused before; else that counts as refused now, too.
        """
        self._line_up(again)
        while self._queue:
            portion = self._queue.popleft()
            if not portion.briefly:  # new or changed: asked for in any case
                yield replace(portion, briefly=self._refusals > 0)
            elif self._refusals < REFUSALS_MAX:
                yield portion
            else:
                self._doubt(portion, self._untried)

    def _line_up(self, again: bool) -> None:
        """What is new or changed; then what was refused before, and what was so alone last."""
        assert self._listing is not None
        lacking = {
            part: dict.fromkeys(number for number in numbers if number not in self.words[part])
            for part, numbers in self._listing.printed()
        }
        before = [*_taken(self._untried, lacking)], [*_taken(self._refused, lacking)]
        self._refusals, self._untried, self._refused = 0, [], []
        self._queue = deque()
        for part, numbers in lacking.items():
            self._queue += _portions(part, list(numbers), texts_max(part), briefly=False)
        for portions, among in zip(before, (self._untried, self._refused), strict=True):
            if again:
                self._queue += portions
            else:
                for portion in portions:
                    self._doubt(portion, among)

    def keep(self, portion: Portion, rows: Sequence[Sequence[bytes | None]]) -> None:
        """What was printed of these numbers: rows of a number and a text."""
        part = portion.part
        texts = {row[0]: row[1] for row in rows}
        read: dict[bytes | None, Words] = {None: DOUBTED}
        for number in portion.numbers:
            text = texts.get(number)
            if text not in read:
                read[text] = read_words(text or b"", statements=part == "functions")
            self.words[part][number] = read[text]
        self.unconfirmed[part].update(portion.numbers)

    def refuse(self, portion: Portion) -> None:
        """PostgreSQL gave an error for them."""
        part, numbers = portion.part, portion.numbers
        self._refusals += 1
        if len(numbers) == 1:
            self._doubt(portion, self._refused)
        else:
            smaller = list(_portions(part, numbers, -(-len(numbers) // SPLIT), briefly=True))
            self._queue.extendleft(reversed(smaller))

    def _doubt(self, portion: Portion, among: list[Portion]) -> None:
        """Nothing is known of them until a next reading."""
        self.words[portion.part].update(dict.fromkeys(portion.numbers, DOUBTED))
        among.append(portion)


def _portions(part: str, numbers: list[bytes], most: int, *, briefly: bool) -> Iterator[Portion]:
    for at in range(0, len(numbers), most):
        yield Portion(part, numbers[at : at + most], briefly)


def _taken(portions: list[Portion], lacking: dict[str, dict[bytes, None]]) -> Iterator[Portion]:
    """What is still lacking of these portions, and from now on not among the rest of it."""
    for portion in portions:
        rest = lacking[portion.part]
        numbers = [number for number in portion.numbers if number in rest]
        if numbers:
            yield Portion(portion.part, numbers, briefly=True)
        for number in numbers:
            del rest[number]


def _touched(before: Listing, listing: Listing) -> tuple[bool, set[bytes]]:
    """Whether anything that has a name was changed, and the names that it has no more."""
    changed = False
    old_names: set[bytes] = set()
    for part in NAMED:
        xmins, xmins_before = listing.xmins[part], before.xmins[part]
        names, names_before = listing.names[part], before.names[part]
        for number, xmin in xmins_before.items():
            if xmins.get(number, xmin) != xmin:
                changed = True
                if names[number] != names_before[number]:
                    old_names.add(names_before[number])
    return changed, old_names


def _still_true(
    words: dict[bytes, Words],
    xmins_before: Mapping[bytes, bytes],
    xmins: Mapping[bytes, bytes],
    unconfirmed: set[bytes],
    old_names: set[bytes],
) -> dict[bytes, Words]:
    """What would be printed the same."""
    return {
        number: each
        for number, each in words.items()
        if xmins.get(number) == xmins_before[number]
        and number not in unconfirmed
        and each is not DOUBTED
        and old_names.isdisjoint(each.names)
    }

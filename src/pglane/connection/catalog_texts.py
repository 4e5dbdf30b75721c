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
* What was listed and could not be printed, because it was dropped meanwhile, counts as the worst
  there is until a listing does not have it any more.
* Numbers and `xmin` mean something to one history of one server only: nothing of this outlives the
  connection on which it was read (a failover, a restore, a database made anew end that).

Not seen, as before: changes that leave `xmin` as it was. PostgreSQL changes rows in place only to
count (relpages, relhasindex) and to freeze them.
"""

from collections.abc import Iterator, Mapping, Sequence

from pglane.connection.catalog import DOUBTED, Words, read_words
from pglane.connection.catalog_listing import NAMED, Listing
from pglane.connection.catalog_queries import PRINTED, texts_max


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

    def lacking(self) -> Iterator[tuple[str, list[bytes]]]:
        """What is to be printed, in portions: a part and numbers."""
        assert self._listing is not None
        for part, numbers in self._listing.printed():
            known = self.words[part]
            lacking = [number for number in numbers if number not in known]
            most = texts_max(part)
            for at in range(0, len(lacking), most):
                yield part, lacking[at : at + most]

    def keep(
        self, part: str, numbers: Sequence[bytes], rows: Sequence[Sequence[bytes | None]]
    ) -> None:
        """What was printed of these numbers: rows of a number and a text."""
        texts = {row[0]: row[1] for row in rows}
        read: dict[bytes | None, Words] = {None: DOUBTED}
        for number in numbers:
            text = texts.get(number)
            if text not in read:
                read[text] = read_words(text or b"", statements=part == "functions")
            self.words[part][number] = read[text]
        self.unconfirmed[part].update(numbers)


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

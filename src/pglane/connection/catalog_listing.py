"""The answer to `catalog_queries.LISTING`: what there is in a database, in one snapshot.

Each part has items, and each item a row's number (OID), its `xmin`, and what else is to be known
of it without printing anything. With the texts that belong to some of them, they give the closure.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pglane.connection.catalog import READING, WRITING_TO, Closure, Graph, Words
from pglane.connection.catalog_queries import LISTED, PRINTED
from pglane.connection.epochs import epoch_of

NAMED = ("functions", "relations", "types")
"""Parts whose items have names that printed texts may hold."""
OF_RELATIONS = {
    "triggers": WRITING_TO,
    "policies": READING,
    "defaults": WRITING_TO,
    "constraints": WRITING_TO,
    "indexes": WRITING_TO,
}
"""Parts whose items have a text of a relation, and what must be done with it to run that."""
PLANNED = frozenset({"constraints", "indexes"})
"""Those whose texts the planner reads, for a SELECT too, and computes what is constant in them."""
ON_SELECT = b"1"
"""What runs a rule (`ev_type`): that of a view."""
FOREIGN = b"f"
PRINTS = b"1"
NONE = b"0"
"""No function, relation or type has this number."""

Fields = Sequence[Sequence[bytes]]
"""Of a part: a list for each field, all of the same length."""
Printed = Mapping[str, Mapping[bytes, Words]]
"""What is known of texts, by part and number."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is.

    Attributes:
        fields: of each part.
        names: of each function, relation and type, by part and number.
        xmins: of each item that has one, by part and number.
        functions_epoch: differs when a function does.
    """

    fields: Mapping[str, Fields]
    names: Mapping[str, Mapping[bytes, bytes]]
    xmins: Mapping[str, Mapping[bytes, bytes]]
    functions_epoch: str

    def printed(self) -> Iterator[tuple[str, list[bytes]]]:
        """The numbers of those that have a text, part by part.

        Of temporary relations, which no other session can name, nothing is printed.
        """
        relations = self.names["relations"]
        for part in PRINTED:
            fields = self.fields[part]
            if part == "functions":
                yield part, list(fields[0])
            elif part == "types":
                pairs = zip(fields[0], fields[2], strict=True)
                yield part, [number for number, prints in pairs if prints == PRINTS]
            else:
                pairs = zip(fields[0], fields[2], strict=True)
                yield part, [n for n, of in pairs if of in relations or of == NONE]


def read_listing(row: Sequence[bytes | None]) -> Listing:
    """What the row of an answer tells."""
    fields: dict[str, Fields] = {}
    values = iter(row)
    functions_epoch = ""
    for part, (expressions, _) in LISTED.items():
        texts = [next(values) for _ in expressions]
        fields[part] = [_lines(text) for text in texts]
        if part == "functions":
            functions_epoch = epoch_of(*texts)
    names = {part: dict(zip(fields[part][0], fields[part][-1], strict=True)) for part in NAMED}
    xmins = {
        part: dict(zip(fields[part][0], fields[part][1], strict=True))
        for part in {*NAMED, *PRINTED}
    }
    return Listing(fields, names, xmins, functions_epoch)


def _lines(text: bytes | None) -> list[bytes]:
    if not text:
        return []
    lines = text.split(b"\n")
    return lines if b"\\" not in text else [_unescaped(line) for line in lines]


def _unescaped(line: bytes) -> bytes:
    parts = line.split(b"\\\\")
    return b"\\".join(part.replace(b"\\n", b"\n") for part in parts)


def closure_of(listing: Listing, words: Printed) -> Closure:
    """What follows from all that there is, and from its texts."""
    fields = listing.fields
    graph = Graph()
    graph.add_own(fields["own"][0], fields["settings"][0])
    graph.add_acting(fields["acting"][0])
    _add_running(graph, listing)
    _add_functions(graph, fields, words)
    relations = listing.names["relations"]
    graph.add_names(relations.values())
    for number, relkind in zip(fields["relations"][0], fields["relations"][2], strict=True):
        if relkind == FOREIGN:
            graph.mark(relations[number])
    for part, kind in OF_RELATIONS.items():
        for number, of in zip(fields[part][0], fields[part][2], strict=True):
            if of in relations:
                graph.add_text(kind, relations[of], words[part][number])
                if part in PLANNED:
                    graph.add_planned(relations[of], words[part][number])
    for number, _, of, event in zip(*fields["rules"], strict=True):
        if of in relations:
            kind = READING if event == ON_SELECT else WRITING_TO
            graph.add_text(kind, relations[of], words["rules"][number])
            graph.add_running([relations[of]])
    _add_types(graph, listing, words)
    for part, kind in (("references", WRITING_TO), ("heirs", READING)):
        for number, other in zip(*fields[part], strict=True):
            if number in relations and other in relations:
                graph.link(kind, relations[number], relations[other])
    return graph.closure()


def _add_running(graph: Graph, listing: Listing) -> None:
    """What a read that is to run twice may not name, or not meet, without a text behind it."""
    relations = listing.names["relations"]
    graph.add_running(listing.fields["volatile"][0])
    graph.add_running(relations[of] for of in listing.fields["folded"][0] if of in relations)
    for _, extension in zip(*listing.fields["support"], strict=True):
        graph.note_acting(extension)


def _add_functions(graph: Graph, fields: Mapping[str, Fields], words: Printed) -> None:
    languages = dict(zip(*fields["languages"], strict=True))
    languages[NONE] = b"names"  # an aggregate
    extensions = dict(zip(*fields["members"], strict=True))
    for number, _, language, name in zip(*fields["functions"], strict=True):
        text = words["functions"][number]
        graph.add_function(name, languages[language], extensions.get(number, b""), text)


def _add_types(graph: Graph, listing: Listing, words: Printed) -> None:
    """Types, and the constraints of domains.

    An array leads to what it is of, and that of rows to the types of their columns: to read a text
    as one runs the checks of a domain in it.
    """
    fields, relations, types = listing.fields, listing.names["relations"], listing.names["types"]
    of_rows = dict(zip(fields["relations"][3], fields["relations"][0], strict=True))
    of_rows.pop(NONE, None)
    all_types = {row: relations[number] for row, number in of_rows.items()} | dict(types)
    in_rows: dict[bytes, list[bytes]] = defaultdict(list)
    for number, type_number in zip(*fields["columns"], strict=True):
        if number in relations and type_number in all_types:
            graph.link(READING, relations[number], all_types[type_number])
            in_rows[number].append(all_types[type_number])
    graph.add_names(types.values())
    for number, _, prints, element, name in zip(*fields["types"], strict=True):
        if prints == PRINTS:
            graph.add_text(READING, name, words["types"][number])
        if element in types:
            graph.link(READING, name, types[element])
        elif element in of_rows:
            for of in in_rows.get(of_rows[element], ()):
                graph.link(READING, name, of)
    for number, _, _, domain in zip(*fields["constraints"], strict=True):
        if domain in types:
            graph.add_text(READING, types[domain], words["constraints"][number])

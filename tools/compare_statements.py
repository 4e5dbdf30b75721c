"""Compares `pglane.wire.statements` with libpg_query (pgparse) and with recorded command tags.

FILES are SQL texts (`.sql`, read as one text and again statement by statement) or recordings of
`tools/record_texts.py` (`.jsonl`). Printed is every text where the number of statements differs,
where a kind differs, where the syntax tree shows an effect that the verdict lacks, or where a
server answered with a command tag that does not belong to the kind. Texts that the parser
rejects are compared with the tags only. Exit status 1 if anything was printed.

    python tools/compare_statements.py tests/support/corpus/*.sql
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pgparse  # type: ignore[import-not-found]  # an extension without stubs

from pglane.wire.statement_words import FUNCTIONS, Effect, Kind
from pglane.wire.statements import Verdict, scan

Node = dict[str, Any]

DML = {
    "InsertStmt": Kind.INSERT,
    "UpdateStmt": Kind.UPDATE,
    "DeleteStmt": Kind.DELETE,
    "MergeStmt": Kind.MERGE,
}
PLAIN = {
    "VariableShowStmt": Kind.SHOW,
    "DiscardStmt": Kind.DISCARD,
    "PrepareStmt": Kind.PREPARE,
    "ExecuteStmt": Kind.EXECUTE,
    "DeallocateStmt": Kind.DEALLOCATE,
    "DeclareCursorStmt": Kind.DECLARE,
    "ClosePortalStmt": Kind.CLOSE,
    "ListenStmt": Kind.LISTEN,
    "UnlistenStmt": Kind.UNLISTEN,
    "NotifyStmt": Kind.NOTIFY,
    "LockStmt": Kind.LOCK,
    "CopyStmt": Kind.COPY,
    "TruncateStmt": Kind.TRUNCATE,
    "ExplainStmt": Kind.EXPLAIN,
    "ClusterStmt": Kind.CLUSTER,
    "ReindexStmt": Kind.REINDEX,
    "CheckPointStmt": Kind.CHECKPOINT,
    "DoStmt": Kind.DO,
    "CallStmt": Kind.CALL,
    "LoadStmt": Kind.LOAD,
    "CommentStmt": Kind.COMMENT,
    "RefreshMatViewStmt": Kind.REFRESH,
    "ImportForeignSchemaStmt": Kind.IMPORT,
    "SecLabelStmt": Kind.SECURITY,
    "ReassignOwnedStmt": Kind.REASSIGN,
    "ConstraintsSetStmt": Kind.SET,
}
TRANSACTIONS = {
    "TRANS_STMT_BEGIN": Kind.BEGIN,
    "TRANS_STMT_START": Kind.BEGIN,
    "TRANS_STMT_COMMIT": Kind.COMMIT,
    "TRANS_STMT_ROLLBACK": Kind.ROLLBACK,
    "TRANS_STMT_SAVEPOINT": Kind.SAVEPOINT,
    "TRANS_STMT_RELEASE": Kind.RELEASE,
    "TRANS_STMT_ROLLBACK_TO": Kind.ROLLBACK_TO,
    "TRANS_STMT_PREPARE": Kind.PREPARE_TRANSACTION,
    "TRANS_STMT_COMMIT_PREPARED": Kind.COMMIT_PREPARED,
    "TRANS_STMT_ROLLBACK_PREPARED": Kind.COMMIT_PREPARED,
}
TAGS = {
    # tag's first words -> the kinds it may answer
    "SELECT": {Kind.SELECT, Kind.VALUES, Kind.TABLE, Kind.WITH, Kind.EXECUTE, Kind.CREATE},
    "INSERT": {Kind.INSERT, Kind.WITH, Kind.EXECUTE},
    "UPDATE": {Kind.UPDATE, Kind.WITH, Kind.EXECUTE},
    "DELETE": {Kind.DELETE, Kind.WITH, Kind.EXECUTE},
    "MERGE": {Kind.MERGE, Kind.WITH, Kind.EXECUTE},
    "BEGIN": {Kind.BEGIN},
    "START TRANSACTION": {Kind.BEGIN},
    "COMMIT": {Kind.COMMIT},
    # a failed transaction: COMMIT and PREPARE TRANSACTION are answered with ROLLBACK
    "ROLLBACK": {Kind.ROLLBACK, Kind.ROLLBACK_TO, Kind.COMMIT, Kind.PREPARE_TRANSACTION},
    "SAVEPOINT": {Kind.SAVEPOINT},
    "RELEASE": {Kind.RELEASE},
    "PREPARE TRANSACTION": {Kind.PREPARE_TRANSACTION},
    "COMMIT PREPARED": {Kind.COMMIT_PREPARED},
    "ROLLBACK PREPARED": {Kind.COMMIT_PREPARED},
    "SET": {Kind.SET, Kind.SET_LOCAL, Kind.SET_TRANSACTION},
    "RESET": {Kind.RESET},
    "SHOW": {Kind.SHOW},
    "DISCARD": {Kind.DISCARD},
    "PREPARE": {Kind.PREPARE},
    "DEALLOCATE": {Kind.DEALLOCATE},
    "DECLARE CURSOR": {Kind.DECLARE},
    "FETCH": {Kind.FETCH},
    "MOVE": {Kind.MOVE},
    "CLOSE CURSOR": {Kind.CLOSE},
    "LISTEN": {Kind.LISTEN},
    "UNLISTEN": {Kind.UNLISTEN},
    "NOTIFY": {Kind.NOTIFY},
    "LOCK TABLE": {Kind.LOCK},
    "COPY": {Kind.COPY},
    "CREATE": {Kind.CREATE},
    "ALTER": {Kind.ALTER},
    "DROP": {Kind.DROP},
    "TRUNCATE TABLE": {Kind.TRUNCATE},
    "EXPLAIN": {Kind.EXPLAIN},
    "ANALYZE": {Kind.ANALYZE},
    "VACUUM": {Kind.VACUUM},
    "CLUSTER": {Kind.CLUSTER},
    "REINDEX": {Kind.REINDEX},
    "CHECKPOINT": {Kind.CHECKPOINT},
    "DO": {Kind.DO},
    "CALL": {Kind.CALL},
    "LOAD": {Kind.LOAD},
    "GRANT": {Kind.GRANT},
    "REVOKE": {Kind.REVOKE},
    "COMMENT": {Kind.COMMENT},
    "REFRESH MATERIALIZED VIEW": {Kind.REFRESH},
    "IMPORT FOREIGN SCHEMA": {Kind.IMPORT},
    "SECURITY LABEL": {Kind.SECURITY},
    "REASSIGN OWNED": {Kind.REASSIGN},
}


def kinds_of(name: str, node: Node) -> set[Kind]:
    """The kinds that a statement of the syntax tree may have."""
    if name in DML or name == "SelectStmt":
        return _query_kinds(name, node)
    if name in PLAIN:
        return {PLAIN[name]}
    if name == "TransactionStmt":
        return {TRANSACTIONS[node["kind"]]}
    if name == "VariableSetStmt":
        return _setting_kinds(node)
    if name == "FetchStmt":
        return {Kind.MOVE if node.get("ismove") else Kind.FETCH}
    if name in {"GrantStmt", "GrantRoleStmt"}:
        return {Kind.GRANT if node.get("is_grant") else Kind.REVOKE}
    if name == "VacuumStmt":
        return {Kind.VACUUM if node.get("is_vacuumcmd") else Kind.ANALYZE}
    if name == "CreateTableAsStmt":
        return {Kind.SELECT, Kind.WITH} if node.get("is_select_into") else {Kind.CREATE}
    return _definition_kinds(name)


def _query_kinds(name: str, node: Node) -> set[Kind]:
    leaf = node
    while "larg" in leaf:
        leaf = leaf["larg"]
    if "withClause" in node or "withClause" in leaf:
        return {Kind.WITH, Kind.SELECT} if name == "SelectStmt" else {Kind.WITH}
    if name != "SelectStmt":
        return {DML[name]}
    return {Kind.VALUES} if "valuesLists" in leaf else {Kind.SELECT, Kind.TABLE}


def _setting_kinds(node: Node) -> set[Kind]:
    if node["kind"] in {"VAR_RESET", "VAR_RESET_ALL"}:
        return {Kind.RESET}
    if node.get("name") in {"TRANSACTION", "TRANSACTION SNAPSHOT"}:
        return {Kind.SET_TRANSACTION}
    if node["kind"] == "VAR_SET_DEFAULT":  # SET .. TO DEFAULT keeps no trace of LOCAL
        return {Kind.SET, Kind.SET_LOCAL}
    return {Kind.SET_LOCAL if node.get("is_local") else Kind.SET}


def _definition_kinds(name: str) -> set[Kind]:
    if name.startswith(("Create", "Define", "View", "Index", "Rule", "CompositeType")):
        return {Kind.CREATE, Kind.ALTER} if name.startswith("CreateRole") else {Kind.CREATE}
    if name.startswith(("Alter", "Rename")):
        return {Kind.ALTER}
    return {Kind.DROP} if name.startswith("Drop") else set()


DRAWING = frozenset({"InsertStmt", "CopyStmt", "MergeStmt", "CallStmt", "DoStmt"})
"""Statements in whose course a sequence may be asked for a value."""


def effects_of(tree: Any) -> Effect:
    """Effects that a syntax tree shows, for the nodes whose meaning is plain."""
    found = Effect.NONE
    if isinstance(tree, list):
        for item in tree:
            found |= effects_of(item)
    elif isinstance(tree, dict):
        for name, node in tree.items():
            if name == "RuleStmt":  # its actions run when somebody else's statement fires it
                continue
            own = effects_of(node)
            if name == "ExplainStmt":  # runs a cursor's query at most, leaves none
                own &= ~(Effect.CURSOR | Effect.HOLD)
            if isinstance(node, dict):
                own |= _node_effects(name, node)
                if _drops_on_commit(name, node):
                    own &= ~Effect.TEMP
            found |= own
    return found


def _drops_on_commit(name: str, node: Node) -> bool:
    """Whether a temporary table is gone with its transaction."""
    if name == "CreateTableAsStmt":
        return bool(node["into"].get("onCommit") == "ONCOMMIT_DROP")
    return bool(name == "CreateStmt" and node.get("oncommit") == "ONCOMMIT_DROP")


def draws(tree: Any) -> bool:
    """Whether something in it may draw a value of a sequence."""
    if isinstance(tree, list):
        return any(map(draws, tree))
    if not isinstance(tree, dict):
        return False
    if not DRAWING.isdisjoint(tree):
        return True
    if "FuncCall" in tree and effects_of({"FuncCall": tree["FuncCall"]}) & Effect.SEQUENCE:
        return True
    return any(map(draws, tree.values()))


def _node_effects(name: str, node: Node) -> Effect:
    if name == "FuncCall":
        function = node["funcname"][-1]["String"]["sval"].encode()
        return FUNCTIONS.get(function, Effect.NONE)
    if node.get("relpersistence") == "t" or node.get("schemaname", "").startswith("pg_temp"):
        return Effect.TEMP
    if name == "DeclareCursorStmt":
        return Effect.HOLD if node["options"] & 32 else Effect.CURSOR
    simple = {
        "ExecuteStmt": Effect.EXECUTES,
        "PrepareStmt": Effect.PREPARED,
        "ListenStmt": Effect.LISTEN,
        "UnlistenStmt": Effect.UNLISTEN,
        "NotifyStmt": Effect.NOTIFY,
        "LoadStmt": Effect.LOAD,
        "DoStmt": Effect.OPAQUE,
        "CallStmt": Effect.OPAQUE,
        "CopyStmt": Effect.COPY,
        "CreateExtensionStmt": Effect.OPAQUE,
    }
    return simple.get(name, Effect.NONE)


def setting_missing(name: str, node: Node, verdict: Verdict) -> bool:
    """Whether a top-level SET or RESET of the tree is not in the verdict."""
    if name != "VariableSetStmt" or node.get("is_local"):
        return False
    if node["kind"] == "VAR_RESET_ALL":
        return not verdict.effects & Effect.RESET_ALL
    changed = node.get("name", "").lower()
    if changed in {"role", "session_authorization"}:
        return not verdict.effects & Effect.ROLE
    if changed == "session characteristics":
        return not verdict.effects & Effect.CHARACTERISTICS
    if changed in {"transaction", "transaction snapshot"} or Kind.SET_LOCAL in verdict.kinds:
        return False
    return changed not in verdict.settings


def is_cautious(text: str) -> bool:
    """Whether UNKNOWN is meant: the text says something only a full parser and server can read."""
    escaped_name = re.search(r'u&"', text, re.IGNORECASE)  # may spell any function's name
    # parses, but no server takes it: a definition within a function body
    definition_in_body = re.search(r"begin\s+atomic\s+create", text, re.IGNORECASE)
    return bool(escaped_name or definition_in_body)


def parsed_by_libpg_query(text: str) -> list[Node] | None:
    """The statements of a text; None when the parser rejects it."""
    try:
        return list(pgparse.parse(text))
    except (pgparse.PGQueryError, UnicodeError):
        return None


def against_parser(parsed: list[Node], text: str, verdict: Verdict) -> str | None:
    """What differs from libpg_query's reading."""
    statements = [next(iter(entry["stmt"].items())) for entry in parsed if entry.get("stmt")]
    if verdict.effects & Effect.UNKNOWN:
        return None if is_cautious(text) else "UNKNOWN for a text that parses"
    if not statements:
        return None if verdict.kinds == (Kind.EMPTY,) else "not empty"
    if len(statements) != verdict.count:
        return f"{len(statements)} statements, not {verdict.count}"
    for (name, node), kind in zip(statements, verdict.kinds, strict=True):
        if Kind(kind) not in kinds_of(name, node):
            return f"{name} is not {Kind(kind).name}"
        if setting_missing(name, node, verdict):
            return f"{node.get('name')} is missing"
    lacking = effects_of(parsed) & ~Effect(verdict.effects)
    if draws(parsed):  # currval and lastval may tell what the text itself drew
        lacking &= ~Effect.SEQUENCE_READ
    return f"lacks {lacking!r}" if lacking else None


def kinds_of_tag(tag: str) -> set[Kind]:
    """The kinds that a command tag may answer."""
    words = tag.split()
    for length in (3, 2, 1):
        kinds = TAGS.get(" ".join(words[:length]))
        if kinds is not None:
            return kinds
    return set()


def against_tags(tags: list[str], *, failed: bool, verdict: Verdict) -> str | None:
    """What differs from a server's answers."""
    if Kind.UNKNOWN in verdict.kinds:
        return "UNKNOWN for a text that ran" if tags else None
    if verdict.kinds == (Kind.EMPTY,):
        return f"empty, answered {tags}" if tags else None
    if len(tags) > verdict.count or (len(tags) < verdict.count and not failed):
        return f"{len(tags)} tags, {verdict.count} statements"
    for tag, kind in zip(tags, verdict.kinds, strict=False):
        if tag == "SELECT INTO" or Kind(kind) in kinds_of_tag(tag):
            continue
        if Kind(kind) is Kind.EXECUTE or tag.startswith(("CREATE", "GRANT ROLE", "REVOKE ROLE")):
            continue
        return f"{Kind(kind).name} answered {tag!r}"
    return None


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """The texts of one file."""
    if path.suffix == ".jsonl":
        with path.open() as lines:
            for line in lines:
                yield json.loads(line)
        return
    text = path.read_bytes()
    yield {"text": text.decode()}
    for entry in pgparse.parse(text.decode()):
        begin = entry.get("stmt_location", 0)
        yield {"text": text[begin : begin + entry.get("stmt_len", len(text))].decode()}


def compare(path: Path, counts: Counter[str]) -> int:
    """Prints the disagreements of one file and returns their number."""
    found = 0
    for entry in entries(path):
        raw = entry["text"].encode("utf-8", "surrogateescape")
        strings = entry.get("standard_conforming_strings", "on") == "on"
        verdict = scan(raw, entry.get("client_encoding", "UTF8"), strings)
        counts["texts"] += 1
        counts["unknown"] += Kind.UNKNOWN in verdict.kinds
        parsed = parsed_by_libpg_query(entry["text"]) if strings else None
        problems = []
        if parsed is not None:
            counts["parsed"] += 1
            counts["cautious"] += bool(verdict.effects & Effect.UNKNOWN)
            problems.append(against_parser(parsed, entry["text"], verdict))
        if "tags" in entry:
            counts["answered"] += bool(entry["tags"])
            problems.append(against_tags(entry["tags"], failed=entry["failed"], verdict=verdict))
        for problem in filter(None, problems):
            found += 1
            print(f"{path.name}: {problem}: {entry['text'][:300]!r}")
    return found


def main() -> int:
    """Compares all files; 1 when something differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    counts: Counter[str] = Counter()
    found = sum(compare(path, counts) for path in parser.parse_args().files)
    print(
        f"{counts['texts']} texts: {counts['parsed']} read by libpg_query, {counts['answered']} "
        f"answered by a server, {counts['unknown']} of unknown kind ({counts['cautious']} of "
        "those that libpg_query reads have unknown effects)"
    )
    print(f"{found} disagreements")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

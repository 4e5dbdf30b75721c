"""`pglane check FILE`: all that is wrong with a configuration, without starting anything."""

import argparse
import json
import os

from pglane.config import rules
from pglane.config.file import read_file
from pglane.config.schema import json_schema
from pglane.config.settings import Settings
from pglane.doors import lane_plan

CLEAN = 0
FINDINGS = 1
FAILED = 2


def run(arguments: argparse.Namespace) -> int:
    """Prints every finding with its file and line; or the schema that files are to follow."""
    if arguments.schema:
        print(json.dumps(json_schema(), indent=2))
        return CLEAN
    loaded = read_file(arguments.file, os.environ)
    # A port that was refused must not seem to be the default one, twice.
    ports = {name: 0 for name in loaded.refused if name.endswith("_port")}
    # Nor a password that was not found one that is not there.
    unread = {name: "unread" for name in loaded.refused if name == "server_password"}
    settings = Settings(**(loaded.values | ports | unread))
    found = [
        *loaded.refusals,
        *rules.objections(settings, loaded.places),
        *lane_plan.objections(settings, loaded.places),
    ]
    for refusal in found:
        print(refusal)
    for note in (*loaded.notes, *rules.notes(settings), *lane_plan.notes(settings)):
        print(f"note: {note}")
    if not loaded.readable:
        return FAILED
    if found:
        print(f"{arguments.file}: {len(found)} {'finding' if len(found) == 1 else 'findings'}")
        return FINDINGS
    print(f"{arguments.file}: nothing to object to")
    return CLEAN

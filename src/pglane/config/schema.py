"""The JSON Schema of `pglane.toml` and its reference page, both made from the settings themselves.

Editors with a TOML extension use the schema to complete and to check while somebody types. It is
served from docs/reference/pglane.schema.json, as JSON Schema 2020-12.
"""

from typing import Any

from pglane.config import auth_words
from pglane.config.description import Description
from pglane.config.file_settings import file_descriptions
from pglane.config.lane_tables import NAME
from pglane.config.lanes import (
    LANES_MAX,
    MATCH_KEYS,
    MATCHES_MAX,
    TEXT_CHARACTERS_MAX,
    lane_descriptions,
)
from pglane.config.overrides import CERTIFICATE_NAMES, DOORS, own_descriptions
from pglane.config.values import example_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SECTIONS = {
    "listen": "Where the doors are.",
    "server": "The PostgreSQL behind them, and how many connections it may get from us.",
    "clients": "Who may come in, and how much one client may take.",
    "transaction": "The transaction door.",
    "session": "The session door.",
    "direct": "The direct door.",
    "gateway": "The gateway itself.",
    "metrics": "What Prometheus reads.",
    "log": "What is written to standard error.",
}
SOURCES = {
    "": "{meaning}",
    "_env": "name of the variable that holds it: {meaning}",
    "_file": "file whose first line is it: {meaning}",
}


def json_schema() -> dict[str, Any]:
    """The schema as a JSON value."""
    sections = {section: _section_schema(section) for section in SECTIONS}
    return {
        "$schema": DIALECT,
        "title": "pglane.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": sections
        | {
            "databases": _databases_schema(),
            "lanes": _lanes_schema(),
            "users": _users_schema(),
        },
    }


def _section_schema(section: str) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for setting in file_descriptions():
        if setting.section == section:
            for source in SOURCES if setting.secret else ("",):
                told = SOURCES[source].format(meaning=setting.meaning)
                shape = {"type": "string"} if source else _value_schema(setting)
                properties[setting.key + source] = {"description": told} | shape
    if section in DOORS:
        properties |= _limits_schema("door", section)
    return {
        "description": SECTIONS[section],
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _value_schema(setting: Description) -> dict[str, Any]:
    if isinstance(setting.default, int | float):
        return {
            "type": "integer" if isinstance(setting.default, int) else "number",
            "minimum": setting.minimum,
            "maximum": setting.maximum,
            "default": setting.default,
        }
    if isinstance(setting.default, tuple):
        return {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": setting.maximum,
            "default": list(setting.default),
        }
    if setting.choices:
        words = list(setting.choices) + (list(auth_words.SAME) if setting.name == "auth" else [])
        return {"enum": words, "default": setting.default}
    return {"type": "string", "maxLength": setting.maximum, "default": setting.default}


def _limits_schema(scope: str, title: str) -> dict[str, Any]:
    """Limits that somebody may have of its own; without a default, for a wider one holds then."""
    found: dict[str, Any] = {}
    for key, described in own_descriptions(scope, title).items():
        shape = _value_schema(described)
        del shape["default"]
        found[key] = {"description": described.meaning} | shape
    return found


def _databases_schema() -> dict[str, Any]:
    return {
        "description": "Limits of single databases: [databases.NAME].",
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "properties": _limits_schema("database", "databases.NAME"),
        },
    }


def _lanes_schema() -> dict[str, Any]:
    properties = {
        setting.key: {"description": setting.meaning} | _value_schema(setting)
        for setting in lane_descriptions()
    }
    entry = {
        key: {"description": meaning, "type": "string", "maxLength": TEXT_CHARACTERS_MAX}
        for key, meaning in MATCH_KEYS.items()
    }
    entry["door"] = {"description": MATCH_KEYS["door"], "enum": list(DOORS)}
    properties["match"] = {
        "description": "who belongs to it; rules are read in the order of the file",
        "type": "array",
        "maxItems": MATCHES_MAX,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": entry,
            "dependentRequired": {"value": ["tag"]},
        },
    }
    return {
        "description": "Classes of traffic and what is promised to them: [lanes.NAME].",
        "type": "object",
        "maxProperties": LANES_MAX,
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
        },
    }


def _users_schema() -> dict[str, Any]:
    told = {
        "verifier": "SCRAM-SHA-256 verifier (`pglane verifier` makes one), or an md5 hash",
        "password": "what pglane logs in to PostgreSQL with in this user's name",
    }
    properties = {
        key + source: {"description": SOURCES[source].format(meaning=meaning), "type": "string"}
        for key, meaning in told.items()
        for source in SOURCES
    }
    return {
        "description": "Who may connect, one table a user: [users.NAME].",
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "properties": properties | _limits_schema("user", "users.NAME"),
        },
    }


def settings_page() -> str:
    """The reference page, in Markdown."""
    lines = [
        "# Settings",
        "",
        "<!-- made by tools/generate_reference.py from src/pglane/config/settings.py -->",
        "",
        "`pglane up --config pglane.toml` reads them; `pglane check pglane.toml` tells everything",
        "that is wrong with a file. Nothing has to be set. Options of the command line win over",
        "the file. What a reload applies is taken over by `kill -HUP` without a restart.",
        "",
        "A secret (marked) may stand in the file when others cannot read it, or elsewhere:",
        "`password_env` names a variable, `password_file` a file that holds it.",
        "",
    ]
    for section, meaning in SECTIONS.items():
        lines += [f"## [{section}]", "", meaning, ""]
        own = [each for each in file_descriptions() if each.section == section]
        if own:
            lines += ["| setting | default | limits | reload | meaning |", "|---|---|---|---|---|"]
            lines += [*[_row(setting) for setting in own], ""]
        if section in DOORS:
            lines += [_limits_line("door", section), ""]
    lines += _lanes_part()
    lines += [
        "## [users.NAME]",
        "",
        "One table a user, here or in the file that `clients.users_file` names. Without any, the",
        "role of `[server]` (or of the URI) may log in with its password, and nobody else.",
        "",
        "| setting | meaning |",
        "|---|---|",
        "| `verifier` (secret) | checks a client's password: `pglane verifier`, or md5 |",
        "| `password` (secret) | what pglane logs in to PostgreSQL with in this user's name |",
        f"| `{CERTIFICATE_NAMES.key}` | {CERTIFICATE_NAMES.meaning} |",
        "",
        _limits_line("user", "users.NAME"),
        "A table with limits only makes no user: it is for one of another file, or of the URI.",
        "",
        "## [databases.NAME]",
        "",
        "One table a database, for limits of its own.",
        "",
        _limits_line("database", "databases.NAME"),
        "",
        "Of limits in time the most specific holds: the user's, else the database's, else the",
        "door's, else that of `[clients]` or `[server]`; 0 lifts it. Limits in number hold side",
        "by side. [Limit times and numbers](../howto/limits.md) tells what each does.",
        "",
    ]
    return "\n".join(lines)


def _lanes_part() -> list[str]:
    lines = [
        "## [lanes.NAME]",
        "",
        "One table a lane: a class of traffic with its promise, in every database that its rules",
        "name. Without any, each user at each door is a lane of its own, of weight 1. A reload",
        "changes all of it while clients wait. To reserve more than there is, is refused.",
        "",
        "```toml",
        "[lanes.otp]",
        "reserve = 1",
        "borrow_hold_ms = 200",
        'match = [{ user = "mailer" }, { tag = "route", value = "/login*" }]',
        'allow = ["web"]',
        "",
        "[lanes.reports]",
        'door = "transaction"',
        "rank = 1",
        'match = [{ application_name = "report-*" }]',
        "```",
        "",
        "| setting | default | limits | reload | meaning |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(setting) for setting in lane_descriptions()]
    lines += [
        "| `match` | `[]` |  | yes | who belongs to it: a list of tables with the keys below |",
        "",
        "The first entry that fits says a client's lane; entries are read in the order of the",
        "file, all lanes together. All keys of an entry must fit. An entry with a `tag` is about",
        "single transactions, of whoever fits the rest of it; it is a wish of the client, so a",
        "lane that reserves something must name the client in `allow`.",
        "",
        "| key of `match` | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{key}` | {meaning} |" for key, meaning in MATCH_KEYS.items()]
    return [*lines, ""]


def _limits_line(scope: str, title: str) -> str:
    """Which limits may stand in a table."""
    limits = [key for key in own_descriptions(scope, title) if key != CERTIFICATE_NAMES.key]
    keys = ", ".join(f"`{key}`" for key in limits)
    return f"Limits of its own: {keys}."


def _row(setting: Description) -> str:
    limits = ""
    if isinstance(setting.default, int | float):
        limits = f"{setting.minimum} to {setting.maximum} {setting.unit}"
    elif setting.choices:
        limits = ", ".join(f"`{choice}`" for choice in setting.choices)
    default = example_of(setting).split(" = ", 1)[1] if setting.default else ""
    cells = (
        f"`{setting.key}`" + (" (secret)" if setting.secret else ""),
        f"`{default}`" if default else "none",
        limits,
        "yes" if setting.reloadable else "restart",
        setting.meaning.replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |"

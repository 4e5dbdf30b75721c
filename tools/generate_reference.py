"""Writes the pages of docs/reference that are made from the source.

    python tools/generate_reference.py            writes them
    python tools/generate_reference.py --check    fails when one of them is stale

Settings come from `pglane.config.settings`, refusals from the classes of `pglane.errors`, the
console's tables from `pglane.control.columns`, the metrics from `pglane.control.metrics`.
"""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pglane.errors
from pglane.config.schema import json_schema, settings_page
from pglane.control import columns, metrics
from pglane.errors import Refusal

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def errors_page() -> str:
    """Every refusal that can be met, by its code."""
    for module in pkgutil.iter_modules(pglane.errors.__path__):
        importlib.import_module(f"pglane.errors.{module.name}")
    lines = [
        "# Errors",
        "",
        "<!-- made by tools/generate_reference.py from src/pglane/errors -->",
        "",
        "Everything pglane can refuse. The code stands in DETAIL, in the log and here. Words in",
        "braces are filled in. *Retry* says whether the same request may be sent again: nothing",
        "of it was executed.",
        "",
    ]
    for code, refusal in sorted(pglane.errors.CATALOGUE.items()):
        lines += [
            f"## {code} {refusal.__name__}",
            "",
            (refusal.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", "\n"),
            "",
            f"- {_manner(refusal)}",
            f"- message: {_quoted(refusal.message)}",
            f"- detail: {_quoted(refusal.detail)}",
            f"- hint: {_quoted(refusal.hint)}",
            "",
        ]
    return "\n".join(lines)


def _manner(refusal: type[Refusal]) -> str:
    """What a program needs to know about it."""
    retry = "safe" if refusal.retry_safe else "not safe"
    end = "ends the connection" if refusal.fatal else "keeps the connection"
    return f"SQLSTATE `{refusal.sqlstate}`, retry {retry}, {end}, logged as {refusal.log_level}"


def _quoted(template: str) -> str:
    """A template as Markdown shows it unchanged."""
    return f"`{template}`" if template else "none"


def pages() -> dict[str, str]:
    """The text of every generated page, by file name."""
    return {
        "settings.md": settings_page(),
        "pglane.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "errors.md": errors_page(),
        "console.md": columns.markdown(),
        "metrics.md": metrics.markdown(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Writes or checks; 1 when a page is stale."""
    parser = argparse.ArgumentParser(description="make the generated pages of docs/reference")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    arguments = parser.parse_args(argv)
    stale = []
    for name, text in pages().items():
        file = REFERENCE / name
        if file.is_file() and file.read_text() == text:
            continue
        stale.append(name)
        if not arguments.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    if stale and arguments.check:
        print(f"stale: {', '.join(stale)}; run python {Path(__file__).name}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

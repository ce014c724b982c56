"""Write the blocks of the reference pages that repeat a schema, a table of the code, or the help of
a command.

    python -m tests.support.reference

A block is between two comments, of which the first names it: `<!-- reference: codes -->` and
`<!-- end -->`. The text between them is always generated.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kong_oam.__main__ import COMMANDS
from kong_oam.__main__ import main as run
from kong_oam.access.lint.finding import KINDS
from kong_oam.codes import CODES
from kong_oam.kong import versions
from kong_oam.oam.schema import schema
from policies.catalogue import RULES
from sandbox.progress import say
from tests.support.repository import ROOT

_BLOCK: Final = re.compile(
    r"(<!-- reference: ([\w :/-]+) -->\n).*?(<!-- end -->)", re.DOTALL
)
_SETTINGS: Final = ROOT / "kong_oam/access/settings/stack.schema.json"
_FIELDS: Final = "| field | meaning | required |\n|---|---|---|"


def block(name: str) -> str:
    """Return the text of a block. Raises ValueError for an unknown name."""
    kind, _, of = name.partition(" ")
    if name == "codes":
        rows = [
            f"| {code} | {known.title} | {known.remedy} |"
            for code, known in CODES.items()
        ]
        return "\n".join(
            ["| code | what it is | what to do |", "|---|---|---|", *rows]
        )
    if name == "policies":
        rows = [
            f"| `{rule.id}` | {rule.level} | {rule.title} | {', '.join(rule.controls)} |"
            for rule in RULES
        ]
        return "\n".join(
            [
                "| rule | level | what has to hold | evidence for |",
                "|---|---|---|---|",
                *rows,
            ]
        )
    if name == "lint":
        rows = []
        for code, kind_of_finding in KINDS.items():
            waivable = "yes" if kind_of_finding.waivable else "no"
            rows.append(
                f"| {code} | {kind_of_finding.title} | {kind_of_finding.remedy} | {waivable} |"
            )
        return "\n".join(
            [
                "| code | what is found | what to do | can be waived |",
                "|---|---|---|---|",
                *rows,
            ]
        )
    if name == "verbs":
        rows = [
            f"| [`{command.name}`](#{command.name}) | {command.summary} |"
            for command in COMMANDS
        ]
        return "\n".join(["| verb | what it does |", "|---|---|", *rows])
    if name == "kong versions":
        return _kong_versions()
    if name == "settings":
        return _table(json.loads(_SETTINGS.read_text("utf-8")))
    if name == "invariants":
        whole = schema("invariants")
        return _table({**whole["items"], "$defs": whole["$defs"]})
    if kind == "trait":
        return _table(schema(of))
    if kind == "help":
        return f"```text\n{_help(of.split())}```"
    raise ValueError(f"no reference block is named '{name}'")


def _kong_versions() -> str:
    """Return the tables of versions of Kong: proven, with a defect, and with a first feature."""
    proven = [
        f"| {entry.version} | {entry.nodes} | {entry.day} | {entry.left_out} |"
        for entry in versions.PROVEN
    ]
    defects = []
    for entries, effect in (
        (versions.FAILING, "an error"),
        (versions.FLAWED, "a warning"),
    ):
        for failing in entries:
            first = versions.in_words(failing.first)
            fixed = versions.in_words(failing.fixed)
            since = f"{first} up to " if any(failing.first) else ""
            defects.append(
                f"| {since}before {fixed} | {failing.defect} | {effect} |"
            )
    features = [
        f"| `{name}` | {versions.in_words(release)} |"
        for name, release in versions.SINCE.items()
    ]
    return "\n".join(
        [
            "| Kong | nodes | last run | not run there |",
            "|---|---|---|---|",
            *proven,
            "",
            "| versions | defect: this Kong ... | at a run |",
            "|---|---|---|",
            *defects,
            "",
            "| feature that a trait or setting may need | since Kong |",
            "|---|---|",
            *features,
        ]
    )


def _table(schema: Mapping[str, Any]) -> str:
    """Return a table with a row for each field of a JSON Schema, in the words of the schema."""
    rows = [
        f"| `{name}` | {text} | {'yes' if needed else ''} |"
        for name, text, needed in _fields(schema, schema)
    ]
    return "\n".join([_FIELDS, *rows])


def _fields(
    schema: Mapping[str, Any], node: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str, bool]]:
    """Yield name, description and whether it is required, for each field at any depth."""
    node = _resolved(schema, node)
    for name, part in node.get("properties", {}).items():
        inner = _resolved(schema, part)
        yield (
            f"{prefix}{name}",
            inner["description"],
            name in node.get("required", ()),
        )
        more = inner.get("additionalProperties")
        if "items" in inner:
            yield from _fields(schema, inner["items"], f"{prefix}{name}[].")
        elif isinstance(more, dict):
            yield from _fields(schema, more, f"{prefix}{name}.*.")
        else:
            yield from _fields(schema, inner, f"{prefix}{name}.")


def _resolved(
    schema: Mapping[str, Any], node: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return a part with the fields of the definition that it refers to. Its own fields win."""
    if "$ref" not in node:
        return node
    return {**schema["$defs"][node["$ref"].rpartition("/")[2]], **node}


def _help(arguments: list[str]) -> str:
    """Return the text that a command prints with `--help`, in lines of 80 characters."""
    printed = io.StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.suppress(SystemExit),
        ):
            run([*arguments, "--help"])
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return printed.getvalue()


def written(page: str) -> str:
    """Return the page with new text in each of its blocks."""
    return _BLOCK.sub(
        lambda match: f"{match[1]}{block(match[2])}\n{match[3]}", page
    )


def main() -> None:
    """Write the blocks of all pages below `docs/reference`."""
    for file in sorted((ROOT / "docs/reference").glob("*.md")):
        text = file.read_text("utf-8")
        now = written(text)
        if now != text:
            file.write_text(now, "utf-8")
            say(f"written: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

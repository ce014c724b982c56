"""Write findings as SARIF 2.1.0 (OASIS) for code scanning: file, line, column, and a fingerprint.

A fingerprint is a digest of names: code, application, component, field and value. It has no line,
so moving a file or adding a comment above makes no new finding. GitHub reads only
`primaryLocationLineHash`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import starmap
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kong_oam.access.data import JsonFields, JsonObject, Texts
from kong_oam.access.lint.finding import Kind
from kong_oam.diagnostics import Code, Codes, Diagnostic, Position
from kong_oam.oam.position import SourcePosition

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)

# The fields that identify an item of a list, in this order. Rules use their paths and methods.
_NAMES = ("name", "type", "component", "finding")


def document(
    diagnostics: Iterable[Diagnostic], root: Path, codes: Codes
) -> JsonObject:
    """Return a SARIF document: one run with a rule per code and a result per diagnostic.

    `root` is the root folder of the sources.
    """
    rules = [*starmap(_rule, codes.items())]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    occurrences: Counter[str] = Counter()
    results = []
    for diagnostic in diagnostics:
        print_ = fingerprint(diagnostic)
        occurrences[print_] += 1
        identity = f"{print_}:{occurrences[print_]}"
        result = _result(diagnostic, index[diagnostic.code], identity)
        position = diagnostic.position
        result["locations"] = [_location(position, root)] if position else []
        if diagnostic.related:
            result["relatedLocations"] = _related(diagnostic, root)
        results.append(result)
    driver = {"name": "Kong-OAM", "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, meaning: Code) -> JsonObject:
    remedy = f"Remedy: {meaning.remedy}."
    level = "warning"
    if meaning.title.endswith("(warning)"):
        remedy = f"{remedy} This does not stop a deployment."
    elif not isinstance(meaning, Kind):
        remedy = f"{remedy} Nothing is provisioned until this is corrected."
        level = "error"
    return {
        "id": code,
        "shortDescription": {"text": meaning.title},
        "fullDescription": {"text": meaning.title},
        "help": {"text": remedy},
        "defaultConfiguration": {"level": level},
    }


def _result(diagnostic: Diagnostic, rule: int, identity: str) -> JsonFields:
    text = diagnostic.message
    if diagnostic.command:
        text = f"{text}\nRun: {diagnostic.command}"
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": text},
        "partialFingerprints": {
            "kongOamFinding/v1": identity,
            "primaryLocationLineHash": identity,
        },
    }


def _location(position: Position, root: Path) -> JsonObject:
    region = {"startLine": position.line, "startColumn": position.column}
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(root / position.file, root),
            "region": region,
        }
    }


def _related(diagnostic: Diagnostic, root: Path) -> list[JsonObject]:
    """Return the other locations that a finding rests on, each with its label."""
    locations: list[JsonObject] = []
    for related in diagnostic.related:
        location = _location(related.position, root)
        locations.append({**location, "message": {"text": related.label}})
    return locations


def _artifact(file: Path, root: Path) -> Texts:
    """Return the file's address, relative to the root of the sources if the file is below it."""
    if not file.is_relative_to(root):
        return {"uri": file.as_uri()}
    return {
        "uri": quote(file.relative_to(root).as_posix()),
        "uriBaseId": "%SRCROOT%",
    }


def fingerprint(diagnostic: Diagnostic) -> str:
    """Return a fingerprint: 16 hexadecimal digits that stay the same as long as the finding."""
    position = diagnostic.position
    names = [position.file if position else "", diagnostic.message]
    if isinstance(position, SourcePosition):
        names = [*_names(position)]
    text = json.dumps([diagnostic.code, *names])
    return sha256(text.encode()).hexdigest()[:16]


def _names(position: SourcePosition) -> Iterable[str]:
    """Yield the application, the path with names for indexes, and the value if it is a text."""
    data = position.document.data
    metadata = data.get("metadata") if isinstance(data, dict) else None
    yield str(metadata.get("name")) if isinstance(metadata, dict) else ""
    for step in position.path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
        yield _name(data) if isinstance(step, int) else step
    if isinstance(data, str):
        yield data


def _name(item: Any) -> str:
    if not isinstance(item, Mapping):
        return ""
    if "paths" in item or "methods" in item:
        return json.dumps([item.get("paths"), item.get("methods")])
    return next((str(item[name]) for name in _NAMES if name in item), "")

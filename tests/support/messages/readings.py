"""Parsers of servers read messages: Python's `json`, JSON.parse and Go's encoding/json.

A reading is [number of messages in a batch, method, name, id]; None if the parser rejects the text.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Reading = list[Any] | None

HERE = Path(__file__).parent
NODE = shutil.which("node")
GO = shutil.which("go")


def read_by_python(bodies: Sequence[bytes]) -> list[Reading]:
    return [*map(_read, bodies)]


def _read(body: bytes) -> Reading:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(message, list):
        return [len(message), None, None, None]
    method, params, identifier = (
        _of(message, key) for key in ("method", "params", "id")
    )
    return [0, method, _of(params, "name"), identifier]


def _of(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def read_by_javascript(bodies: Sequence[bytes]) -> list[Reading]:
    assert NODE
    return _read_by([NODE, str(HERE / "reading.js")], bodies)


def read_by_go(bodies: Sequence[bytes]) -> list[Reading]:
    assert GO
    return _read_by([GO, "run", str(HERE / "reading.go")], bodies)


def _read_by(command: list[str], bodies: Sequence[bytes]) -> list[Reading]:
    sent = b"".join(base64.b64encode(body) + b"\n" for body in bodies)
    done = subprocess.run(command, input=sent, capture_output=True, check=True)
    lines = done.stdout.decode().removesuffix("\n").split("\n")
    assert len(lines) == len(bodies)
    return [*map(json.loads, lines)]

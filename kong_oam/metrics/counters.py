"""Counters of records (docs/reference/records.md), and the due dates of clients' keys, in
Prometheus' text format.

Written by hand: the format is a few lines, and a library would be a further dependency for every
user.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kong_oam.kong.names import owner_of
from kong_oam.metrics.records import VERSION, values_in
from kong_oam.oam.position import Fields

# Codes that no caller can cause: the gateway's scripts, or the plugins beside them, differ from the
# deployed state.
FAILURES = frozenset({"failed", "not-admitted", "record-failed"})

# The most combinations of labels to count; further records count as unread. An estate of thousands
# of components has a tenth of that.
LARGEST = 10_000

_LABELS = ("stack", "component", "decision", "code", "status")
_OLD_LABELS = ("stack", "component", "caller", "by", "decision")
_LABEL = re.compile(r"[A-Za-z0-9._/-]{0,256}\Z")

Key = tuple[str, ...]


class Counters:
    """Counters of records. A line without a record, or with another version, counts as unread."""

    def __init__(self) -> None:
        self._decisions: Counter[Key] = Counter()
        self._old_credentials: Counter[Key] = Counter()
        self._failures = 0
        self._unread = 0

    def add(self, line: str | bytes) -> None:
        """Count a line of a log: a record, or a list of records."""
        try:
            values = values_in(line)
        except ValueError:
            self._unread += 1
            return
        for value in values:
            self._count(value)

    def _count(self, record: Any) -> None:
        key = _key(record)
        # A writer of the log could make up labels without end.
        is_full = len(self._decisions) >= LARGEST
        if key is None or (is_full and key not in self._decisions):
            self._unread += 1
            return
        self._decisions[key] += 1
        self._failures += record["code"] in FAILURES
        if "by" in record:
            self._count_old_credential(record)

    def _count_old_credential(self, record: Fields) -> None:
        key = tuple(str(record.get(name, "")) for name in _OLD_LABELS)
        is_full = len(self._old_credentials) >= LARGEST
        is_new = key not in self._old_credentials
        if all(map(_LABEL.match, key)) and not (is_full and is_new):
            self._old_credentials[key] += 1

    def lines(self) -> Iterator[str]:
        """Yield the lines of the text."""
        yield from _head(
            "kong_oam_decisions_total",
            "counter",
            "Requests by decision and reason.",
        )
        for key, count in sorted(self._decisions.copy().items()):
            yield f"kong_oam_decisions_total{_labels_text(zip(_LABELS, key, strict=True))} {count}"
        if self._old_credentials:
            yield from self._old_credential_lines()
        yield from _head(
            "kong_oam_failures_total",
            "counter",
            "Requests whose plugins or record failed.",
        )
        yield f"kong_oam_failures_total {self._failures}"
        yield from _head(
            "kong_oam_unread_lines_total",
            "counter",
            "Lines of the log that are not records.",
        )
        yield f"kong_oam_unread_lines_total {self._unread}"

    def _old_credential_lines(self) -> Iterator[str]:
        name = "kong_oam_old_credentials_total"
        yield from _head(
            name, "counter", "Requests of callers with an old key or password."
        )
        for key, count in sorted(self._old_credentials.copy().items()):
            labels = _labels_text(zip(_OLD_LABELS, key, strict=True))
            yield f"{name}{labels} {count}"


def due_date_lines(outputs: Fields) -> Iterator[str]:
    """Yield the lines with the due date of each client's key, from the outputs of the stack. Raises
    ValueError if `credentials` is missing or has another form."""
    credentials = outputs.get("credentials")
    if not isinstance(credentials, Mapping):
        raise ValueError("the stack has no output `credentials`")
    name = "kong_oam_key_due_timestamp_seconds"
    yield from _head(
        name,
        "gauge",
        "Due date of the replacement of a client's key or shared secret.",
    )
    for holder, recorded in sorted(credentials.items()):
        client, _, provider = holder.partition(" at ")
        due_on = recorded.get("due") if isinstance(recorded, Mapping) else None
        if not isinstance(due_on, str):
            raise ValueError(f"{holder} has no due date of its key")
        day = datetime.fromisoformat(due_on).replace(tzinfo=UTC)
        labels = _labels_text((("client", client), ("provider", provider)))
        yield f"{name}{labels} {int(day.timestamp())}"


def _key(record: Any) -> Key | None:
    """Return the labels of a record; None if it is not a record."""
    if (
        not isinstance(record, dict)
        or record.get("version") != VERSION
        or not isinstance(record.get("code"), str)
    ):
        return None
    values = {**_service_labels(record), **record}
    key = tuple(str(values.get(name, "")) for name in _LABELS)
    return key if all(map(_LABEL.match, key)) else None


def _service_labels(record: Fields) -> Fields:
    """Return the labels that a record's Kong service gives. A record of a failure has little more
    than its code."""
    service = record.get("service")
    response = record.get("response")
    name = service.get("name") if isinstance(service, dict) else None
    status = response.get("status", "") if isinstance(response, dict) else ""
    stack, component = (isinstance(name, str) and owner_of(name)) or ("", "")
    return {"stack": stack, "component": component, "status": status}


def _head(name: str, kind: str, about: str) -> tuple[str, str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"


def _labels_text(labels: Iterable[tuple[str, str]]) -> str:
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{','.join(pairs)}}}"


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

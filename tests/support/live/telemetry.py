"""Logs as an OpenTelemetry collector writes them into a file: OTLP in JSON, a line for each batch."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)


def collector_file(payloads: Iterable[bytes]) -> str:
    """Return the text of the collector's file for requests in protobuf, as a gateway sends them.

    The collector writes ids in hexadecimal, and this text has them in base64. Records have no ids.
    """
    lines = []
    for payload in payloads:
        request = ExportLogsServiceRequest.FromString(payload)
        lines.append(MessageToJson(request, indent=None) + "\n")
    return "".join(lines)

"""Compile `forward`: the paths at the workload for exposed paths."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.compile.elements import elements_of
from kong_oam.access.data import PathSegments, Texts
from kong_oam.access.endpoint import Endpoints
from kong_oam.access.forward import Forward, Forwards
from kong_oam.access.paths import folded, within, written
from kong_oam.diagnostics import Diagnostic, Report, some
from kong_oam.oam.position import SourcePosition


def forwards_of(
    forward: Texts,
    position: SourcePosition,
    endpoints: Endpoints,
    out: Report,
) -> Forwards:
    """Compile the forwards of a component. Findings are added to `out`.

    A key concerns the ports of the longest gateway path above it.
    """
    result = []
    known: dict[PathSegments, str] = {}
    for text, target in forward.items():
        where = position.at("forward").key(text)
        path = elements_of(text, where, out)
        at_target = position.at("forward", text)
        if path is None or elements_of(target, at_target, out) is None:
            continue
        twin = known.setdefault(folded(path), text)
        if twin != text:
            message = f"some servers read '{text}' and '{twin}' as one path; remove one of them"
            out.append(Diagnostic("ACC267", message, where))
        ports = tuple(_ports(path, endpoints))
        if endpoints and not ports:
            exposed = some(
                dict.fromkeys(written(endpoint.path) for endpoint in endpoints)
            )
            message = f"path '{text}' is outside the paths of the gateway trait: {exposed}"
            out.append(Diagnostic("ACC265", message, where))
        for port in dict.fromkeys(ports):
            result.append(Forward(port, path, target, at_target))
    return tuple(result)


def _ports(path: PathSegments, endpoints: Endpoints) -> Iterator[str]:
    above = [endpoint for endpoint in endpoints if within(path, endpoint.path)]
    longest = max((len(endpoint.path) for endpoint in above), default=0)
    for endpoint in above:
        if len(endpoint.path) == longest:
            yield endpoint.port_name

"""The path that a workload gets for an exposed path.

The gate decides on the exposed path. Then it replaces the longest key above the path by the key's
target. It joins target and rest as Kong joins a service's path and the rest behind a route's path.

Source: kong/router/utils.lua, with `strip_path` and `path_handling: v0`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kong_oam.access.data import PathSegments
from kong_oam.access.paths import within, written
from kong_oam.oam.position import SourcePosition


@dataclass(frozen=True, slots=True)
class Forward:
    """A key of `forward`: requests at or below `path` go to `target` at the workload.

    `port`: the name of the port whose requests it concerns. `target` is a text, because its slash
    at the end counts for the root.
    """

    port: str
    path: PathSegments
    target: str
    position: SourcePosition = field(compare=False)

    def sent(self, path: PathSegments) -> str:
        """Return the text of the path at the workload for a path at or below the key."""
        rest = written(path[len(self.path) :])
        if path == self.path:
            is_root = not path
            return self.target if is_root else _bare(self.target) or "/"
        return _bare(self.target) + rest


# The forwards of a component, in order.
Forwards = tuple[Forward, ...]


def forward_of(
    forwards: Iterable[Forward], port: str, path: PathSegments
) -> Forward | None:
    """Return the longest forward of the port above the path, or None."""
    above = [
        forward
        for forward in forwards
        if forward.port == port and within(path, forward.path)
    ]
    return max(above, key=lambda forward: len(forward.path), default=None)


def sent_path(forward: Forward | None, path: PathSegments) -> str:
    """Return the text of the path at the workload."""
    return forward.sent(path) if forward else written(path)


def _bare(target: str) -> str:
    return target.removesuffix("/")

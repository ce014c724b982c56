"""What tells the workload of a component from others, by a digest.

Whoever holds a client's credential is known by it, so that a component with another name is seen to
be the same one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kong_oam.access.data import YamlObject
from kong_oam.access.model import Component


def workload_of(component: Component) -> str:
    """What tells the component's workload from others."""
    return component.workload.label or digest_of(component, {})


def digest_of(component: Component, properties: YamlObject) -> str:
    """A digest that is the same for the same workload in the same (first) place, whatever its
    component is called, and whichever version of its images runs.

    Where nothing is said of a workload, as of an application on its users' devices, only the name
    tells it from others. The workload behind a Service that an access trait names is the pods with
    its labels.
    """
    content: Any = _unversioned(properties) or component.key
    # The properties say all that a plain object does.
    if defined := [
        rendered.object
        for rendered in component.workload.rendered
        if not rendered.plain
    ]:
        names = {component.name, component.application}
        objects = [
            _nameless(_unversioned(rendered), names) for rendered in defined
        ]
        content = [_unversioned(properties), objects]
    if named := component.workload.named_service:
        content = [content, named.port, named.target, named.labels]
    text = json.dumps(
        [component.at, component.type, content], sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _unversioned(value: Any) -> Any:
    """A value in which each `image` has neither tag nor digest."""
    if isinstance(value, list | tuple):
        return [*map(_unversioned, value)]
    if not isinstance(value, Mapping):
        return value
    unversioned = {key: _unversioned(inner) for key, inner in value.items()}
    image = value.get("image")
    if isinstance(image, str):
        unversioned["image"] = _repository(image)
    return unversioned


def _repository(image: str) -> str:
    """`registry:5000/team/shop` of `registry:5000/team/shop:1.4@sha256:...`."""
    repository, _, last = image.partition("@")[0].rpartition("/")
    return f"{repository}/{last.partition(':')[0]}"


def _nameless(value: Any, names: set[str]) -> Any:
    """An object without its own metadata, and with nothing in the place of any of these names."""
    if isinstance(value, Mapping):
        left_out = ("metadata",) if "apiVersion" in value else ()
        return {
            str(key): _nameless(inner, names)
            for key, inner in value.items()
            if key not in left_out
        }
    if isinstance(value, list | tuple):
        return [_nameless(inner, names) for inner in value]
    return None if isinstance(value, str) and value in names else value

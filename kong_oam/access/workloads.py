"""Digests that identify the workload of a component.

A workload identifies the holder of a client's credential, so a renamed component is recognized.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from kong_oam.access.model import Component, WorkloadSpec
from kong_oam.oam.position import Fields

_ENCODER = json.JSONEncoder(sort_keys=True, default=str)


def workload_of(component: Component) -> str:
    """Return the identity of the component's workload."""
    workload = component.workload
    return workload.label or digest_of(
        component.application, component.name, component.type, workload, {}
    )


def digest_of(
    application: str,
    name: str,
    kind: str,
    workload: WorkloadSpec,
    properties: Fields,
) -> str:
    """Return a digest of a workload in its (first) place, independent of its component's name and
    its images' versions.

    Without data about a workload, as for an application on users' devices, only the name identifies
    it. The workload behind a Service in an access trait is identified by the labels of its pods.
    """
    unversioned = _unversioned(properties)
    content: Any = unversioned or f"{application}/{name}"
    # For a plain object, the properties are complete.
    if defined := [
        rendered.object for rendered in workload.rendered if not rendered.plain
    ]:
        names = {name, application}
        objects = [
            _without_names(_unversioned(rendered), names)
            for rendered in defined
        ]
        content = [unversioned, objects]
    if named := workload.named_service:
        content = [content, named.port, named.target, named.labels]
    text = _ENCODER.encode([workload.at, kind, content]).encode()
    return sha256(text).hexdigest()[:32]


def _unversioned(value: Any) -> Any:
    """Return a value in which no `image` has a tag or digest."""
    if isinstance(value, str):  # the usual case, and faster
        return value
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
    """Return `registry:5000/team/shop` for `registry:5000/team/shop:1.4@sha256:...`."""
    repository, _, last = image.partition("@")[0].rpartition("/")
    return f"{repository}/{last.partition(':')[0]}"


def _without_names(value: Any, names: set[str]) -> Any:
    """Return an object without its own metadata, with None in place of these names."""
    if isinstance(value, str):  # the usual case, and faster
        return None if value in names else value
    if isinstance(value, Mapping):
        left_out = ("metadata",) if "apiVersion" in value else ()
        return {
            str(key): _without_names(inner, names)
            for key, inner in value.items()
            if key not in left_out
        }
    if isinstance(value, list | tuple):
        return [_without_names(inner, names) for inner in value]
    return value

"""Where values may stand that only the cluster knows: nowhere that anybody judges by them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import STAND_IN, RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.identity import accounts_named, secrets_named
from kong_oam.objects.pods import Path, pod_templates

_TAKING: Final[dict[tuple[str, str], Path]] = {
    ("", "ConfigMap"): ("data",),
    ("terraform.core.oam.dev", "Configuration"): ("spec", "variable"),
}
"""The mappings whose values are for a program to read, and not for the cluster."""
_OF_CONTAINERS: Final = (("env", "value"), ("args",), ("command",))


def awaited_refused(component: JudgedComponent, one: RenderedObject) -> Iterator[Diagnostic]:
    """Yields where a value stands that is known only once another component is deployed, and that decides something."""
    if not one.awaited:
        return
    found = tuple(_stand_ins(one.object, ()))
    taking = _TAKING.get(one.group_kind)
    templates = pod_templates(one.object, one.pod_spec_path or None)
    lists = [path for template in templates for path, _ in template.containers()]
    judged = {path for path, *_ in (*secrets_named(one.inside), *accounts_named(one.inside))}
    for path in found:
        if path in judged or not (path[:-1] == taking or any(_is_of_container(path, above) for above in lists)):
            message = (
                f"{dotted(path)} would be what another component gives once it is deployed (inputs), and it decides "
                "what nobody could judge then; such a value goes into env, args and command of containers, data of a "
                "ConfigMap and variables of Terraform alone"
            )
            yield component.refused("OAM108", one, message)


def _is_of_container(path: Path, container: Path) -> bool:
    """Whether a path leads to a text in the container at another one that is for its program."""
    length = len(container)
    return path[:length] == container and tuple(one for one in path[length:] if not one.isdecimal()) in _OF_CONTAINERS


def _stand_ins(value: Any, path: Path) -> Iterator[Path]:
    """Yields the paths of the texts with a stand-in, and of the mappings that have one in a key."""
    if isinstance(value, str):
        if STAND_IN.search(value):
            yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if STAND_IN.search(str(key)):
                yield (*path, str(key), "")
            yield from _stand_ins(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _stand_ins(item, (*path, str(index)))

"""Where values may stand that only the cluster knows: nowhere that anybody judges by them. Pure."""

from __future__ import annotations

from typing import Final

from kong_oam.diagnostics import Findings
from kong_oam.oam.rendered import STAND_IN, GroupKind, RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.pods import Path, pod_templates
from kong_oam.objects.references import accounts_named, secrets_named
from kong_oam.objects.texts import texts_in

_TAKING: Final[dict[GroupKind, Path]] = {
    ("", "ConfigMap"): ("data",),
    ("terraform.core.oam.dev", "Configuration"): ("spec", "variable"),
}
"""The mappings whose values are for a program to read, and not for the cluster."""
_OF_CONTAINERS: Final = (("env", "value"), ("args",), ("command",))


def awaited_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield where a value stands that is known only once another component is deployed, and that
    decides something."""
    if not rendered.awaited:
        return
    judged = {path for path, *_ in secrets_named(rendered.inside)}
    judged |= {path for path, _ in accounts_named(rendered.inside)}
    containers: list[Path] = []
    for template in pod_templates(
        rendered.object, rendered.pod_spec_path or None
    ):
        containers += [path for path, _ in template.containers()]
    for text in texts_in(rendered.object, ()):
        path = text.path
        if path != text.position or not STAND_IN.search(text.text):
            continue  # a text within a text is told of as that
        is_taken = path[:-1] == _TAKING.get(rendered.group_kind) or any(
            _is_of_container(path, container) for container in containers
        )
        if text.is_key or path in judged or not is_taken:
            message = (
                f"{dotted(path)} would be what another component gives once it is deployed "
                "(inputs), and it decides what nobody could judge then; such a value goes into "
                "env, args and command of containers, data of a ConfigMap and variables of "
                "Terraform alone"
            )
            yield component.refused("OAM108", rendered, message)


def _is_of_container(path: Path, container: Path) -> bool:
    """Tell whether a path leads to a text in the container at another one that is for its
    program."""
    length = len(container)
    fields = tuple(step for step in path[length:] if not step.isdecimal())
    return path[:length] == container and fields in _OF_CONTAINERS

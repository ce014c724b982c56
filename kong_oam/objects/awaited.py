"""Check the positions of values that only the cluster knows. Pure."""

from __future__ import annotations

from kong_oam.diagnostics import Findings
from kong_oam.oam.rendered import PLACEHOLDER, RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.pods import Path, pod_templates
from kong_oam.objects.references import accounts_named, secrets_named
from kong_oam.objects.texts import texts_in

# The mappings whose values only a program reads.
_TAKING = {
    ("", "ConfigMap"): ("data",),
    ("terraform.core.oam.dev", "Configuration"): ("spec", "variable"),
}
_OF_CONTAINERS = (("env", "value"), ("args",), ("command",))


def awaited_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield a finding for each value of another component at a position that is checked."""
    if not rendered.awaited:
        return
    judged = {path for path, *_ in secrets_named(rendered.inside)}
    judged |= {path for path, _ in accounts_named(rendered.inside)}
    containers = []
    for template in pod_templates(
        rendered.object, rendered.pod_spec_path or None
    ):
        containers += [path for path, _ in template.containers()]
    for text in texts_in(rendered.object, ()):
        path = text.path
        if path != text.position or not PLACEHOLDER.search(text.text):
            continue  # reported as the text around it
        is_taken = path[:-1] == _TAKING.get(rendered.group_kind) or any(
            _is_of_container(path, container) for container in containers
        )
        if text.is_key or path in judged or not is_taken:
            message = (
                f"{dotted(path)} takes a value of another component (inputs), "
                "which cannot be checked. Use inputs only in env, args and "
                "command of containers, data of a ConfigMap, and variables of "
                "Terraform"
            )
            yield component.refused("OAM108", rendered, message)


def _is_of_container(path: Path, container: Path) -> bool:
    """Tell whether a path leads to a text for the program in the container."""
    length = len(container)
    fields = tuple(step for step in path[length:] if not step.isdecimal())
    return path[:length] == container and fields in _OF_CONTAINERS

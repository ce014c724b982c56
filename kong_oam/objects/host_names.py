"""Find host names in the texts of an object, at places where programs read a host. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.known_kinds import may_name_objects
from kong_oam.objects.pods import mapping, mappings

# A word that may be a host name, and the port after it. No other character of a host may follow.
NAME = re.compile(
    r"(?<![\w.-])([a-z](?:[a-z0-9.-]{0,251}[a-z0-9])?)\.?(?:[: ](\d{1,5}))?(?![\w.:@%$({-])",
    re.IGNORECASE,
)
# The end of the name of a variable, field or flag with a host.
_FIELD = (
    r"(?:host(?:_?name)?|ur[il]|addr(?:ess)?|server|endpoint|dsn|broker|service|svc|node|seed"
    r"|[_-]ip)(?:e?s)?(?:_?\d+)?"
)
# A URL, `user:password@`, a field or flag with `:` or `=`, or a flag.
_BEFORE_HOST = re.compile(
    rf"""(?:://(?:[^\s/@"']{{0,200}}@)?|[\w)]@|{_FIELD}["']?[ \t]*[:=][ \t]*["']?"""
    rf"""|(?<!\S)-(?:h|[\w.-]{{0,60}}?{_FIELD})[ ]["']?)\Z""",
    re.IGNORECASE,
)
# A comment, or a variable with hosts that others call.
_NO_HOST = re.compile(
    r"""^[ \t]*(?:\#|//|;)|(?:origins?|allowed_?hosts|no_?proxy)["']?[ \t]*[:=][ \t]*\S*\Z""",
    re.IGNORECASE,
)
# The fields of pods that name a ConfigMap or Secret.
_REFERENCES = {
    "configMap": "ConfigMap",
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
    "secret": "Secret",
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
}


def line_of(found: re.Match[str]) -> str:
    """Return the line with a name."""
    start = found.string.rfind("\n", 0, found.start()) + 1
    return found.string[start:].partition("\n")[0]


def is_host(found: re.Match[str], *, has_port: bool) -> bool:
    """Return whether a name is a host: at a place for hosts, or with a suffix of the cluster.

    So is a name with a port of its Service (`has_port`), and a whole value with a namespace.
    """
    before = found.string[: found.start()].rpartition("\n")[2][-300:]
    if _NO_HOST.search(before):
        return False
    if _BEFORE_HOST.search(before):
        return True
    name = found[1]
    is_value = "." in name and line_of(found).endswith(f"={name}")
    is_word = has_port or ".svc" in name or is_value
    return is_word and not before.endswith(("/", "@", ":", "$"))


def text_of(rendered: RenderedObject) -> str:
    """Return the text that the pods of an object read: a line for each variable and command, and
    all fields of an unknown kind."""
    lines = [str(rendered.spec)] if may_name_objects(rendered) else []
    for template in component_pods(rendered):
        for _, container in template.containers():
            for variable in mappings(container.get("env")):
                lines.append(f"{variable.get('name')}={variable.get('value')}")
            for field in ("command", "args"):
                words = container.get(field) or ()
                lines.append(" ".join(map(str, words)))
    return "\n".join(lines)


def text_in_source(source: RenderedObject, key: str) -> str:
    """Return the text of a ConfigMap or Secret, or only of one of its keys."""
    lines = []
    for field in ("data", "stringData"):
        for name, value in mapping(source.object.get(field)).items():
            if key in ("", name):
                lines.append(f"{name}={value}")
    return "\n".join(lines)


def references_in(rendered: RenderedObject) -> Iterator[tuple[str, str, str]]:
    """Yield the ConfigMaps and Secrets that the pods of an object read: kind, name, and key; no key
    for all texts."""
    if rendered.inert:
        return
    for path, holder in rendered.inside:
        kind = _REFERENCES.get(path[-1]) if path else None
        name = holder.get("name") or holder.get("secretName")
        if kind and name:
            yield kind, str(name), str(holder.get("key") or "")

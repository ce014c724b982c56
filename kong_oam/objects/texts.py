"""Collect the texts and mappings that a controller may read in an object. Pure.

YAML or JSON in a text counts like the mapping or list that it contains.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from kong_oam.diagnostics import Findings
from kong_oam.oam.document import read
from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import Objects, RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.known_kinds import is_controlled, is_unknown_kind
from kong_oam.objects.pods import Path, mapping
from kong_oam.objects.selection import APPLICATION, COMPONENT

# A possible object name, or a part of a name between dots. `name` alone is no word of `my-name`.
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"[\w.-]+")
_OF_ACCOUNT = "serviceaccount"
_SAYS_ACCOUNT = re.compile(r"service[\W_]?account", re.IGNORECASE)
_LONGEST_FIELD = 253
# The limit of nested texts.
_DEEPEST = 3
# The start of a template, whose result is unknown. So templates are not read as YAML.
_TEMPLATE = "{{"
# A field and its value in a template, in HCL, or in other text.
_PAIR = re.compile(
    r"""(?<![\w.-])([\w.-]{1,253})["']*\s*[:=]\s*["']*(?=([^\s"',}\]]{1,253}))"""
)
_COMMENT = re.compile(r"#[^\n]*")
# A field that every object has.
_OF_OBJECT = re.compile(
    # Before a colon, in quotes, or after an anchor, whose alias becomes a field.
    r"""(?<![\w.-])(apiVersion|kind)["'`\])]*\s*[:=]"""
    r"""|["'`](apiVersion|kind)["'`]"""
    r"""|&[^\s&]+\s+(?:!\S*\s+)?(apiVersion|kind)(?![\w.-])"""
)
# The value after a label in a text.
_VALUE = r"""(?:["'\])]*\s*(?:==?|:)\s*["']?([\w.-]*))?"""
# A label of a NetworkPolicy's pod selector, and its value.
_MARK = re.compile(
    rf"({re.escape(APPLICATION)}|{re.escape(COMPONENT)})(?![\w-]|\.\w){_VALUE}"
)
# A character escaped in JSON, YAML or an address.
_ESCAPED = re.compile(
    r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|%([0-9A-Fa-f]{2})"
    r"|\\U(00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})|\\[nrt]"
)
# A backslash at a line's end, also in JSON, and the indentation of the next line.
_CONTINUED = re.compile(r"(?<!\\)(?:\\+\r?\n|(?:\\\\)+\\n)[ \t]*")
# A value encoded with YAML's `!!binary`, on one or several lines. A `%TAG` may replace the start of
# the tag.
_ENCODED = re.compile(
    r"""(?<=[!:])b?i?n?a?r?y>?(?:\s+[&|>]\S{0,99}){0,3}\s+["']*"""
    r"""([A-Za-z0-9+/=]+(?:\s+[A-Za-z0-9+/=]+(?![A-Za-z0-9+/=]|["']?[ \t]*:))*)"""
)
# Kubernetes' fields that select neighbouring pods.
_OTHER_PODS = frozenset({"podAffinity", "podAntiAffinity"})
TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type of Secrets


# The ConfigMaps and Secrets that components render, by namespace, kind and name.
Sources = Mapping[tuple[str, str, str], Objects]


class Text(NamedTuple):
    """A text in an object."""

    # Its path, including the path of the text around it.
    path: Path
    # The path of the outermost text.
    position: Path
    text: str
    # The mapping around it, or around its list.
    beside: Fields
    is_key: bool
    # Whether it may name a ServiceAccount.
    of_account: bool
    # Whether it is also read as YAML or JSON.
    is_read: bool

    @property
    def of_namespace(self) -> bool:
        """Whether its field names a namespace."""
        fields = self.path[:-1] if self.is_key else self.path
        return any("namespace" in normalized(field) for field in fields)

    @property
    def unescaped(self) -> str:
        """The text without escapes of JSON, YAML, JSON Patch, addresses and Helm's value paths."""
        return _unescaped(self.text)

    @property
    def has_unreadable_object(self) -> bool:
        """Whether it contains an object that cannot be read."""
        fields = {
            "".join(found) for found in _OF_OBJECT.findall(self.unescaped)
        }
        return len(fields) == 2 and not self.is_read

    @property
    def words(self) -> dict[str, None]:
        """Its words that may be names of objects, or parts of names between dots."""
        return dict.fromkeys(_WORD.findall(self.unescaped))


class Reading(NamedTuple):
    """Texts and mappings at any depth, including those in texts. A text that is no YAML has a
    mapping for each field."""

    texts: list[Text]
    inside: list[tuple[Path, Fields]]


def reading(rendered: RenderedObject) -> Reading:
    """Return everything that a controller may read in an object, except its `metadata`."""
    return rendered.recall(_read_object)


def _read_object(rendered: RenderedObject) -> Reading:
    fields = dict(rendered.object)
    fields.pop("metadata", None)
    return _reading_of(fields, ())


def texts_in(value: Any, path: Path) -> list[Text]:
    """Return the texts in a value at a path."""
    return _reading_of(value, path).texts


def texts_of_data(found: Fields) -> list[Text]:
    """Return the texts in the data of a ConfigMap or Secret."""
    texts = []
    for field in ("data", "stringData", "binaryData"):
        data = found.get(field)
        is_secret = field == "data" and found.get("kind") == "Secret"
        if (is_secret or field == "binaryData") and isinstance(data, Mapping):
            data = _all_decoded(data)
        texts += texts_in(data, (field,))
    return texts


def _all_decoded(data: Fields) -> dict[str, str]:
    return {
        key: _decoded(value)
        for key, value in data.items()
        if isinstance(value, str)
    }


def label_refused(text: Text, component: JudgedComponent) -> str:
    """Return what is wrong with a text that sets another component's label, or an unreadable value
    for it. Empty if nothing is."""
    plain = text.unescaped
    if text.is_read or "oam.dev" not in plain or _only_reads_pods(text.path):
        return ""
    for match in _MARK.finditer(plain):
        label = match[1]
        value = match[2]
        own = component.application if label == APPLICATION else component.name
        if value is None and plain.endswith(label):
            if text.is_key:
                value = text.beside.get(text.text)
            elif _selects(text.beside, text.text, own):
                continue
        if value != own:
            return (
                f"sets {label}, but not to '{own}', so pods could pass for "
                f"another component's; write '{own}', or remove it"
            )
    return ""


def label_values(text: Text, key: str) -> Iterator[str]:
    """Yield the values that a text may give to a pod label: in the text, and beside it."""
    plain = text.unescaped
    if text.is_read or key not in plain or _only_reads_pods(text.path):
        return
    if text.is_key and plain.endswith(key):
        yield str(text.beside.get(text.text))
    else:
        yield from _LABEL_VALUE.findall(plain.replace(key, " "))
        yield from _direct(text.beside)


@lru_cache(4096)
def normalized(field: str) -> str:
    """Return a field's name in lower case, without separators."""
    return "".join(letter for letter in field.lower() if letter.isalnum())


def _reading_of(value: Any, path: Path) -> Reading:
    found = Reading([], [])
    _collect(found, value, path, _Where((), {}, below_account=False))
    return found


class _Where(NamedTuple):
    """The context of a value in an object."""

    # The paths of the texts around it.
    within: tuple[Path, ...]
    beside: Fields
    # Whether a mapping around it has a ServiceAccount.
    below_account: bool
    # Whether a text beside it names a ServiceAccount: `kind: ServiceAccount`, or a variable.
    says_account: bool = False


def _collect(found: Reading, value: Any, path: Path, where: _Where) -> None:
    if isinstance(value, str):
        _collect_text(found, value, path, where)
    elif isinstance(value, Mapping):
        _collect_mapping(found, value, path, where)
    elif isinstance(value, list | tuple):
        # Such as the arguments `--service-account` and NAME.
        says_account = where.says_account or _says_account(value)
        inner = where._replace(says_account=says_account)
        for index, item in enumerate(value):
            _collect(found, item, (*path, str(index)), inner)


def _collect_text(found: Reading, text: str, path: Path, where: _Where) -> None:
    within = where.within
    read = _read(text) if len(within) < _DEEPEST else None
    is_read = read is not None
    of_account = where.says_account or _is_of_account(
        path, below=where.below_account
    )
    if not of_account and not is_read:
        of_account = _SAYS_ACCOUNT.search(_unescaped(text)) is not None
    place = within[0] if within else path
    found.texts.append(
        Text(path, place, text, where.beside, False, of_account, is_read)
    )
    if is_read:
        inner = _Where((*within, path), where.beside, where.below_account)
        _collect(found, read, path, inner)
        return
    for field, value in _PAIR.findall(_unescaped(text)):
        found.inside.append((path, {field: value}))


def _collect_mapping(
    found: Reading, fields: Fields, path: Path, where: _Where
) -> None:
    found.inside.append((path, fields))
    says_account = _says_account(fields.values())
    below_account = where.below_account or says_account
    inner = _Where(where.within, fields, below_account, says_account)
    # Its keys may be names: `serviceAccounts: {web: {}}`.
    of_accounts = _is_of_account(path, below=where.below_account)
    for key, value in fields.items():
        at = (*path, str(key))
        place = where.within[0] if where.within else at
        found.texts.append(
            Text(at, place, str(key), fields, True, of_accounts, False)
        )
        _collect(found, value, at, inner)


def _says_account(values: Iterable[Any]) -> bool:
    return any(
        isinstance(value, str) and _names_account(value) for value in values
    )


def _read(text: str) -> Any:
    """Return the YAML or JSON in a text; None if it is plain text, or if readers may differ."""
    if ":" not in text or _TEMPLATE in text:
        return None
    documents, wrong = read("", text.encode("utf-8", "replace"))
    values = [document.data for document in documents if document.data != text]
    if wrong or not values:
        return None
    return values[0] if len(values) == 1 else values


def _unescaped(text: str) -> str:
    """Return a text without escapes. If readers interpret it differently, append the second
    version."""
    if not any(mark in text for mark in ("\\", "%", "~1", "#", "binary")):
        return text
    # YAML joins lines that a shell keeps apart.
    text = _ESCAPED.sub(_character, _with_alternative(text, _CONTINUED, ""))
    text = text.replace("~1", "/").replace("\\", "")
    text = _with_alternative(text, _COMMENT, "")
    return _with_alternative(
        text, _ENCODED, lambda encoded: _decoded(encoded[1])
    )


def _with_alternative(
    text: str, pattern: re.Pattern[str], replacement: Any
) -> str:
    changed = pattern.sub(replacement, text)
    return text if changed == text else f"{text}\n{changed}"


def _character(escaped: re.Match[str]) -> str:
    number = "".join(filter(None, escaped.groups()))
    return chr(int(number, 16)) if number else "\n"


def _is_of_account(path: Path, *, below: bool) -> bool:
    """Tell whether the field at a path is a ServiceAccount, or a name in a field about
    ServiceAccounts. `below`: whether a mapping around it has a ServiceAccount."""
    fields = [step for step in path if not step.isdecimal()]
    if not fields:
        return False
    is_name = normalized(fields[-1]).endswith("name")
    if below and is_name:
        return True
    if "".join(fields[-2:-1]).lower().endswith("serviceaccounts"):
        return True
    looked_at = fields if is_name else fields[-1:]
    return any(_OF_ACCOUNT in normalized(field) for field in looked_at)


def _names_account(text: str) -> bool:
    """Tell whether a text is a field or kind about ServiceAccounts. A path in a pod is not."""
    is_short = len(text) <= _LONGEST_FIELD and not text.startswith("/")
    return is_short and normalized(text).removesuffix("name").endswith(
        _OF_ACCOUNT
    )


def _only_reads_pods(path: Path) -> bool:
    """Tell whether Kubernetes only reads labels at a path, or selects neighbouring pods."""
    return path[-2:] == ("fieldRef", "fieldPath") or not _OTHER_PODS.isdisjoint(
        path
    )


def _selects(siblings: Fields, key: str, own: str) -> bool:
    """Tell whether a mapping only selects a label with one value: `{key: LABEL, operator: In,
    values: [own]}`."""
    texts = sorted(islice(_direct(siblings), 4))
    return texts in (sorted([key, own]), sorted([key, own, "In"]))


def _direct(siblings: Fields) -> Iterator[str]:
    for item in siblings.values():
        for text in item if isinstance(item, list | tuple) else [item]:
            if isinstance(text, str):
                yield text


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except ValueError:  # the cluster rejects it too
        return ""


def texts_of_sources(
    rendered: RenderedObject, sources: Sources
) -> Iterator[tuple[Path, str, Text]]:
    """Yield the texts of ConfigMaps and Secrets that a controller reads as part of the object, each
    with the path and name of its source."""
    if not is_controlled(rendered):
        return
    for path, holder in rendered.inside:
        kind = str(holder.get("kind"))
        name = str(holder.get("name"))
        for source in sources.get((rendered.namespace, kind, name), ()):
            for text in texts_of_data(source.object):
                yield (*path, "name"), name, text


def inner_objects(rendered: RenderedObject) -> Objects:
    """Return the objects in a foreign object, at any depth, which its controller may create.

    A mapping with `apiVersion`, `kind` and only texts and numbers is a reference.
    """
    return rendered.recall(_inner_objects)


def unread_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield texts in a foreign object that contain an unreadable object. Readers interpret
    templates, repeated keys and tags differently."""
    for text in reading(rendered).texts if is_unknown_kind(rendered) else ():
        if text.has_unreadable_object:
            message = (
                f"{dotted(text.position)} contains an object that readers may "
                "interpret differently, so it cannot be checked; write it as "
                "plain YAML, without templates"
            )
            yield component.refused("ACC224", rendered, message, text.position)


def with_inner_objects(
    objects: Iterable[RenderedObject],
) -> list[RenderedObject]:
    """Return the objects, each followed by the objects in it."""
    found = []
    for rendered in objects:
        found += [rendered, *inner_objects(rendered)]
    return found


def _inner_objects(rendered: RenderedObject) -> Objects:
    if rendered.nested or not is_unknown_kind(rendered):
        return ()
    found = []
    for path, holder in reading(rendered).inside:
        if not path or not _is_object(holder):
            continue
        metadata = {
            "namespace": rendered.namespace,
            **mapping(holder.get("metadata")),
        }
        inner = {**holder, "metadata": metadata}
        found.append(
            RenderedObject(
                inner,
                rendered.trait,
                rendered.key,
                rendered.position,
                defined=rendered.defined,
                nested=True,
            )
        )
    return tuple(found)


def _is_object(holder: Fields) -> bool:
    """Tell whether a mapping is an object, and not only a reference."""
    for field in ("apiVersion", "kind"):
        if not isinstance(holder.get(field), str):
            return False
    return any(isinstance(value, dict | list) for value in holder.values())

"""The texts in an object, keys of mappings among them, and what a controller may take them for. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import APPLICATION, COMPONENT, JudgedComponent
from kong_oam.objects.pods import Path

_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""What could be an object's name. Of `my-name` and `name.x`, `name` is none."""
_ACCOUNT: Final = re.compile(
    r"""\bservice[-_]?account(?:[-_.]?name)?["']?\s*[:=]\s*(?:\{\s*)?(?:["']?name["']?\s*[:=]\s*)?["']?"""
    r"""(?:[a-z0-9-]+[:/])?([a-z0-9][a-z0-9.-]*)""",
    re.IGNORECASE,
)
"""Where a text in YAML, JSON or HCL says a ServiceAccount's name, by itself or behind its namespace."""
_OF_ACCOUNT: Final = "serviceaccount"
_LONGEST_FIELD: Final = 253
_MARK: Final = re.compile(
    rf"""({re.escape(APPLICATION)}|{re.escape(COMPONENT)})(?![\w-]|\.\w)(?:["'\])]*\s*(?:==?|:)\s*["']?([\w.-]*))?"""
)
"""Where a text says a label by which a fence selects pods, and the value behind it."""
_ESCAPED: Final = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|%([0-9A-Fa-f]{2})")
"""A character as JSON, YAML and addresses may write it."""
TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a type of Secrets


class Text(NamedTuple):
    """A text in an object. `beside` is the mapping that it is in, or that its list is in.

    `of_account`: whether it stands where a ServiceAccount is named, `of_namespace`: where a namespace is.
    """

    path: Path
    text: str
    beside: Mapping[str, Any]
    is_key: bool
    of_account: bool
    of_namespace: bool

    @property
    def unescaped(self) -> str:
        """The text without the escapes of JSON, YAML, JSON Patch, addresses and Helm's paths of values."""
        if not _may_escape(self.text):
            return self.text
        text = _ESCAPED.sub(lambda match: chr(int(match[1] or match[2] or match[3], 16)), self.text)
        return text.replace("~1", "/").replace("\\", "")

    @property
    def names(self) -> list[str]:
        """What could be the name of an object in it: each word, and the end of a word with dots, as in
        `spark.kubernetes.driver.secrets.NAME`."""
        words = _WORD.findall(self.unescaped)
        return words + [word.rpartition(".")[2] for word in words if "." in word]


def texts_of(one: RenderedObject) -> list[Text]:
    """The texts in an object: all but its own `metadata`."""
    found: list[Text] | None = one.known.get("texts")
    if found is None:
        found = one.known["texts"] = []
        own = {field: value for field, value in one.object.items() if field != "metadata"}
        _collect(own, (), {}, _Where(), found)
    return found


def texts_in(value: Any, path: Path) -> list[Text]:
    """The texts in a value at a path."""
    found: list[Text] = []
    _collect(value, path, {}, _Where(), found)
    return found


def accounts_in(text: Text) -> Iterator[str]:
    """Yields what a text may name as a ServiceAccount."""
    yield from _ACCOUNT.findall(text.text)
    if text.of_account and not text.is_key:
        yield from text.names


def label_refused(text: Text, component: JudgedComponent) -> str:
    """What is wrong with a text that says a label by which a fence selects pods, with another value than the
    component's own, or with a value that nobody here can read. Empty where nothing is."""
    written = text.unescaped
    if "oam.dev" not in written:
        return ""
    for match in _MARK.finditer(written):
        label, value = match[1], match[2]
        own = component.application if label == APPLICATION else component.name
        if value is None and text.is_key and written.endswith(label):
            value = text.beside.get(text.text)
        elif value is None and written == label and _selects(text.beside, label, own):
            continue
        if value != own:
            return (
                f"says {label} and not '{own}': a fence selects pods by that label, and pods could pass for another "
                f"component's; write '{own}', or take it out"
            )
    return ""


def texts_held(found: Mapping[str, Any]) -> list[Text]:
    """The texts in the data of a ConfigMap or a Secret."""
    encoded = ("binaryData", "data") if found.get("kind") == "Secret" else ("binaryData",)
    texts = [text._replace(text=_decoded(text.text)) for field in encoded for text in texts_in(found.get(field), ())]
    return texts + [text for field in ("data", "stringData") for text in texts_in(found.get(field), ())]


def _may_escape(text: str) -> bool:
    return "\\" in text or "%" in text or "~1" in text


@lru_cache(4096)
def folded(field: str) -> str:
    """A field's name without capitals and what is between its words."""
    return "".join(letter for letter in field.lower() if letter.isalnum())


class _Where(NamedTuple):
    """What the fields around a value are about; `at_account`: and the one that the value is of."""

    in_account: bool = False
    in_namespace: bool = False
    at_account: bool = False


def _collect(value: Any, path: Path, beside: Mapping[str, Any], where: _Where, found: list[Text]) -> None:
    if isinstance(value, str):
        found.append(Text(path, value, beside, False, where.at_account, where.in_namespace))
    elif isinstance(value, Mapping):
        # Such as `kind: ServiceAccount`, or the name of a variable whose value is beside it.
        says_account = any(isinstance(item, str) and _names_account(item) for item in value.values())
        for key, item in value.items():
            field = str(key)
            at = (*path, field)
            is_account = _is_about(field, _OF_ACCOUNT)
            is_name = where.in_account and folded(field).endswith("name")
            inner = _Where(
                where.in_account or is_account,
                where.in_namespace or _is_about(field, "namespace"),
                says_account or is_account or is_name,
            )
            found.append(Text(at, field, value, True, False, where.in_namespace))
            _collect(item, at, value, inner, found)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _collect(item, (*path, str(index)), beside, where, found)


def _is_about(field: str, word: str) -> bool:
    return len(field) <= _LONGEST_FIELD and word in folded(field)


def _names_account(text: str) -> bool:
    """Whether a text is a field or a kind that says a ServiceAccount. A path in a pod is none."""
    is_short = len(text) <= _LONGEST_FIELD and not text.startswith("/")
    return is_short and folded(text).removesuffix("name").endswith(_OF_ACCOUNT)


def _selects(beside: Mapping[str, Any], label: str, own: str) -> bool:
    """Whether a mapping says a label with one value, and no more: `{key: LABEL, operator: In, values: [own]}`."""
    said = sorted(islice(_direct(beside), 4))
    return said in (sorted([label, own]), sorted([label, own, "In"]))


def _direct(beside: Mapping[str, Any]) -> Iterator[str]:
    for item in beside.values():
        for text in item if isinstance(item, list | tuple) else [item]:
            if isinstance(text, str):
                yield text


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except ValueError:  # which the cluster refuses
        return ""

"""Valid and unique names for components, roles and scopes."""

from __future__ import annotations

import re
from hashlib import sha256

_OTHER = re.compile(r"[^a-z0-9]+")
_MOST = 63
_DIGEST = 8


class Names:
    """Gives each key a name of small letters, digits and dashes. The same keys get the same names
    in the same order."""

    def __init__(self, longest: int = _MOST) -> None:
        self._longest = longest
        self._by_key: dict[object, str] = {}
        self._used: set[str] = set()

    def of(self, key: object, text: str) -> str:
        """Return the name of a key; a new key gets one made from `text`."""
        if key not in self._by_key:
            name = plain(text, self._longest)
            number = 2
            unique = name
            while unique in self._used:
                unique = f"{shortened(name, self._longest - 4)}-{number}"
                number += 1
            self._used.add(unique)
            self._by_key[key] = unique
        return self._by_key[key]


def plain(text: str, longest: int = _MOST) -> str:
    """Return a text as a name; `other` without letters and digits."""
    separated = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", text)
    name = _OTHER.sub("-", separated.lower()).strip("-")
    return shortened(name or "other", longest)


def shortened(name: str, longest: int) -> str:
    """Return a name with a digest in place of its end if the name is too long."""
    if len(name) <= longest:
        return name
    digest = sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: longest - _DIGEST - 1].rstrip('-')}-{digest}"

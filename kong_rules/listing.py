"""Pages of a list on the Admin API: `size`, `offset`, `tags`.

Source: the Admin API documentation of Kong 3.10 and recorded answers (steps tags, pagination).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from kong_rules.entities import Entity
from kong_rules.errors import AnswerError

# A page of a list, as JSON.
Json = dict[str, Any]

_PAGE = 100
_LARGEST_PAGE = 1000


def page(
    rows: Iterable[Entity], path: str, query: Mapping[str, str], *, nested: bool
) -> Json:
    """One page, in the order of ids; `next` is the path of the one after it. Lists below an entity
    ignore tags.

    Raises AnswerError: 400 for a bad size, offset or tag filter.
    """
    size = _page_size(query.get("size"))
    after = _offset(query.get("offset"))
    wanted = _tag_filter(None if nested else query.get("tags"))
    ordered = sorted(
        (row for row in rows if wanted(set(row.get("tags") or ()))),
        key=lambda row: str(row["id"]),
    )
    following = [row for row in ordered if after is None or row["id"] > after]
    answer: Json = {"data": following[:size], "next": None}
    if len(following) > size:
        token = (
            base64.urlsafe_b64encode(
                json.dumps([following[size - 1]["id"]]).encode()
            )
            .decode()
            .rstrip("=")
        )
        kept = f"&tags={quote(query['tags'])}" if "tags" in query else ""
        kept += f"&size={size}" if "size" in query and not nested else ""
        answer |= {"offset": token, "next": f"{path}?offset={token}{kept}"}
    return answer


def newest_first(
    rows: Iterable[Entity], path: str, query: Mapping[str, str]
) -> Json:
    """One page of an Upstream's Targets, the last made first; the offset counts them.

    Seen on a Kong 3.10: `next` forgets the size, the tag filter is ignored, an offset that is no
    number is a 500.
    """
    size = _page_size(query.get("size"))
    offset = query.get("offset", "0")
    if not offset.isdigit():
        raise AnswerError(500, {"message": "An unexpected error occurred"})
    end = int(offset) + size
    ordered = sorted(
        rows, key=lambda row: (row["created_at"], row["id"]), reverse=True
    )
    answer: Json = {"data": ordered[int(offset) : end], "next": None}
    if len(ordered) > end:
        answer |= {"offset": str(end), "next": f"{path}?offset={end}"}
    return answer


def _page_size(parameter: str | None) -> int:
    if parameter is None:
        return _PAGE
    try:
        size = float(parameter)
    except ValueError:
        raise AnswerError(
            400,
            {
                "code": 9,
                "name": "invalid size",
                "message": "size must be a number",
            },
        ) from None
    if size != int(size) or not 1 <= size <= _LARGEST_PAGE:
        text = f"size must be an integer between 1 and {_LARGEST_PAGE}"
        raise AnswerError(
            400, {"code": 9, "name": "invalid size", "message": text}
        )
    return int(size)


def _offset(parameter: str | None) -> str | None:
    if parameter is None:
        return None
    problem = "bad base64 encoding"
    try:
        if not re.fullmatch(r"[A-Za-z0-9_-]*", parameter):
            raise ValueError
        raw = base64.urlsafe_b64decode(parameter + "=" * (-len(parameter) % 4))
        problem = "bad json encoding"
        return str(json.loads(raw)[0])
    except (binascii.Error, ValueError, TypeError, LookupError):
        text = f"'{parameter}' is not a valid offset: {problem}"
        raise AnswerError(
            400, {"code": 7, "name": "invalid offset", "message": text}
        ) from None


def _tag_filter(parameter: str | None) -> Callable[[set[str]], bool]:
    """`a,b`: both; `a/b`: either."""
    if parameter is None:
        return lambda _: True
    problem = None
    if parameter == "":
        problem = "cannot be null"
    elif ("," in parameter and "/" in parameter) or any(
        ord(character) < 0x20 for character in parameter
    ):
        problem = "invalid filter syntax"
    elif len(re.split("[,/]", parameter)) > 5:
        problem = "cannot query more than 5 tags"
    if problem:
        text = f"invalid option (tags: {problem})"
        raise AnswerError(
            400,
            {
                "code": 11,
                "name": "invalid options",
                "message": text,
                "options": {"tags": problem},
            },
        )
    if "," in parameter:
        return set(parameter.split(",")).issubset
    either = set(parameter.split("/"))
    return lambda tags: bool(tags & either)

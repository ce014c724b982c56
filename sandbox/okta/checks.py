"""Checks of request bodies: the stand-in accepts only members in Okta's API description.

A check takes a value and its dotted place in the body, and returns complaints, worded like Okta's
`errorCauses`. A member that the description does not have is rejected, so a program that passes
here sends nothing that Okta rejects. Read-only members (`id`, `created`, `_links`, ...) are
ignored, as Okta does on PUT.

Source: management-api.json (Okta's OpenAPI description), and the texts of real answers with
`errorCode` E0000001.
"""

from collections.abc import Callable, Iterator, Mapping

Check = Callable[[object, str], Iterator[str]]

READ_ONLY = frozenset(
    (
        "id",
        "orn",
        "created",
        "createdBy",
        "lastUpdated",
        "lastUpdatedBy",
        "system",
        "default",
        "_links",
        "_embedded",
    )
)


def text(least: int = 0, most: int = 4096) -> Check:
    """Return a string of `least` to `most` characters."""

    def check(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{place}: The field must be a string"
        elif len(value) < max(least, 1) and least:
            yield f"{place}: The field cannot be left blank"
        elif not least <= len(value) <= most:
            yield f"{place}: The field must be between {least} and {most} characters"

    return check


def flag(value: object, place: str) -> Iterator[str]:
    """true or false."""
    if not isinstance(value, bool):
        yield f"{place}: The field must be true or false"


def anything(_value: object, _place: str) -> Iterator[str]:
    """Free-form content, which Okta stores unchanged."""
    yield from ()


def whole(least: int, most: int) -> Check:
    """Return an integer from `least` to `most`, not true or false."""

    def check(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{place}: The field must be an integer"
        elif not least <= value <= most:
            yield f"{place}: The field must be between {least} and {most}"

    return check


def one_of(*values: str) -> Check:
    """One of a closed set of words."""

    def check(value: object, place: str) -> Iterator[str]:
        if value not in values:
            yield f"{place}: Invalid value '{value}'; allowed: {', '.join(values)}"

    return check


def listing(item: Check, least: int = 0, most: int = 1000) -> Check:
    """Return an array of `least` to `most` different items."""

    def check(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place}: The field must be an array"
        elif not value and least:
            yield f"{place}: The field cannot be left blank"
        elif not least <= len(value) <= most:
            yield f"{place}: The field must have between {least} and {most} items"
        else:
            for index, entry in enumerate(value):
                yield from item(entry, f"{place}[{index}]")
                if entry in value[:index]:
                    yield f"{place}[{index}]: Duplicate value '{entry}'"

    return check


def record(
    members: Mapping[str, Check], required: tuple[str, ...] = ()
) -> Check:
    """Return an object with all of `required`, and only `members` and read-only members."""

    def check(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place or 'body'}: The field must be an object"
            return
        inner = f"{place}." if place else ""
        for name in required:
            if name not in value:
                yield f"{inner}{name}: The field cannot be left blank"
        for name, entry in value.items():
            if name in members:
                yield from members[name](entry, f"{inner}{name}")
            elif name not in READ_ONLY:
                yield f"{inner}{name}: Unrecognized field"

    return check

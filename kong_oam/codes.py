"""The table of all diagnostic codes: OAM of reading, ACC of access, LINT of lint, ENV of what a run
finds at the products."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from kong_oam.access.codes import CODES as ACCESS
from kong_oam.access.lint.finding import KINDS as LINT
from kong_oam.diagnostics import Code
from kong_oam.identity.codes import CODES as IDENTITY
from kong_oam.kong.codes import CODES as KONG
from kong_oam.kubernetes.codes import CODES as KUBERNETES
from kong_oam.oam.codes import CODES as OAM
from kong_oam.objects.codes import CODES as OBJECTS
from kong_oam.traits.meanings import MEANINGS

HUNDREDS: Mapping[str, int] = {"OAM": 1, "ACC": 2, "LINT": 3, "ENV": 4}
"""The first digit of each prefix's codes, which no other has: a number alone names its code."""


def one_table(*tables: Mapping[str, Code]) -> Mapping[str, Code]:
    """Join the codes of all packages, by number. A code has one meaning, and its prefix a hundred
    of its own."""
    by_number = {}
    for code, meaning in chain.from_iterable(table.items() for table in tables):
        prefix = code.rstrip("0123456789")
        number = int(code.removeprefix(prefix))
        assert number not in by_number, "a code stands twice"
        assert HUNDREDS[prefix] == number // 100, (
            f"{code} is in the hundred of another prefix"
        )
        by_number[number] = code, meaning
    return dict(by_number[number] for number in sorted(by_number))


CODES: Mapping[str, Code] = one_table(
    OAM,
    ACCESS,
    OBJECTS,
    *(meaning.codes for meaning in MEANINGS),
    LINT,
    IDENTITY,
    KONG,
    KUBERNETES,
)

"""The table of all diagnostic codes.

OAM is for reading Applications, ACC for access, LINT for lint, ENV for problems at products. ADOPT
is for a Kong that is in use, AUD for evidence, INV for invariants.
"""

from __future__ import annotations

from itertools import chain

from kong_oam.access.codes import CODES as ACCESS
from kong_oam.access.lint.finding import KINDS as LINT
from kong_oam.adopt.codes import CODES as ADOPT
from kong_oam.audit.codes import CODES as AUDIT
from kong_oam.diagnostics import Codes
from kong_oam.identity.codes import CODES as IDENTITY
from kong_oam.invariants.codes import CODES as INVARIANTS
from kong_oam.kong.codes import CODES as KONG
from kong_oam.kubernetes.codes import CODES as KUBERNETES
from kong_oam.oam.codes import CODES as OAM
from kong_oam.objects.codes import CODES as OBJECTS
from kong_oam.traits.meanings import MEANINGS

# The first digit of each prefix's codes. It is unique, so a number alone identifies its code.
HUNDREDS = {
    "OAM": 1,
    "ACC": 2,
    "LINT": 3,
    "ENV": 4,
    "ADOPT": 5,
    "AUD": 6,
    "INV": 7,
}


def joined_codes(*tables: Codes) -> Codes:
    """Join the codes of all packages by number. Check that numbers and prefixes are unique."""
    by_number = {}
    for code, meaning in chain.from_iterable(table.items() for table in tables):
        prefix = code.rstrip("0123456789")
        number = int(code.removeprefix(prefix))
        assert number not in by_number, f"{code} is not unique"
        assert HUNDREDS[prefix] == number // 100, (
            f"{code} is in the hundred of another prefix"
        )
        by_number[number] = code, meaning
    return dict(by_number[number] for number in sorted(by_number))


CODES: Codes = joined_codes(
    OAM,
    ACCESS,
    OBJECTS,
    *(meaning.codes for meaning in MEANINGS),
    LINT,
    IDENTITY,
    KONG,
    KUBERNETES,
    ADOPT,
    AUDIT,
    INVARIANTS,
)

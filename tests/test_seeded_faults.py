"""The faults in `tests/support/seeded/patches`, which `make test-faults` seeds every night: they
fit, and name tests."""

from __future__ import annotations

import re

from tests.support.repository import ROOT
from tests.support.seeded.faults import all_faults, applies

FAULTS = all_faults()


def test_every_fault_fits_the_project() -> None:
    """A change of the patched lines needs a new patch: a patch that no longer fits proves nothing."""
    assert [fault.name for fault in FAULTS if not applies(fault, ROOT)] == []
    assert len(FAULTS) >= 60


def test_every_fault_names_tests_that_are_there() -> None:
    """Each name is a file, or a test in a file."""
    for test in sorted({test for fault in FAULTS for test in fault.tests}):
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text("utf-8")
        assert not name or re.search(rf"^def {name}\(", text, re.MULTILINE), (
            test
        )

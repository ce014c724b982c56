"""The line with which a run starts, by what is deployed."""

from __future__ import annotations

import pulumi
import pytest

from access.exported import exported
from components.announcement import announcement
from tests.access.test_diff import API, BEFORE, SHOP, edited, model

OPENED = model(edited(API, ("methods: [GET], public", "methods: [GET, POST], public")), SHOP)
LINE = "POST https://orders.example.com/orders/health"


def test_what_opens_is_a_warning_and_what_closes_is_not() -> None:
    """One line either way."""
    assert announcement(OPENED, exported(BEFORE), first=False) == (pulumi.log.warn, f"access: newly public: {LINE}")
    said = announcement(BEFORE, exported(OPENED), first=False)
    assert said == (pulumi.log.info, f"access: revoked from everybody: {LINE}")


def test_nothing_is_said_where_nothing_changes() -> None:
    """A run that changes images, say."""
    assert announcement(BEFORE, exported(BEFORE), first=False) is None


def test_a_first_deployment_is_compared_with_nothing() -> None:
    """And one by a version that exported no model, with nothing that could be told."""
    said = announcement(BEFORE, None, first=True)
    assert said is not None and said[1].startswith("access: newly public: ")
    assert announcement(BEFORE, None, first=False) == (
        pulumi.log.info,
        "access: cannot be compared with what is deployed, which exports no model yet",
    )


@pytest.mark.parametrize("deployed", ["2\n", 7, "nonsense", "1\nstack []"])
def test_a_model_that_cannot_be_read_stops_nobody(deployed: object) -> None:
    """It is said, and decides nothing."""
    said = announcement(BEFORE, deployed, first=False)
    assert said is not None and said[0] is pulumi.log.warn
    assert said[1].startswith("access: cannot be compared with what is deployed: its model is ")

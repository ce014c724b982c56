"""A running Okta stand-in, bare and with the estate."""

from collections.abc import Iterator

import pytest

from tests.support.sandbox.okta_org import Admin, Estate, build, new_okta


@pytest.fixture
def admin() -> Iterator[Admin]:
    with new_okta() as okta:
        yield Admin(okta.url)


@pytest.fixture
def estate() -> Iterator[Estate]:
    with new_okta() as okta:
        yield build(okta)

"""The kong and okta stand-ins under the real engine, against the stand-ins of the products."""

from collections.abc import Callable

import pytest

from tests.support.sandbox.engine_project import Project

pytestmark = pytest.mark.engine


def test_kongs_own_words_reach_the_user_and_a_second_service_of_a_name_is_refused(
    project: Callable[[str], Project],
) -> None:
    """409 with Kong's message; the one that exists stays."""
    one = project("import pulumi_kong as k; k.Service('a', name='taken', protocol='http', host='h')")
    one.up()
    one.write(
        "import pulumi_kong as k\n"
        "k.Service('a', name='taken', protocol='http', host='h')\n"
        "k.Service('b', name='taken', protocol='http', host='h')\n"
    )
    failed = one.up(check=False)
    assert failed.returncode != 0
    assert "UNIQUE violation detected on" in failed.stdout
    assert "HTTP status 409" in failed.stdout

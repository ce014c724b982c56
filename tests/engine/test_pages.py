"""The pages of the sample estate's browser client call its API on another host, in a real browser."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.engine.calls import user_token
from tests.support.engine.sample import Sample
from tests.support.pages import CONSOLE, IN_A_BROWSER, fetched

pytestmark = pytest.mark.engine

PAGES = "http://console-reports.sandbox.example.com"
API = "http://reports.example.com"


@IN_A_BROWSER
def test_the_console_reads_and_publishes_reports(sample: Sample, tmp_path: Path) -> None:
    """With its user's token, through the gateway that a run made; what it was not granted, its browser does not send.
    On a real Kong: `test_live_cors.py`."""
    url = urlsplit(sample.local.kong.proxy_url)
    proxy = str(url.hostname), int(url.port or 0)
    headers = {"Authorization": f"Bearer {user_token(sample.local, 'console', 'user-order-desk')}"}
    meant = {(method, API + path): status for (method, path), status in CONSOLE.items()}
    meant["GET", "http://orders.example.com/orders"] = 0
    asked = [(address, {"method": method, "headers": headers}) for method, address in meant]
    nobody: list[tuple[str, dict[str, object]]] = [(f"{API}/reports", {}), (f"{API}/docs", {})]
    got = fetched(tmp_path, PAGES, proxy, [*asked, *nobody])
    assert [status for status, _ in got] == [*meant.values(), 401, 200]
    stranger = fetched(tmp_path / "other", "http://shop.example.com", proxy, [*asked, *nobody])
    assert stranger == [(0, "")] * len(got), "another client's page"

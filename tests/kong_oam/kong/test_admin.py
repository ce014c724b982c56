"""The client of Kong's Admin API: workspaces, credentials, pages, and one message for each way of being refused."""

from __future__ import annotations

import httpx
import pytest

from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi, AdminError, RejectedChangeError

ACCOUNT = Account(
    "https://kong.test:8444/", "s3cr3t-token", "s3cr3t-key", "team"
)


def test_an_account_shows_neither_its_token_nor_its_key() -> None:
    """Whatever prints it: a traceback, a log."""
    assert "s3cr3t" not in repr(ACCOUNT) + str(ACCOUNT) + f"{ACCOUNT}"
    assert "https://kong.test:8444/" in repr(ACCOUNT) and "team" in repr(
        ACCOUNT
    )


def test_every_request_goes_to_the_workspace_with_both_credentials() -> None:
    """Reading, changing, removing, and asking what time it is."""
    requests: list[tuple[str, str, str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        headers = request.headers
        requests.append(
            (
                request.method,
                str(request.url),
                headers["kong-admin-token"],
                headers["apikey"],
            )
        )
        body = {"data": []}
        return httpx.Response(
            204 if request.method == "DELETE" else 200,
            json=body,
            headers={"date": DATE},
        )

    with AdminApi(ACCOUNT, httpx.MockTransport(answer)) as admin:
        assert admin.rows("/plugins") == ()
        admin.patch("/plugins/1", {"enabled": False})
        admin.delete("/plugins/1")
        assert admin.now() == 784111777.0
    where = "https://kong.test:8444/team"
    asked = [
        ("GET", "/plugins?size=1000"),
        ("PATCH", "/plugins/1"),
        ("DELETE", "/plugins/1"),
        ("GET", "/"),
    ]
    assert requests == [
        (method, where + path, "s3cr3t-token", "s3cr3t-key")
        for method, path in asked
    ]


DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize("method", ["get", "rows", "patch", "delete", "now"])
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (None, "does not answer \\(ConnectError\\); check"),
        (403, "rejects the credentials \\(403"),
    ],
)
def test_a_kong_that_cannot_be_used_is_the_same_message_whatever_is_asked(
    method: str, status: int | None, message: str
) -> None:
    """The message has the address and the remedy, and no credential."""

    def answer(request: httpx.Request) -> httpx.Response:
        if status is None:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(status)

    arguments = {"patch": ("/plugins/1", {}), "now": ()}.get(
        method, ("/plugins/1",)
    )
    with (
        AdminApi(ACCOUNT, httpx.MockTransport(answer)) as admin,
        pytest.raises(
            AdminError,
            match=f"^Kong's Admin API at https://kong.test:8444/ {message}",
        ) as found,
    ):
        getattr(admin, method)(*arguments)
    assert "s3cr3t" not in str(found.value)


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_change_that_is_not_taken_is_told_in_kongs_own_words(
    method: str,
) -> None:
    """The message has Kong's first error, also for an entity of another stack."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(400, text="schema violation" + "!" * 1000)

    arguments = {"patch": ("/plugins/1", {}), "delete": ("/plugins/1",)}[method]
    with (
        AdminApi(ACCOUNT, httpx.MockTransport(answer)) as admin,
        pytest.raises(RejectedChangeError) as found,
    ):
        getattr(admin, method)(*arguments)
    assert (
        str(found.value)
        == f"{method.upper()} /plugins/1 answers {found.value.answer}"
    )
    assert (
        found.value.answer.startswith("400 schema violation!")
        and len(found.value.answer) == 304
    )


def test_a_kong_without_a_date_does_not_say_what_time_it_is() -> None:
    """Nothing is opened by a clock that may be another."""
    with (
        AdminApi(
            ACCOUNT, httpx.MockTransport(lambda _: httpx.Response(200, json={}))
        ) as admin,
        pytest.raises(AdminError, match="sends no header Date"),
    ):
        admin.now()

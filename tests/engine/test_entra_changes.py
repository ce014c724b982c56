"""Scopes and roles that come and go at a tenant of Entra: a run waits for new roles, and removes
old roles at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import caller
from sandbox.browser import IssuerError
from sandbox.entra import Entra
from tests.support.engine.calls import call, credential
from tests.support.engine.deployment import Deployment
from tests.support.engine.tenant import tenant_stack
from tests.support.json_object import JsonObject

ORDERS, SHOP = "applications/orders.yaml", "applications/shop.yaml"
WRITING = (
    "- {paths: [/orders], methods: [POST, PUT, DELETE], scopes: [orders.write]}"
)
WAIT = "entra-settle-orders/api"


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Deployment, Entra]]:
    """`orders` and `shop` after their `up`; each test changes them and puts them back."""
    with tenant_stack(tmp_path_factory.mktemp("project")) as (
        deployment,
        tenant,
    ):
        deployment.run("up")
        yield deployment, tenant


def _api(tenant: Entra) -> JsonObject:
    found = tenant.directory.applications.values()
    return next(
        finding
        for finding in found
        if finding["displayName"].endswith("orders/api API")
    )


def _writing(tenant: Entra) -> tuple[bool | None, bool | None]:
    """Return whether the permission and the role of `orders.write` are enabled; None if they do not
    exist."""
    api = _api(tenant)
    scopes = {
        scope["value"]: scope["isEnabled"]
        for scope in api["api"]["oauth2PermissionScopes"]
    }
    roles = {
        app_role["value"]: app_role["isEnabled"] for app_role in api["appRoles"]
    }
    return scopes.get("orders.write"), roles.get("scope=orders.write")


@pytest.mark.deep
def test_a_new_scope_is_waited_for_before_it_is_granted(
    deployed: tuple[Deployment, Entra],
) -> None:
    """Its role would not be found otherwise. A second run and a change of a text do not wait."""
    deployment, tenant = deployed
    texts = {
        file: (deployment.folder / file).read_text("utf-8")
        for file in (ORDERS, SHOP)
    }
    try:
        deployment.edit(
            ORDERS,
            "orders.read: Read orders",
            "orders.read: Read orders\n              orders.list: List orders",
        )
        deployment.edit(
            ORDERS,
            "viewer: {scopes: [orders.read]",
            "viewer: {scopes: [orders.list, orders.read]",
        )
        deployment.edit(
            SHOP,
            "scopes: [orders.read]}]",
            "scopes: [orders.list, orders.read]}]",
        )
        changes = deployment.changes("up")
        assert changes[WAIT] == "delete-replaced"
        assert (
            changes["entra-grant-shop/checkout:orders/api:orders.list"]
            == "create"
        )
        token = caller.token(credential(deployment.local, "checkout"))
        assert sorted(token[1].split()) == [
            "scope=orders.list",
            "scope=orders.read",
        ]
        deployment.assert_unchanged()
        deployment.edit(ORDERS, "List orders", "List all orders")
        assert set(deployment.changes("up")) == {"entra-api-orders/api"}
        assert "List all orders" in [
            app_role["description"] for app_role in _api(tenant)["appRoles"]
        ]
    finally:
        for file, text in texts.items():
            (deployment.folder / file).write_text(text, "utf-8")
    deployment.run("up")
    assert [
        app_role["value"]
        for app_role in _api(tenant)["appRoles"]
        if "list" in app_role["value"]
    ] == []


def test_a_removed_scope_is_disabled_then_deleted_and_never_issued(
    deployed: tuple[Deployment, Entra],
) -> None:
    """By the plugin, in one run: entitlements are disabled before they are deleted, as Graph
    requires. The gateway denies earlier tokens. A second run does nothing."""
    deployment, tenant = deployed
    local = deployment.local
    texts = {
        file: (deployment.folder / file).read_text("utf-8")
        for file in (ORDERS, SHOP)
    }
    before = caller.token(credential(local, "web"), "user-order-desk")[0]
    assert (
        call(local, "POST", "orders.example.com", "/orders", before).status
        == 200
    )
    seen: list[tuple[bool | None, bool | None]] = []

    def watch(method: str, path: str) -> None:
        if (method, path) == (
            "PATCH",
            f"/v1.0/applications/{_api(tenant)['id']}",
        ):
            seen.append(_writing(tenant))

    try:
        tenant.faults = watch
        deployment.edit(
            ORDERS, "              orders.write: Place and change orders\n", ""
        )
        deployment.edit(ORDERS, f"              {WRITING}\n", "")
        deployment.edit(
            ORDERS,
            "scopes: [orders.read, orders.write]",
            "scopes: [orders.read]",
        )
        deployment.edit(
            SHOP, "scopes: [orders.read, orders.write]", "scopes: [orders.read]"
        )
        changes = deployment.changes("up")
    finally:
        tenant.faults = None
    assert [*seen, _writing(tenant)] == [
        (True, True),
        (True, False),
        (False, False),
        (None, None),
    ]
    assert (
        changes["entra-api-orders/api"]
        == changes["entra-grant-shop/web:orders/api"]
        == "update"
    )
    deployment.assert_unchanged()
    assert (
        call(local, "POST", "orders.example.com", "/orders", before).status
        == 403
    )
    assert (
        call(local, "GET", "orders.example.com", "/orders", before).status
        == 200
    )
    answer = caller.answered(credential(local, "web"), "user-order-desk")
    assert [part.rpartition("/")[2] for part in answer["scope"].split()] == [
        "orders.read"
    ]
    audience = deployment.output("audiences")["orders/api"]
    settings = {
        **credential(local, "web"),
        "OAUTH_SCOPES": f"{audience}/orders.write",
    }
    with pytest.raises(IssuerError, match="AADSTS65001"):
        caller.token(settings, "user-order-desk")
    for file, text in texts.items():
        (deployment.folder / file).write_text(text, "utf-8")
    deployment.run("up")
    again = caller.token(credential(local, "web"), "user-order-desk")[0]
    assert (
        call(local, "POST", "orders.example.com", "/orders", again).status
        == 200
    )


@pytest.mark.deep
def test_a_role_moves_to_another_group_with_another_scope(
    deployed: tuple[Deployment, Entra],
) -> None:
    """The earlier clients lose reading and never get writing, though their earlier token has both
    scopes; the others get it.

    The role of a group that no Application names is deleted with its assignment. A second run does
    nothing.
    """
    deployment, tenant = deployed
    text, local = (
        (deployment.folder / ORDERS).read_text("utf-8"),
        deployment.local,
    )
    before = {
        user: caller.token(credential(local, "web"), f"user-{user}")[0]
        for user in ("sales", "order-desk")
    }
    held = "viewer: {scopes: [orders.read], groups: [sales]"

    def statuses(user: str) -> list[int]:
        return [
            call(
                local, method, "orders.example.com", "/orders", before[user]
            ).status
            for method in ("GET", "POST")
        ]

    assert (statuses("sales"), statuses("order-desk")) == (
        [200, 403],
        [200, 200],
    )
    try:
        deployment.edit(
            ORDERS,
            held,
            "viewer: {scopes: [orders.read, orders.write], groups: [order-desk]",
        )
        changes = deployment.changes("up")
        assert changes["entra-group-orders/api:sales"] == "delete"
        assert (statuses("sales"), statuses("order-desk")) == (
            [403, 403],
            [200, 200],
        )
        assert "group=sales" not in [
            app_role["value"] for app_role in _api(tenant)["appRoles"]
        ]
        deployment.assert_unchanged()
    finally:
        (deployment.folder / ORDERS).write_text(text, "utf-8")
        deployment.run("up")
    assert statuses("sales") == [200, 403]

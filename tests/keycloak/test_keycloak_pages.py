"""Pages of a real Keycloak's answers: groups by their paths, and names with our prefix."""

from __future__ import annotations

import pytest

from kong_oam.identity.keycloak import api
from sandbox.keycloak import ACCOUNT, Keycloak


@pytest.mark.deep
def test_groups_are_found_by_their_paths_whichever_way_they_are_asked_for(
    server: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single page lists all groups, single requests find them among more, and so do pages of two."""
    server.realm("pages", groups=("sales", "desk", "x1", "x2"))
    (sales,) = [
        group["id"]
        for group in server.admin("GET", "/pages/groups").body
        if group["name"] == "sales"
    ]
    server.admin("POST", f"/pages/groups/{sales}/children", {"name": "E U"})
    wanted = ("/sales", "/sales/E U", "/desk", "/nobody", "/sales/none")
    with api.Realm(
        api.Account(
            server.url, "pages", "pages", ACCOUNT, server.account_secret
        )
    ) as realm:
        read = realm.group_ids(wanted)
        assert sorted(read) == ["/desk", "/sales", "/sales/E U", "/x1", "/x2"]
        assert read["/sales"] == [sales]
        monkeypatch.setattr(api, "_PAGE", 2)
        assert realm.group_ids(wanted) == {
            path: read[path] for path in ("/sales", "/sales/E U", "/desk")
        }
        monkeypatch.setattr(api, "FEW", 0)
        assert realm.group_ids(wanted) == read


@pytest.mark.deep
def test_clients_are_found_by_parts_of_their_names(
    server: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.realm("clients")
    for name in ("kong-oam.t.a.b", "kong-oam.t.a.c", "kong-oam.t.a.d", "other"):
        server.admin("POST", "/clients/clients", {"clientId": name})
    monkeypatch.setattr(api, "_PAGE", 2)
    with api.Realm(
        api.Account(
            server.url, "clients", "clients", ACCOUNT, server.account_secret
        )
    ) as realm:
        found = sorted(
            row["clientId"]
            for row in realm.pages(
                "/clients", clientId="kong-oam.t.", search="true"
            )
        )
    assert found == ["kong-oam.t.a.b", "kong-oam.t.a.c", "kong-oam.t.a.d"]

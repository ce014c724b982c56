"""`python -m kong_oam diff` of what no single request shows: settings of the stack, and what its clients are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.cli.estates import estate_of, settings_of
from kong_oam.oam.application import read_files
from tests.support.diffs import API, SHOP
from tests.support.partner_keys import certified, rsa_key

STACK = """
config:
  kong-oam:cloud: aws
  kong-oam:asOf: "2026-11-25"
  kong-oam:domains: {default: apps.example.com}
  kong-oam:gateway: {cidrs: [192.0.2.0/24, 198.51.100.0/24], reach: loadBalancer, hstsSeconds: 600}
  kong-oam:identityProviders:
    - name: corp
      type: oidc
      issuer: https://login.example.com
      audience: api://orders
      accessTokenMinutes: 30
      tokens:
        user: sid
        accessToken: {claim: token_use, value: access}
        overage: [more]
      clients:
        shop/checkout: {id: checkout-7f3, secret: {name: checkout-corp, key: client-secret}}
"""
OUTSIDE = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: outside}
spec:
  components:
    - name: app
      type: external
      traits:
        - {type: client, properties: {kind: native, redirectUris: ["com.example.app:/callback"], calls: [{component: orders/api, scopes: [read]}]}}
    - name: partner
      type: external
      properties: {jwksUri: "https://partner.example.com/keys"}
      traits:
        - {type: client, properties: {kind: external, calls: [{component: orders/api, scopes: [read]}]}}
"""
WAIVED = """owner: team-orders
            waivers: [{finding: LINT301, reason: tidied soon, until: "2027-01-31"}]
"""
VIEWERS = "components: [shop/checkout, shop/web"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in `before`, and a copy of it in `after`, where the tests run."""
    for side in ("before", "after"):
        for file, text in {
            "applications/orders.yaml": API.replace(
                VIEWERS, f"{VIEWERS}, outside/app, outside/partner"
            ),
            "applications/shop.yaml": SHOP,
            "applications/outside.yaml": OUTSIDE,
            "stacks/Pulumi.local.yaml": STACK,
        }.items():
            (tmp_path / side / file).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / side / file).write_text(text)
    monkeypatch.chdir(tmp_path / "after")
    return tmp_path


def edit(old: str, new: str) -> None:
    """In every file of the project that has it."""
    files = [
        file
        for folder in ("applications", "stacks")
        for file in Path(folder).iterdir()
        if old in file.read_text()
    ]
    assert files, old
    for file in files:
        file.write_text(file.read_text().replace(old, new))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["diff", "../before", ".", *arguments]) == 0
    return capsys.readouterr().out


def same(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys) == ""


CORP, EVERYBODY = "clients of corp: identityProviders.corp", "everybody: gateway"
CASES = {
    "user claim": ("user: sid", "user: uid", f"may widen for {CORP}.tokens.user: sid -> uid"),
    "mark": ("value: access}", "prefix: acc}", f'may widen for {CORP}.tokens.accessToken: added {{"claim": "token_use", "prefix": true, "value": "acc"}}; removed {{"claim": "token_use", "prefix": false, "value": "access"}}'),
    "client claim": ("user: sid\n", "user: sid\n        client: azp\n", f"may widen for {CORP}.tokens.client: client_id -> azp"),
    "service": ("user: sid\n", "user: sid\n        service: {claim: sub_type, value: app}\n", f"may widen for {CORP}.tokens.service.claim: sub -> sub_type (and 1 more change of access)"),
    "scopes": ("user: sid\n", "user: sid\n        serviceScopes: {claim: roles}\n", f"may widen for {CORP}.tokens.serviceScopes.claim: scope -> roles (and 1 more change of access)"),
    "less overage": ("        overage: [more]\n", "", f"may widen for {CORP}.tokens.overage: removed more"),
    "more overage": ("[more]", "[more, most]", f"may narrow for {CORP}.tokens.overage: added most"),
    "issuer": ("//login.", "//sso.", f"may widen for {CORP}.issuer: https://login.example.com -> https://sso.example.com"),
    "audience": ("api://orders", "api://all", f"may widen for {CORP}.audience: api://orders -> api://all"),
    "longer": ("Minutes: 30", "Minutes: 60", f"may widen for {CORP}.accessTokenMinutes: 30 -> 60"),
    "shorter": ("Minutes: 30", "Minutes: 15", f"may narrow for {CORP}.accessTokenMinutes: 30 -> 15"),
    "shared secrets": ("audience", "clientSecrets: true\n      audience", f"changed for {CORP}.clientSecrets: false -> true"),
    "cluster's tokens": ("audience", "clusterIssuer: https://c.example.com\n      audience", f"may widen for {CORP}.clusterIssuer: none -> https://c.example.com"),
    "client's id": ("checkout-7f3", "checkout-8a4", "may widen for shop/checkout at corp: id: checkout-7f3 -> checkout-8a4"),
    "Secret": ("checkout-corp", "other-corp", "changed for shop/checkout at corp: secret: checkout-corp/client-secret -> other-corp/client-secret"),
    "edition": ("hstsSeconds", "edition: enterprise, hstsSeconds", f"may widen for {EVERYBODY}.edition: oss -> enterprise"),
    "who connects": ("192.0.2.0/24, ", "192.0.2.0/24, 203.0.113.0/24, ", f"may widen for {EVERYBODY}.cidrs: added 203.0.113.0/24"),
    "who no longer connects": ("192.0.2.0/24, ", "", f"may narrow for {EVERYBODY}.cidrs: removed 192.0.2.0/24"),
    "how workloads are reached": ("hstsSeconds", "serviceAnnotations: {lb: internal}, hstsSeconds", f'may widen for {EVERYBODY}.serviceAnnotations: {{}} -> {{"lb": "internal"}}'),
    "plain http": ("hstsSeconds", "plainHttp: redirect, hstsSeconds", f"changed for {EVERYBODY}.plainHttp: refuse -> redirect"),
    "a header that nobody may send": ("hstsSeconds", "stripHeaders: [X-User], hstsSeconds", f"may narrow for {EVERYBODY}.stripHeaders: added x-user"),
    "hsts": ("hstsSeconds: 600", "hstsSeconds: 0", f"changed for {EVERYBODY}.hstsSeconds: 600 -> 0"),
    "rotation": ("kong-oam:cloud", "kong-oam:rotation: {overlap: 30d}\n  kong-oam:cloud", "changed for everybody: rotation.overlap: 7 -> 30"),
    "redirect URI": ("com.example.app", "com.example.other", "may widen for outside/app at corp: redirectUris: added com.example.other:/callback; removed com.example.app:/callback"),
    "redirect path": ("[/callback]", "[/callback, /new]", "may widen for shop/web at corp: redirectUris: added https://web-shop.apps.example.com/new"),
    "key set": ("partner.example.com", "rival.example.com", "may widen for outside/partner at corp: jwksUri: https://partner.example.com/keys -> https://rival.example.com/keys"),
    "kind": ("kind: web", "kind: browser", "may widen for shop/web at corp: kind: web -> browser"),
    "refresh": ("kind: web", "refresh: true, kind: web", "may widen for shop/web at corp: refresh: false -> true"),
    "key's rotation": ("kind: service", "rotateEvery: 30d, kind: service", "changed for shop/checkout at corp: rotateEvery: none -> 30"),
    "waiver": ("owner: team-orders\n", WAIVED, "changed for callers of orders/api: waivers: added LINT301 until 2027-01-31"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), CASES.values(), ids=CASES)
def test_another_setting_is_told_with_both_values(
    project: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, line: str
) -> None:
    """In the first line, in JSON, and in what is compared with what was deployed; and backwards, too."""
    same(capsys)
    settings = settings_of("local")
    deployed = project / "deployed.json"
    deployed.write_text(
        json.dumps(
            dump_model(
                model_of(
                    estate_of(read_files([Path("applications")]), settings), settings
                )
            )
        )
    )
    edit(old, new)
    assert told(capsys).splitlines()[0] == line
    said = json.loads(told(capsys, "--json"))
    assert said["headline"] == line
    assert line.startswith(said["changes"][0]["kind"])
    assert said["changes"][0]["old"] != said["changes"][0]["new"]
    assert main(["diff", str(deployed), ".", "--exit-code"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == line
    assert main(["diff", ".", str(deployed), "--exit-code"]) == 1


def test_another_namespace_is_told_of_pods_and_of_credentials(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What answers is in another place, and so is what clients prove themselves with."""
    edit("namespace: shop", "namespace: elsewhere")
    pods = [
        f"shop/web:3000 (team-shop), own pods in {place} at 3000 (Deployment web)"
        for place in ("shop", "elsewhere")
    ]
    assert [" ".join(line.split()) for line in told(capsys).splitlines()[3:]] == [
        f"now answered by shop/web everybody * https://web-shop.apps.example.com/: {' -> '.join(pods)} applications/shop.yaml:19:50",
        "may widen shop/checkout at corp namespace: shop -> elsewhere",
        "may widen shop/web at corp namespace: shop -> elsewhere",
    ]


def test_another_scheme_is_told_with_all_that_follows_from_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain http gives tokens away, and users come back by it; https refuses whoever calls without it."""
    edit("hstsSeconds: 600", "scheme: http")
    lines = told(capsys).splitlines()
    assert (
        lines[0]
        == "may widen for everybody: gateway.scheme: https -> http (and 2 more changes of access)"
    )
    assert [" ".join(line.split()) for line in lines[3:]] == [
        "may widen everybody gateway.scheme: https -> http",
        "may widen shop/web at corp redirectUris: added http://web-shop.apps.example.com/callback; removed https://web-shop.apps.example.com/callback",
        "changed everybody gateway.hstsSeconds: 600 -> 0",
    ]
    assert main(["diff", ".", "../before", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    kinds = [(change["kind"], change["setting"]) for change in said["changes"]]
    assert ("may narrow", "gateway.scheme") in kinds


def test_another_client_without_a_workload_is_another_principal(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing but its name says which application on a device it is; a partner is known by where its keys are."""
    edit("outside/app", "outside/other")
    edit("name: app\n", "name: other\n")
    edit("outside/partner", "outside/ally")
    edit("name: partner\n", "name: ally\n")
    lines = [" ".join(line.split()[:2]) for line in told(capsys).splitlines()[3:]]
    assert lines == ["granted outside/other", "revoked outside/app"]


def test_a_partners_certificate_is_told_by_its_fingerprint(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has its key calls as the partner; the certificate itself is not repeated."""
    pem = certified(rsa_key())
    edit(
        "audience:",
        f"certificates: {{outside/partner: [{json.dumps(pem)}]}}\n      audience:",
    )
    line = told(capsys).splitlines()[0]
    assert line.startswith(
        "may widen for outside/partner at corp: certificates: added "
    )
    assert len(line.split()[-1]) == 64
    assert "BEGIN" not in told(capsys, "--json")


def test_each_kind_of_subject_has_a_form_in_json(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everybody, a provider, a client, a component; the worst first."""
    edit("hstsSeconds: 600", "hstsSeconds: 700")
    edit("api://orders", "api://all")
    edit("kind: web", "refresh: true, kind: web")
    edit("owner: team-orders\n", WAIVED)
    assert json.loads(told(capsys, "--json"))["changes"] == [
        {
            "kind": "may widen",
            "for": [{"provider": "corp"}],
            "setting": "audience",
            "old": "api://orders",
            "new": "api://all",
        },
        {
            "kind": "may widen",
            "for": [{"client": "shop/web", "provider": "corp"}],
            "setting": "refresh",
            "old": False,
            "new": True,
        },
        {
            "kind": "changed",
            "for": [{"everybody": True}],
            "setting": "gateway.hstsSeconds",
            "old": 600,
            "new": 700,
        },
        {
            "kind": "changed",
            "for": [{"component": "orders/api"}],
            "setting": "waivers",
            "old": [],
            "new": ["LINT301 until 2027-01-31"],
        },
    ]
    table = told(capsys, "--markdown").splitlines()
    assert (
        table[4]
        == "| may widen | `clients of corp` |  | `identityProviders.corp.audience: api://orders -> api://all` |  |"
    )

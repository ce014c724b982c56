"""A policy pack of one rule guards the estate."""

from pathlib import Path

from sandbox.local import STACK
from tests.engine.conftest import Empty, entities

_PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def no_orders(args, report):
    if args.resource_type == "kong:index/route:Route" and "orders.example.com" in args.props.get("hosts", []):
        report(f"orders may not be exposed: {args.name}")

PolicyPack(
    "house-rules",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy("no-orders", "Orders stay inside.", no_orders)],
)
"""


def test_a_policy_pack_of_one_rule_blocks_an_up(empty: Empty, tmp_path: Path) -> None:
    """A mandatory policy against the routes of one host: the up fails in its preview, and nothing at all was made."""
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__main__.py").write_text(_PACK)
    deployment = empty()
    blocked = deployment.pulumi("up", "-s", STACK, "--yes", "--policy-pack", str(pack), check=False)
    assert blocked.returncode != 0
    assert "orders may not be exposed: orders/api-protected-1-8080" in blocked.stdout
    assert entities(deployment.local) == {}
    without_preview = deployment.run("up", "--policy-pack", str(pack), check=False)
    assert without_preview.returncode != 0
    assert "orders may not be exposed: orders/api-" in without_preview.stdout
    assert [one for one in deployment.local.kong.entities("routes") if "orders.example.com" in one["hosts"]] == []

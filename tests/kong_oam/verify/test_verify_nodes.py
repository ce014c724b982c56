"""`verify` on nodes without a database (stand-ins): it reads a node that has the document, and
names each node that lacks it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kong_oam.cli.console import Console
from kong_oam.cli.verify import entries_of, lines_of
from kong_oam.kong.account import Account, command_prefix
from kong_oam.kong.preflight import PreflightError, inspect
from kong_oam.verify import stack
from kong_oam.verify.stack import Result, VerificationError, Workloads, verify
from sandbox.kong import Kong
from tests.support.dbless import load as load_saved
from tests.support.dbless import writable
from tests.support.dbless_estate import DblessEstate, deployed
from tests.support.verified_gateway import Hands

FOREIGN = {"name": "theirs", "host": "theirs.test"}
DBLESS = "python -m kong_oam dbless -s prod"


@pytest.fixture
def estate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DblessEstate]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KONG_ADMIN_ADDR", raising=False)
    with deployed(tmp_path / "kong.json.gz") as made:
        outputs = made.deployment.deployed
        monkeypatch.setattr(stack, "_deployed", lambda *_: outputs)
        yield made


def verified(estate: DblessEstate) -> Result:
    return verify(estate.settings, estate.deployment.estate)


def load(node: Kong, **lists: object) -> None:
    document = json.dumps({"_format_version": "3.0", **lists})
    answer = httpx.post(f"{node.admin_url}/config", json={"config": document})
    assert answer.status_code == 201


def changed(estate: DblessEstate) -> bytes:
    """Write an entity to the nodes. Return the document before it."""
    with writable(estate.nodes, estate.file) as address, Hands(address) as by:
        earlier = estate.file.read_bytes()
        by.make("/consumers", username="somebody")
        by.keep()
    return earlier


def test_nodes_with_the_document_enforce_the_applications(
    estate: DblessEstate,
) -> None:
    result = verified(estate)
    assert result.findings == ()
    assert result.stale == ()
    assert result.components == 2


def test_a_node_without_a_database_can_only_be_read(
    estate: DblessEstate,
) -> None:
    account = Account(estate.nodes[0].admin_url)
    assert inspect(account, only_reads=True).version
    with pytest.raises(PreflightError, match="has no database"):
        inspect(account)


def test_a_node_without_a_document_is_stale(estate: DblessEstate) -> None:
    """The remedy loads the document."""
    first, second = estate.nodes
    load(first)
    result = verified(estate)
    assert result.findings == ()
    (stale,) = result.stale
    assert stale.node == first.admin_url
    assert stale.text == f"the node {first.admin_url} has no document"
    assert stale.remedy == f"{DBLESS} -- true"
    with writable(estate.nodes, estate.file):
        pass
    assert verified(estate).stale == ()
    assert first.entities("routes") == second.entities("routes")


def test_an_entity_of_an_interrupted_write_needs_no_replacement(
    estate: DblessEstate,
) -> None:
    """It has the stack's tags."""
    tags = ["kong-oam", "kong-oam-stack:prod"]
    ours = {"id": "7e0cf9a5-2c35-4c1c-8a4e-0d6b1f3f5d11", "name": "newer"}
    load(estate.nodes[1], services=[{**ours, "host": "a.test", "tags": tags}])
    (stale,) = verified(estate).stale
    assert stale.text == (
        f"the node {estate.nodes[1].admin_url} has another document"
    )
    assert stale.remedy == f"{DBLESS} -- true"


def test_a_node_with_an_earlier_document_is_stale(
    estate: DblessEstate,
) -> None:
    earlier = changed(estate)
    load_saved(estate.nodes[1], earlier)
    (stale,) = verified(estate).stale
    assert stale.text == (
        f"the node {estate.nodes[1].admin_url} has an earlier document"
    )
    assert stale.remedy == f"{DBLESS} -- true"


def test_a_document_that_is_out_of_date_is_an_error(
    estate: DblessEstate,
) -> None:
    """No node has it, and the nodes have a newer document."""
    earlier = changed(estate)
    estate.file.write_bytes(earlier)
    with pytest.raises(VerificationError, match="may be out of date"):
        verified(estate)


def test_foreign_entities_of_a_stale_node_are_named(
    estate: DblessEstate,
) -> None:
    """The remedy drops them."""
    identifier = "7e0cf9a5-2c35-4c1c-8a4e-0d6b1f3f5d11"
    load(estate.nodes[1], services=[{"id": identifier, **FOREIGN}])
    (stale,) = verified(estate).stale
    assert "with services theirs, which the saved document lacks" in stale.text
    assert stale.remedy == f"{DBLESS} --replace -- true"


def test_a_node_that_does_not_answer_is_stale(estate: DblessEstate) -> None:
    estate.nodes[0].stop()
    (stale,) = verified(estate).stale
    assert "does not answer (ConnectError); check gateway.nodes" in stale.text
    assert stale.remedy == ""


def test_no_node_with_the_document_is_an_error(estate: DblessEstate) -> None:
    for node in estate.nodes:
        load(node)
    with pytest.raises(VerificationError) as raised:
        verified(estate)
    shown = str(raised.value)
    assert shown.startswith(f"no node has the document {estate.file}; repair")
    assert f"`{DBLESS} -- true`" in shown
    for node in estate.nodes:
        assert f"the node {node.admin_url} has no document" in shown


def test_a_missing_or_unusable_document_is_an_error(
    estate: DblessEstate,
) -> None:
    estate.file.write_bytes(estate.file.read_bytes()[:-9])
    with pytest.raises(VerificationError, match="cannot be decompressed"):
        verified(estate)
    estate.file.unlink()
    with pytest.raises(VerificationError) as raised:
        verified(estate)
    assert f"the document {estate.file} is missing" in str(raised.value)
    assert f"`{DBLESS} -- pulumi up -s prod`" in str(raised.value)


def test_inside_dbless_it_reads_the_writable_admin_api(
    estate: DblessEstate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the nodes have the document, so it does not read the file."""
    with writable(estate.nodes, estate.file) as address:
        monkeypatch.setenv("KONG_ADMIN_ADDR", address)
        estate.file.unlink()
        result = verified(estate)
    assert result.findings == ()
    assert result.stale == ()


def test_remedies_write_through_dbless(estate: DblessEstate) -> None:
    """Also the remedies of other findings: the nodes take no single change."""
    with writable(estate.nodes, estate.file) as address, Hands(address) as by:
        service = by.find("services", name="kong-oam.prod.orders.api.8080")
        by.change("services", service, enabled=False)
        by.keep()
    remedies = set()
    for _, reasons in verified(estate).findings:
        remedies |= {reason.remedy for reason in reasons if reason.remedy}
    assert remedies
    for remedy in remedies:
        assert remedy.startswith(f"{DBLESS} -- ")
    assert command_prefix(estate.deployment.settings) == ""


def test_a_stale_node_is_a_finding(estate: DblessEstate) -> None:
    """In words and as data; the verdict counts it."""
    load(estate.nodes[1])
    result = verified(estate)
    text = f"the node {estate.nodes[1].admin_url} has no document"
    remedy = f"{DBLESS} -- true"
    assert [*lines_of(result, "prod", Console(io.StringIO()))] == [
        f"stale: {text}",
        f"    to do: {remedy}",
        "1 finding(s): the Kong of stack 'prod' does not enforce the Applications",
    ]
    assert entries_of(result, Workloads((), 0)) == [
        {
            "kind": "stale",
            "object": estate.nodes[1].admin_url,
            "reasons": [{"text": text, "remedy": remedy}],
            "calls": [],
        }
    ]

"""The types of YAML have the words of the JSON Schemas."""

from __future__ import annotations

from kong_oam.access.compile.access import AccessYaml
from kong_oam.access.settings.cluster import ClusterYaml
from kong_oam.access.settings.gateway import GatewayYaml
from kong_oam.access.settings.identity_providers import IdentityProviderYaml
from kong_oam.access.settings.stack import StackYaml, _schema
from kong_oam.oam.schema import schema


def test_each_type_has_the_words_of_its_schema() -> None:
    stack = _schema()
    words = stack["properties"]
    for kind, node in (
        (StackYaml, stack),
        (ClusterYaml, words["cluster"]),
        (GatewayYaml, words["gateway"]),
        (IdentityProviderYaml, words["identityProviders"]["items"]),
        (AccessYaml, schema("access")),
    ):
        assert kind.__annotations__.keys() == node["properties"].keys()

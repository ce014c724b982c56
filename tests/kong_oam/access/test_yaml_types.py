"""The types of YAML have the words of the JSON Schemas."""

from __future__ import annotations

from kong_oam.access.compile.access import AccessYaml
from kong_oam.access.settings.cluster import ClusterYaml
from kong_oam.access.settings.gateway import GatewayYaml
from kong_oam.access.settings.identity_providers import IdentityProviderYaml
from kong_oam.access.settings.stack import StackYaml, _schema
from kong_oam.oam.schema import schema
from kong_oam.traits.cors.value import CorsYaml
from kong_oam.traits.headers.value import HeadersYaml, RequestYaml, ResponseYaml
from kong_oam.traits.ip_allow.value import IpAllowYaml, IpRuleYaml
from kong_oam.traits.kong_plugin.value import KongPluginYaml
from kong_oam.traits.limits.value import LimitsYaml
from kong_oam.traits.rate_limit.value import RateLimitYaml
from kong_oam.traits.upstream_tls.value import UpstreamTlsTraitYaml


def test_each_type_has_the_words_of_its_schema() -> None:
    stack = _schema()
    words = stack["properties"]
    for kind, node in (
        (StackYaml, stack),
        (ClusterYaml, words["cluster"]),
        (GatewayYaml, words["gateway"]),
        (IdentityProviderYaml, words["identityProviders"]["items"]),
        (AccessYaml, schema("access")),
        (CorsYaml, schema("cors")),
        (HeadersYaml, schema("headers")),
        (RequestYaml, schema("headers")["properties"]["request"]),
        (ResponseYaml, schema("headers")["properties"]["response"]),
        (IpAllowYaml, schema("ip-allow")),
        (IpRuleYaml, schema("ip-allow")["$defs"]["rule"]),
        (KongPluginYaml, schema("kong-plugin")),
        (LimitsYaml, schema("limits")),
        (RateLimitYaml, schema("rate-limit")),
        (UpstreamTlsTraitYaml, schema("upstream-tls")),
    ):
        assert kind.__annotations__.keys() == node["properties"].keys()

"""All rules of the pack. Controls: SOC 2 Trust Services Criteria (2017), and Annex A of ISO/IEC
27001:2022."""

from __future__ import annotations

from collections.abc import Mapping

from . import applications, credentials, gateway, identity, running, workload
from .rule import PolicyRule, PolicySetting


def _texts(description: str, *default: str) -> PolicySetting:
    """Return a setting that is a list of texts."""
    schema = {
        "type": "array",
        "items": {"type": "string"},
        "description": description,
    }
    return PolicySetting(schema, [*default])


_EXCEPT_CLOUDS = {
    "exceptClouds": _texts(
        "Clouds (kong-oam:cloud) where plain http may be.", "local"
    )
}
_ALLOW = {"allow": _texts("Plugins that leave the decision to the gate.")}
_KINDS = {"allow": _texts("Kinds of objects (group/Kind) that are let be.")}

_LONGEST: Mapping[str, PolicySetting] = {
    "longestDays": PolicySetting(
        {
            "type": "integer",
            "minimum": 1,
            "description": "How many days a client may keep its key.",
        },
        90,
    )
}

_WIDEST: Mapping[str, PolicySetting] = {
    f"widestIPv{version}": PolicySetting(
        {
            "type": "integer",
            "minimum": 1,
            "maximum": bits,
            "description": f"Shortest prefix of an IPv{version} range.",
        },
        usual,
    )
    for version, bits, usual in ((4, 32, 26), (6, 128, 64))
}

RULES: tuple[PolicyRule, ...] = (
    PolicyRule(
        "route-guarded", "mandatory", "critical",
        "every route leads to a service with admission, authentication and the gate, all enabled",
        "Remove the route, or let an Application's gateway trait make it.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.5.15", "ISO27001 A.8.3"),
        gateway.guarded_routes,
    ),
    PolicyRule(
        "service-nowhere", "mandatory", "critical",
        "every service leads to an Upstream without Targets, so that only its gate leads to a "
        "workload",
        "Let an Application's gateway trait make the service; remove the Target.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.8.3", "ISO27001 A.8.20"),
        gateway.leading_nowhere,
    ),
    PolicyRule(
        "upstream-verified", "mandatory", "high",
        "https to a workload is verified by a CA, and is spoken where the Application asks for it",
        "Run `pulumi up --refresh`: it puts back what was changed by hand; gateway.upstreamTls.ca "
        "names the CA.",
        ("SOC2 CC6.7", "ISO27001 A.8.20", "ISO27001 A.8.24"),
        gateway.verified_upstreams,
    ),
    PolicyRule(
        "script-current", "mandatory", "critical",
        "admission and the gate run the scripts of this version, and no others around them",
        "Run `pulumi up --refresh`: it puts back what was changed by hand.",
        ("SOC2 CC6.1", "SOC2 CC8.1", "ISO27001 A.8.3", "ISO27001 A.8.9"),
        running.current_scripts, alone=True,
    ),
    PolicyRule(
        "guard-known", "advisory", "low",
        "a preview knows what admission, authentication and the gate are given",
        "Read `access diff`, which says what changes for callers: nothing but ids of clients or "
        "APIs is unknown.",
        ("SOC2 CC8.1", "ISO27001 A.8.32"),
        gateway.known_configurations, alone=True,
    ),
    PolicyRule(
        "authentication-strict", "mandatory", "critical",
        "tokens are verified in full, from one place, and nobody passes without one where nothing "
        "is public",
        "Run `pulumi up --refresh`, or undo the change of the program that set it.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.5"),
        gateway.strict_authentication,
    ),
    PolicyRule(
        "public-declared", "mandatory", "critical",
        "what a gate lets everybody call, a public rule says",
        "Declare the public rule in the Application, with its reason, or undo the change of the "
        "program.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.5.15", "ISO27001 A.8.3"),
        gateway.declared_public,
    ),
    PolicyRule(
        "address-declared", "mandatory", "critical",
        "what an ip-allow trait lets in from some networks only, a gate lets in from nowhere else",
        "Name the network in the ip-allow trait, or undo the change of the program.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.8.3", "ISO27001 A.8.20"),
        gateway.declared_addresses,
    ),
    PolicyRule(
        "gate-undisturbed", "mandatory", "critical",
        "no plugin answers before the gate, authenticates, runs code, rewrites, or lets pages read "
        "answers",
        "Remove the plugin, or put it on a service that is not of Kong-OAM.",
        ("SOC2 CC6.1", "SOC2 CC8.1", "ISO27001 A.8.3", "ISO27001 A.8.9"),
        gateway.undisturbed, settings=_ALLOW,
    ),
    PolicyRule(
        "plugin-waived", "advisory", "low",
        "no plugin stands before a component by a waiver",
        "Look at each until its day: nobody here knows what it does to calls.",
        ("SOC2 CC8.1", "ISO27001 A.8.9"),
        gateway.waived_plugins,
    ),
    PolicyRule(
        "no-plain-http", "mandatory", "high",
        "no route takes plain http",
        "Set gateway.scheme of the stack to https.",
        ("SOC2 CC6.7", "ISO27001 A.5.14", "ISO27001 A.8.24"),
        gateway.encrypted_routes, alone=True, settings=_EXCEPT_CLOUDS,
    ),
    PolicyRule(
        "redirect-exact", "mandatory", "high",
        "every redirect URI is one address, by https; of a native application it may stay on the "
        "device",
        "Write each redirect path by itself in `redirectPaths`; the addresses follow the "
        "component's gateway trait.",
        ("SOC2 CC6.1", "ISO27001 A.8.5", "ISO27001 A.8.26"),
        identity.exact_redirects, alone=True, settings=_EXCEPT_CLOUDS,
    ),
    PolicyRule(
        "grant-safe", "mandatory", "high",
        "no implicit and no password grant",
        "Give the client a `kind`: web, browser and native use the authorization code with PKCE.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.5"),
        identity.safe_grants, alone=True,
    ),
    PolicyRule(
        "grant-named", "mandatory", "high",
        "no policy for ALL_CLIENTS, and no scope `*`",
        "Name the component in a role, and the scopes in its `calls`.",
        ("SOC2 CC6.3", "ISO27001 A.5.15", "ISO27001 A.5.18"),
        identity.named_grants, alone=True,
    ),
    PolicyRule(
        "secret-hidden", "mandatory", "critical",
        "no secret in clear: marked where it is kept, and nowhere else",
        "Set it with `pulumi config set --secret`, or reference a Kubernetes Secret; replace what "
        "was once in clear.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.12"),
        credentials.hidden_secrets,
    ),
    PolicyRule(
        "keys-rotated", "mandatory", "medium",
        "keys are rotated: the issuer's by itself, clients' in time, and whatever they share with "
        "a provider",
        "Set credentials_rotation_mode to AUTO, rotation.every and rotateEvery to 90d or less; "
        "remove clientSecrets.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.24"),
        identity.rotated_keys, alone=True, settings=_LONGEST,
    ),
    PolicyRule(
        "workload-fenced", "mandatory", "high",
        "every exposed workload is behind a NetworkPolicy that names who may connect, and nothing "
        "around it",
        "Set gateway.namespace and gateway.podLabels, or gateway.cidrs, to where the gateway is "
        "and nothing wider.",
        ("SOC2 CC6.6", "ISO27001 A.8.20", "ISO27001 A.8.22"),
        workload.fenced_workloads, settings={**_WIDEST, **_KINDS},
    ),
    PolicyRule(
        "applications-readable", "mandatory", "high",
        "the Applications and the stack's settings can be read",
        "Run `python -m kong_oam check`.",
        ("SOC2 CC8.1", "ISO27001 A.8.32"),
        applications.readable,
    ),
    PolicyRule(
        "component-owned", "advisory", "low",
        "every component has an owner",
        "Write `owner` in the access trait, or in the annotations of the Application.",
        ("SOC2 CC1.3", "ISO27001 A.5.9"),
        applications.owned_components,
    ),
    PolicyRule(
        "public-reasoned", "mandatory", "medium",
        "every public rule says why",
        "Write the `reason` of the public rule in words that a reviewer can check.",
        ("SOC2 CC6.1", "ISO27001 A.5.15"),
        applications.reasoned_public_rules,
    ),
    PolicyRule(
        "public-ending", "advisory", "low",
        "every public rule says until when",
        "Write `until`, the day by which somebody looks at it again.",
        ("SOC2 CC6.2", "ISO27001 A.5.18"),
        applications.ending_public_rules,
    ),
    PolicyRule(
        "public-current", "mandatory", "medium",
        "no public rule is past its day",
        "Close it, or write a later `until` after looking at it again.",
        ("SOC2 CC6.2", "SOC2 CC4.2", "ISO27001 A.5.18"),
        applications.current_public_rules,
    ),
    PolicyRule(
        "waiver-current", "advisory", "low",
        "no waiver is past its day",
        "Mend what it was for and remove it, or write a later `until` after looking at it again.",
        ("SOC2 CC4.2", "ISO27001 A.5.36"),
        applications.current_waivers,
    ),
)  # fmt: skip

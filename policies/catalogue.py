"""All rules of the pack. Controls: SOC 2 Trust Services Criteria (2017), and Annex A of ISO/IEC
27001:2022."""

from __future__ import annotations

from . import applications, credentials, gateway, identity, running, workload
from .rule import PolicyRule, PolicySetting


def _texts(description: str, *default: str) -> PolicySetting:
    schema = {
        "type": "array",
        "items": {"type": "string"},
        "description": description,
    }
    return PolicySetting(schema, [*default])


_EXCEPT_CLOUDS = {
    "exceptClouds": _texts(
        "Clouds (kong-oam:cloud) that may use plain http.", "local"
    )
}
_ALLOW = {"allow": _texts("Plugins that leave the decision to the gate.")}
_KINDS = {"allow": _texts("Kinds of objects (group/Kind) to ignore.")}

_LONGEST = {
    "longestDays": PolicySetting(
        {
            "type": "integer",
            "minimum": 1,
            "description": "The most days that a client may keep its key.",
        },
        90,
    )
}

_WIDEST = {
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
        "every route points to a service with admission, authentication and the gate, all enabled",
        "Remove the route, or create it by an Application's gateway trait.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.5.15", "ISO27001 A.8.3"),
        gateway.guarded_routes,
    ),
    PolicyRule(
        "service-nowhere", "mandatory", "critical",
        "every service points to an Upstream without Targets, so that only its gate forwards to "
        "a workload",
        "Remove the Target, or create the service by an Application's gateway trait.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.8.3", "ISO27001 A.8.20"),
        gateway.services_without_address,
    ),
    PolicyRule(
        "upstream-verified", "mandatory", "high",
        "a CA verifies https to workloads, and the gate uses https where the Application asks "
        "for it",
        "Run `pulumi up --refresh` to revert manual changes; gateway.upstreamTls.ca names the CA.",
        ("SOC2 CC6.7", "ISO27001 A.8.20", "ISO27001 A.8.24"),
        gateway.verified_upstreams,
    ),
    PolicyRule(
        "script-current", "mandatory", "critical",
        "admission and the gate run only the scripts of this version",
        "Run `pulumi up --refresh` to revert manual changes.",
        ("SOC2 CC6.1", "SOC2 CC8.1", "ISO27001 A.8.3", "ISO27001 A.8.9"),
        running.current_scripts, alone=True,
    ),
    PolicyRule(
        "guard-known", "advisory", "low",
        "a preview knows the inputs of admission, authentication and the gate",
        "Read `access diff`, which shows the changes for callers: only ids of clients or APIs "
        "are unknown.",
        ("SOC2 CC8.1", "ISO27001 A.8.32"),
        gateway.known_configurations, alone=True,
    ),
    PolicyRule(
        "authentication-strict", "mandatory", "critical",
        "tokens are verified in full, in one place, and calls without a token pass only to "
        "public rules",
        "Run `pulumi up --refresh`, or revert the program's change of the setting.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.5"),
        gateway.strict_authentication,
    ),
    PolicyRule(
        "public-declared", "mandatory", "critical",
        "a gate lets everybody call only what a public rule declares",
        "Declare the public rule in the Application, with its reason, or revert the program's "
        "change.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.5.15", "ISO27001 A.8.3"),
        gateway.declared_public,
    ),
    PolicyRule(
        "address-declared", "mandatory", "critical",
        "a gate allows only the networks of the ip-allow trait",
        "Add the network to the ip-allow trait, or revert the program's change.",
        ("SOC2 CC6.1", "SOC2 CC6.6", "ISO27001 A.8.3", "ISO27001 A.8.20"),
        gateway.declared_addresses,
    ),
    PolicyRule(
        "old-credential-declared", "mandatory", "critical",
        "a gate accepts only the old credentials that both Applications declare",
        "Declare `before` and `acceptBefore`, or revert the program's change.",
        ("SOC2 CC6.1", "ISO27001 A.5.15", "ISO27001 A.5.17", "ISO27001 A.8.5"),
        gateway.declared_old_credentials,
    ),
    PolicyRule(
        "gate-undisturbed", "mandatory", "critical",
        "no plugin answers before the gate, authenticates, runs code, rewrites, or lets pages "
        "read answers",
        "Remove the plugin, or attach it to a service that Kong-OAM does not manage.",
        ("SOC2 CC6.1", "SOC2 CC8.1", "ISO27001 A.8.3", "ISO27001 A.8.9"),
        gateway.undisturbed_gates, settings=_ALLOW,
    ),
    PolicyRule(
        "plugin-waived", "advisory", "low",
        "no waiver accepts a plugin in front of a component",
        "Review each plugin until its waiver ends: its effect on calls is unknown.",
        ("SOC2 CC8.1", "ISO27001 A.8.9"),
        gateway.waived_plugins,
    ),
    PolicyRule(
        "no-plain-http", "mandatory", "high",
        "no route accepts plain http",
        "Set gateway.scheme of the stack to https.",
        ("SOC2 CC6.7", "ISO27001 A.5.14", "ISO27001 A.8.24"),
        gateway.encrypted_routes, alone=True, settings=_EXCEPT_CLOUDS,
    ),
    PolicyRule(
        "redirect-exact", "mandatory", "high",
        "every redirect URI is one https address; a native application's may stay on the device",
        "List each redirect path in `redirectPaths`; the addresses follow the component's "
        "gateway trait.",
        ("SOC2 CC6.1", "ISO27001 A.8.5", "ISO27001 A.8.26"),
        identity.exact_redirects, alone=True, settings=_EXCEPT_CLOUDS,
    ),
    PolicyRule(
        "grant-safe", "mandatory", "high",
        "no client may use the implicit or the password grant",
        "Set the client's `kind`: web, browser and native use the authorization code with PKCE.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.5"),
        identity.safe_grants, alone=True,
    ),
    PolicyRule(
        "grant-named", "mandatory", "high",
        "no policy is for ALL_CLIENTS, and no rule issues the scope `*`",
        "Name the component in a role, and the scopes in its `calls`.",
        ("SOC2 CC6.3", "ISO27001 A.5.15", "ISO27001 A.5.18"),
        identity.named_grants, alone=True,
    ),
    PolicyRule(
        "secret-hidden", "mandatory", "critical",
        "no secret is in plain text, and every secret is marked as a secret",
        "Set it with `pulumi config set --secret`, or reference a Kubernetes Secret; then "
        "replace the exposed secret.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.12"),
        credentials.hidden_secrets,
    ),
    PolicyRule(
        "keys-rotated", "mandatory", "medium",
        "keys rotate: the issuer's automatically, clients' keys and shared secrets in time",
        "Set credentials_rotation_mode to AUTO, rotation.every and rotateEvery to 90d or less; "
        "remove clientSecrets.",
        ("SOC2 CC6.1", "ISO27001 A.5.17", "ISO27001 A.8.24"),
        identity.rotated_keys, alone=True, settings=_LONGEST,
    ),
    PolicyRule(
        "workload-fenced", "mandatory", "high",
        "every exposed workload has a NetworkPolicy that names its callers, and no way around it "
        "exists",
        "Set gateway.namespace and gateway.podLabels, or gateway.cidrs, to the gateway's place "
        "and nothing wider. Name other callers in `internal`.",
        ("SOC2 CC6.6", "ISO27001 A.8.20", "ISO27001 A.8.22"),
        workload.fenced_workloads, settings={**_WIDEST, **_KINDS},
    ),
    PolicyRule(
        "applications-readable", "mandatory", "high",
        "the Applications and the stack's settings are readable",
        "Run `python -m kong_oam check`.",
        ("SOC2 CC8.1", "ISO27001 A.8.32"),
        applications.readable,
    ),
    PolicyRule(
        "invariants-hold", "mandatory", "critical",
        "every invariant of the estate holds",
        "Run `python -m kong_oam check`, and narrow the rule or the role.",
        ("SOC2 CC6.1", "SOC2 CC6.3", "ISO27001 A.5.3", "ISO27001 A.5.15"),
        applications.held_invariants,
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
        "every public rule gives a reason",
        "Write the `reason` of the public rule in words that a reviewer can check.",
        ("SOC2 CC6.1", "ISO27001 A.5.15"),
        applications.reasoned_public_rules,
    ),
    PolicyRule(
        "public-ending", "advisory", "low",
        "every public rule has an end date",
        "Write `until`, the day of the next review.",
        ("SOC2 CC6.2", "ISO27001 A.5.18"),
        applications.ending_public_rules,
    ),
    PolicyRule(
        "public-current", "mandatory", "medium",
        "no public rule is past its end date",
        "Remove the rule, or review it and write a later `until`.",
        ("SOC2 CC6.2", "SOC2 CC4.2", "ISO27001 A.5.18"),
        applications.current_public_rules,
    ),
    PolicyRule(
        "waiver-current", "advisory", "low",
        "no waiver is past its end date",
        "Fix the finding and remove the waiver, or review it and write a later `until`.",
        ("SOC2 CC4.2", "ISO27001 A.5.36"),
        applications.current_waivers,
    ),
)  # fmt: skip

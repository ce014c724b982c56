"""The codes of findings about Kong (ENV4xx) and about plugins in Applications."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ACC246": Code(
        "a plugin that could decide in the gate's place, or that the component already has",
        "remove it, or accept it until a day with a `waiver`, if the message allows a waiver",
    ),
    "ACC247": Code(
        "a plugin whose waiver has expired",
        "remove the plugin, or renew the reason and the day of its `waiver`",
    ),
    "ACC248": Code(
        "a plugin's configuration with a header of the gate, with code, or with a secret",
        "remove it; replace a secret by `{vault://APPLICATION/NAME}`",
    ),
    "ENV405": Code(
        "a needed name, issuer or certificate host in Kong belongs to another stack or to no stack",
        "ask its owner to rename or remove it; this stack changes only its own entities",
    ),
    "ENV406": Code(
        "an entity in Kong has this stack's tags, but is missing in its state",
        "check that this is the right backend; then run `python -m kong_oam recover -s STACK "
        "--remove` to remove it",
    ),
    "ENV418": Code(
        "a plugin, field or value that this Kong does not know or accept",
        "correct it, or ask Kong's operators to add the plugin (setting `plugins`)",
    ),
    "ENV419": Code(
        "an entity in Kong belongs to another stack of the estate, by its tags",
        "move the Application with all its resources: `python -m kong_oam move -s STACK`",
    ),
    "ENV420": Code(
        "a host and path that another stack's route, or a route of no stack, has in the same Kong",
        "use another host or path, deploy both from one stack, or ask the route's owner to remove "
        "it",
    ),
    "ENV426": Code(
        "an older route may win over a route of this stack (`gateway.adopted`)",
        "remove the route, or its headers, SNIs, regex_priority or narrower host",
    ),
    "ENV427": Code(
        "a global plugin would act on this stack's services",
        "put the plugin on each service that needs it, and delete the global plugin",
    ),
    "ENV428": Code(
        "the next sync of a decK file would delete this stack's entities",
        "give the file's entities a tag, sync, and name the tag in `_info.select_tags`",
    ),
    "ENV429": Code(
        "a version of Kong with a defect, or without a run of the live tests (warning)",
        "use another version, or run them on a Kong of this version that nobody uses: "
        "`make test-live`",
    ),
    "ENV423": Code(
        "Kong lacks the consumer of an old credential",
        "correct `consumer`, or remove `before`; the consumer's owner keeps and deletes it",
    ),
    "ENV424": Code(
        "a stack made the consumer of an old credential",
        "name a consumer that stands for this client alone",
    ),
    "ENV425": Code(
        "the gateway's records would keep a key",
        "remove the name from `gateway.logs.query`, or accept keys only in a header",
    ),
    "ENV416": Code(
        "an external component whose name resolves to the gateway, its Admin API, the cluster, or "
        "a special address",
        "correct the name in DNS, or write the backend's own host under `gateway.upstreams`",
    ),
    "ENV417": Code(
        "an external component whose name does not resolve where the run is",
        "check the name; the gateway's nodes must resolve it",
    ),
}

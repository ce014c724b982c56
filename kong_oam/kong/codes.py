"""The codes of findings about Kong (ENV4xx) and about plugins in Applications."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ACC246": Code(
        "a plugin that could decide in the gate's place, or that stands there by other means",
        "take it out; where the message says so, a `waiver` with a reason and an end accepts it "
        "for a while",
    ),
    "ACC247": Code(
        "a waiver past its last day, by which a plugin stands before a component",
        "take the plugin out, or say anew in its `waiver` why it is accepted and until when",
    ),
    "ACC248": Code(
        "a plugin's configuration with a header of the gate's, with code, or with a secret that is "
        "not in a vault",
        "take it out; of a secret write `{vault://APPLICATION/NAME}`",
    ),
    "ENV405": Code(
        "a name, an issuer or a certificate's host that is needed in Kong is another "
        "stack's or was made outside any stack",
        "have it renamed or removed by whoever made it: what this stack did not make is never "
        "touched",
    ),
    "ENV406": Code(
        "something in Kong has this stack's tags, and its state does not know it",
        "look first whether this is the right backend; `python -m kong_oam recover -s STACK "
        "--remove` removes it",
    ),
    "ENV418": Code(
        "a plugin, a field of it or a value that this Kong does not have or take",
        "correct it as the message says, or have whoever runs Kong add the plugin (its setting "
        "`plugins`)",
    ),
    "ENV419": Code(
        "something in Kong that another stack of the estate has, by its tags",
        "move the Application with all that is its: `python -m kong_oam move -s STACK`",
    ),
    "ENV420": Code(
        "a host and path that a route of another stack, or one that was made outside any stack, "
        "has in the same Kong",
        "take another host or path in one of the two, bring both into one stack, or have a route "
        "that nobody needs removed by whoever made it",
    ),
}

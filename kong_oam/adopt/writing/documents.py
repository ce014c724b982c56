"""The texts of the written files: an Application, and the settings of a stack."""

from __future__ import annotations

from kong_oam.access.compile.component import OWNER
from kong_oam.adopt.writing.components import REASON, Components
from kong_oam.adopt.writing.options import Options
from kong_oam.oam.written_yaml import to_yaml

_HEAD = """\
# Adopted from a Kong in use. Each `public` rule was open there: give it scopes, or a reason.
"""
_STACK_HEAD = """\
# Settings for the adopted Kong. Set credentials with `pulumi config set --secret`.
"""
CA_FILE = "upstreams-ca.pem"


def application_text(components: Components, options: Options) -> str:
    """Return the file of the Application."""
    application = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {
            "name": options.application,
            "annotations": {OWNER: options.owner},
        },
        "spec": {"components": [each.yaml for each in components.components]},
    }
    return _HEAD + to_yaml(application)


def stack_text(components: Components, options: Options) -> str:
    """Return the file of the stack's settings. Without an issuer, the reader replaces `okta`."""
    gateway: dict[str, object] = {}
    if options.admin_url:
        gateway["adminUrl"] = options.admin_url
    if options.scheme == "http":
        gateway["scheme"] = "http"
    if needs_ca(components):
        gateway["upstreamTls"] = {"ca": CA_FILE}
    gateway["upstreams"] = components.upstreams
    # The old routes stay until they are retired.
    gateway["adopted"] = {
        "until": options.until,
        "reason": REASON,
        "deck": [*options.deck],
    }
    provider: dict[str, object] = {"name": "okta", "type": "okta"}
    if options.issuer:
        provider = {
            "name": "oidc",
            "type": "oidc",
            "issuer": options.issuer,
        }
    config = {
        "kong-oam:cloud": "bare-metal",
        "kong-oam:asOf": options.as_of,
        "kong-oam:gateway": gateway,
        "kong-oam:identityProviders": [provider],
    }
    return _STACK_HEAD + to_yaml({"config": config})


def needs_ca(components: Components) -> bool:
    """Return whether some service uses https, which the gateway verifies."""
    return any(
        entry.get("scheme") != "http" for entry in components.upstreams.values()
    )

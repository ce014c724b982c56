"""The part of each plugin of Kong in a decision, and its priority.

Source: PRIORITY in the plugins' handlers of Kong 3.10, and Kong's documentation of plugins.
"""

from __future__ import annotations

from collections.abc import Mapping

# The order in which plugins act: the highest number first.
PRIORITIES: Mapping[str, int] = {
    "pre-function": 1000000,
    "correlation-id": 100001,
    "zipkin": 100000,
    "bot-detection": 2500,
    "cors": 2000,
    "session": 1900,
    "acme": 1705,
    "jwt": 1450,
    "oauth2": 1400,
    "key-auth": 1250,
    "ldap-auth": 1200,
    "basic-auth": 1100,
    "hmac-auth": 1030,
    "grpc-gateway": 998,
    "ip-restriction": 990,
    "request-size-limiting": 951,
    "acl": 950,
    "rate-limiting": 910,
    "response-ratelimiting": 900,
    "request-transformer": 801,
    "response-transformer": 800,
    "redirect": 779,
    "ai-request-transformer": 777,
    "ai-prompt-template": 773,
    "ai-prompt-decorator": 772,
    "ai-prompt-guard": 771,
    "ai-proxy": 770,
    "ai-response-transformer": 768,
    "standard-webhooks": 760,
    "aws-lambda": 750,
    "azure-functions": 749,
    "proxy-cache": 100,
    "opentelemetry": 14,
    "prometheus": 13,
    "http-log": 12,
    "statsd": 11,
    "datadog": 10,
    "file-log": 9,
    "udp-log": 8,
    "tcp-log": 7,
    "loggly": 6,
    "syslog": 4,
    "grpc-web": 3,
    "request-termination": 2,
    "post-function": -1000,
}

AUTHENTICATION = frozenset(
    {"basic-auth", "hmac-auth", "jwt", "key-auth", "ldap-auth", "oauth2"}
)

# Plugins that decide nothing, or only deny callers that exceed a limit.
BESIDE = frozenset(
    {
        *("correlation-id", "zipkin", "cors", "session", "acme"),
        *("request-size-limiting", "rate-limiting", "response-ratelimiting"),
        *("request-transformer", "response-transformer", "proxy-cache"),
        *("opentelemetry", "prometheus", "http-log", "statsd", "datadog"),
        *("file-log", "udp-log", "tcp-log", "loggly", "syslog"),
        # Plugins of Kong Enterprise.
        *("rate-limiting-advanced", "proxy-cache-advanced"),
        *("response-transformer-advanced", "statsd-advanced", "kafka-log"),
        *("app-dynamics", "upstream-timeout", "exit-transformer"),
    }
)

# Plugins that run code of the Kong's owner.
FUNCTIONS = frozenset({"pre-function", "post-function"})

# Phases of functions after the answer of the service.
LATE_PHASES = frozenset({"header_filter", "body_filter", "log"})

# Plugins that deny some requests, by properties that requests here do not have: conditions.
CONDITIONS = frozenset({"bot-detection", "ip-restriction"})


def order(name: str) -> tuple[int, str]:
    """Return the sort key of a plugin. A plugin with an unknown priority comes first."""
    return -PRIORITIES.get(name, 10**9), name

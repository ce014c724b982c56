"""The flags of `new` for traits, in the order of `--help` and of the written traits."""

from __future__ import annotations

from kong_oam.cli.flag import Question
from kong_oam.traits.cors import questions as cors
from kong_oam.traits.headers import questions as headers
from kong_oam.traits.ip_allow import questions as ip_allow
from kong_oam.traits.kong_plugin import questions as kong_plugin
from kong_oam.traits.limits import questions as limits
from kong_oam.traits.rate_limit import questions as rate_limit
from kong_oam.traits.upstream_tls import questions as upstream_tls

QUESTIONS: tuple[Question, ...] = (
    ip_allow.QUESTION,
    rate_limit.QUESTION,
    cors.QUESTION,
    limits.QUESTION,
    upstream_tls.QUESTION,
    headers.QUESTION,
    kong_plugin.QUESTION,
)

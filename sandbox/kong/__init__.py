"""A stand-in for Kong Gateway 3.10: Admin API, data plane with lags, gate scripts run in LuaJIT."""

from sandbox.kong.kong import Kong, Lags
from sandbox.kong.proxy import Answer
from sandbox.kong.upstream import UpstreamRequest

__all__ = ["Answer", "Kong", "Lags", "UpstreamRequest"]

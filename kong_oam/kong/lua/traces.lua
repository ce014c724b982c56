-- Cuts query strings from traces at the gate, too: admission's plugin, which cuts them with the record, may be gone, and
-- plugin opentelemetry has no script of its own. Needs queries.lua.
return function() without_queries(ngx.ctx.KONG_SPANS) end

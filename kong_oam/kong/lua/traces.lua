-- Cuts query strings from traces at the gate, too. Admission's plugin cuts them with the record,
-- but somebody may have removed it. Plugin opentelemetry has no script for this. Needs queries.lua.
return function() without_queries(ngx.ctx.KONG_SPANS) end

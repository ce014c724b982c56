-- Denies a request. `kong_oam_decision` holds the reason, and problem.lua makes the body of the
-- answer from it.
local function refuse(status, code, headers)
  headers = headers or {}
  if status == 401 then headers['WWW-Authenticate'] = 'Bearer' end
  local decision = kong.ctx.shared.kong_oam_decision or {}
  decision.status, decision.code = status, code
  kong.ctx.shared.kong_oam_decision = decision
  -- Kong 3.4 would take the body of a refused HEAD for the caller's next request.
  if ngx.req.get_method() == 'HEAD' then ngx.req.discard_body() end
  kong.response.exit(status, { status = status }, headers)
  error('the request was refused and went on', 0)   -- reached only if the exit failed
end

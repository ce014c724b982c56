-- How a request is refused, and what is known of why: `kong_oam_decision`, of which problem.lua makes the body of the answer.
local function refuse(status, code, headers)
  headers = headers or {}
  if status == 401 then headers['WWW-Authenticate'] = 'Bearer' end
  local decision = kong.ctx.shared.kong_oam_decision or {}
  decision.status, decision.code = status, code
  kong.ctx.shared.kong_oam_decision = decision
  kong.response.exit(status, { status = status }, headers)
  error('the request was refused and went on', 0)   -- what follows an exit is never reached, unless it failed to be one
end

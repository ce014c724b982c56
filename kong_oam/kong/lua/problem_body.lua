-- Writes the body from problem.lua, once, instead of Kong's body.
return function()
  local body = kong.ctx.shared.kong_oam_problem
  if body then ngx.arg[1], ngx.arg[2], kong.ctx.shared.kong_oam_problem = body, true, '' end
end

-- Answers preflights, whatever the path is: one reaches neither `jwt` nor a workload, and tells nothing of paths that its
-- origin has no business with. What pages may do is said by cors.lua, as on every other answer. Needs origin.lua.
return function()
  if not asked_by_preflight() then return end
  kong.ctx.shared.kong_oam_decision = { status = 204, code = 'preflight' }
  kong.response.exit(204)
  error('a preflight was answered and went on', 0)
end

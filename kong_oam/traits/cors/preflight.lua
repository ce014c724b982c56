-- Answers preflights for any path. A preflight reaches neither `jwt` nor a workload. It reveals
-- nothing about paths that its origin may not read. Script cors.lua adds the CORS headers, as to
-- every other answer. Needs origin.lua.
return function()
  if not preflight_method() then return end
  kong.ctx.shared.kong_oam_decision = { status = 204, code = 'preflight' }
  kong.response.exit(204)
  error('a preflight was answered and went on', 0)
end

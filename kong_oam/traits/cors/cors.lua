-- Tells browsers which pages may read an answer. Admission's table lists the origins for the rule's
-- path and the method. This applies to every answer, also the gateway's. CORS headers of the
-- workload are removed. Needs origin.lua.
local CORS_HEADERS = {
  'Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials', 'Access-Control-Allow-Headers',
  'Access-Control-Allow-Methods', 'Access-Control-Allow-Private-Network', 'Access-Control-Expose-Headers',
  'Access-Control-Max-Age',
}

local function may_read(origin, method)
  local readers = kong.ctx.shared.kong_oam_readers
  local gate = readers.left_table()   -- the table, with its tree
  gate.tree = gate.tree or readers.tree_of(gate.rules)
  local paths = gate.cors[origin]
  local decision = kong.ctx.shared.kong_oam_decision or {}
  local decided = decision.path or string.match(ngx.var.upstream_uri, '^[^?]*')   -- not a forwarded path
  local ambiguous, path, signs = readers.unreadable(decided)
  local owners = paths and not ambiguous and readers.owners_of(gate, path)
  if not owners or readers.owned(gate, owners) ~= true then return false end
  local rule, owner = readers.rule_of(gate, owners, signs)
  return rule and rule ~= true and readers.contains(paths[owner] or {}, method), gate.cors_answer
end

local function allow(origin, requested_method, answer)
  local headers = { ['Access-Control-Allow-Origin'] = origin }
  if answer.credentials then headers['Access-Control-Allow-Credentials'] = 'true' end
  if requested_method then
    headers['Access-Control-Allow-Methods'], headers['Access-Control-Allow-Headers'] = requested_method, answer.headers
    headers['Access-Control-Max-Age'] = tostring(answer.max_age)
  else
    headers['Access-Control-Expose-Headers'] = answer.expose
  end
  for name, value in pairs(headers) do kong.response.set_header(name, value) end
end

return function()
  for _, name in ipairs(CORS_HEADERS) do kong.response.clear_header(name) end
  kong.response.add_header('Vary', 'Origin')
  local origin, requested_method, decision = ngx.var.http_origin, preflight_method(), kong.ctx.shared.kong_oam_decision
  if not origin or (decision and decision.code == 'ambiguous-path') then return end   -- the path has no certain owner
  -- The method of the request line: if no workload answers, nginx uses GET for its error page.
  local ok, may, answer = pcall(may_read, origin, requested_method or string.match(ngx.var.request, '^%S+'))
  if not ok then
    kong.log.err('no page may read this answer: ', may)
  elseif may then
    allow(origin, requested_method, answer)
  end
end

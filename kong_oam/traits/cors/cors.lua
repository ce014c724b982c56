-- Which pages may read an answer: of the origins that admission's table lists for the rule's path and the method, on every
-- answer, whoever gave it. What the workload says of this is taken away. Needs origin.lua.
local SAID = {
  'Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials', 'Access-Control-Allow-Headers',
  'Access-Control-Allow-Methods', 'Access-Control-Allow-Private-Network', 'Access-Control-Expose-Headers',
  'Access-Control-Max-Age',
}

local function may_read(origin, method)
  local readers = kong.ctx.shared.kong_oam_readers
  local gate = readers.left_table()   -- the table, with its tree
  gate.tree = gate.tree or readers.tree_of(gate.rules)
  local paths = gate.cors[origin]
  local ambiguous, path, signs = readers.unreadable(string.match(ngx.var.upstream_uri, '^[^?]*'))
  local owners = paths and not ambiguous and readers.owners_of(gate, path)
  if not owners or readers.owned(gate, owners) ~= true then return false end
  local rule, owner = readers.rule_of(gate, owners, signs)
  return rule and rule ~= true and readers.contains(paths[owner] or {}, method), gate.cors_answer
end

local function allow(origin, asked, said)
  local headers = { ['Access-Control-Allow-Origin'] = origin }
  if said.credentials then headers['Access-Control-Allow-Credentials'] = 'true' end
  if asked then
    headers['Access-Control-Allow-Methods'], headers['Access-Control-Allow-Headers'] = asked, said.headers
    headers['Access-Control-Max-Age'] = tostring(said.max_age)
  else
    headers['Access-Control-Expose-Headers'] = said.expose
  end
  for name, value in pairs(headers) do kong.response.set_header(name, value) end
end

return function()
  for _, name in ipairs(SAID) do kong.response.clear_header(name) end
  kong.response.add_header('Vary', 'Origin')
  local origin, asked, decision = ngx.var.http_origin, asked_by_preflight(), kong.ctx.shared.kong_oam_decision
  if not origin or (decision and decision.code == 'ambiguous-path') then return end   -- nobody can say whose path it is
  -- As the request line has it: where no workload answers, nginx goes on to its error page with GET.
  local ok, may, said = pcall(may_read, origin, asked or string.match(ngx.var.request, '^%S+'))
  if not ok then
    kong.log.err('no page may read this answer: ', may)
  elseif may then
    allow(origin, asked, said)
  end
end

-- Sets the header with the owner of the budget, by which rate-limiting counts calls with a token
-- that `jwt` verified. The client must have a grant here (at_kong.py). Other callers are counted by
-- address: without a token, with a token for another API, or without a grant. With `component`,
-- they share one budget.
local HEADER = 'X-Auth-Budget'

local function is_for_us(named, audiences, readers)
  for _, audience in ipairs(readers.json_is_array(named) and named or { named }) do
    if readers.contains(audiences, audience) then return true end
  end
  return false
end

-- Kind and name of the budget's owner. A user has the same name through any client.
local function budget_owner(payload, gate)
  local spelling = gate.spelling
  local client = payload[spelling.client]
  if type(client) ~= 'string' or not (gate.services[client] or gate.on_behalf[client]) then return nil end
  if gate.budget == 'component' then return 'component', '' end
  if gate.budget == 'user' and payload[spelling.user] ~= nil then return 'user', payload[spelling.subject] end
  return 'client', client
end

local function set_budget_header()
  local readers = kong.ctx.shared.kong_oam_readers
  local gate = readers.left_table()
  if gate.authentication == 'openid-connect' then   -- it also reads a token from these headers
    for _, name in ipairs({ 'access_token', 'access-token', 'x_access_token', 'x-access-token' }) do
      ngx.req.clear_header(name)
    end
  end
  local authorization = ngx.req.get_headers(0)['authorization']
  local token = type(authorization) == 'string' and string.match(authorization, '^Bearer (.+)$')
  local _, payload = readers.token_parts(token or '')
  local kind, name
  if payload and is_for_us(payload.aud, gate.audiences, readers) then kind, name = budget_owner(payload, gate) end
  if not kind and gate.budget == 'component' then kind, name, payload = 'others', '', {} end
  if kind and type(name) == 'string' then   -- hashed, since it is a key in memory or in Redis
    kong.service.request.set_header(HEADER, ngx.md5(kind .. ' ' .. tostring(payload.iss) .. ' ' .. name))
  end
end

return function()
  local ok, why = pcall(set_budget_header)
  if not ok then kong.log.err('the call is counted by its address: ', why) end
end

-- Whose budget a call counts against, for rate-limiting, which counts by this header where `jwt` has verified the token that
-- is read here: an issuer's word for a client that holds something here (at_kong.py). Who else calls is
-- counted by address: without a token, with one for another API, or as a client without a grant; of a component, together.
local HEADER = 'X-Auth-Budget'

local function is_for_us(named, audiences, readers)
  for _, one in ipairs(readers.json_is_array(named) and named or { named }) do
    if readers.contains(audiences, one) then return true end
  end
  return false
end

-- Kind and name of who is charged; a user is the same one through whatever client.
local function charged(payload, gate)
  local spelling = gate.spelling
  local client = payload[spelling.client]
  if type(client) ~= 'string' or not (gate.services[client] or gate.on_behalf[client]) then return nil end
  if gate.budget == 'component' then return 'component', '' end
  if gate.budget == 'user' and payload[spelling.user] ~= nil then return 'user', payload[spelling.subject] end
  return 'client', client
end

local function tell()
  local readers = kong.ctx.shared.kong_oam_readers
  local gate = readers.left_table()
  if gate.authentication == 'openid-connect' then   -- it takes a token from these, too, where it is another one
    for _, name in ipairs({ 'access_token', 'access-token', 'x_access_token', 'x-access-token' }) do
      ngx.req.clear_header(name)
    end
  end
  local authorization = ngx.req.get_headers(0)['authorization']
  local token = type(authorization) == 'string' and string.match(authorization, '^Bearer (.+)$')
  local _, payload = readers.token_parts(token or '')
  local kind, name
  if payload and is_for_us(payload.aud, gate.audiences, readers) then kind, name = charged(payload, gate) end
  if not kind and gate.budget == 'component' then kind, name, payload = 'others', '', {} end
  if kind and type(name) == 'string' then   -- not in clear: it is a key in memory, or in Redis
    kong.service.request.set_header(HEADER, ngx.md5(kind .. ' ' .. tostring(payload.iss) .. ' ' .. name))
  end
end

return function()
  local ok, why = pcall(tell)
  if not ok then kong.log.err('the call is counted by its address: ', why) end
end

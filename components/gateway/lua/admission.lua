-- Admission: runs before authentication, on every request. Refuses what could be read in two ways, and takes away what
-- only the gate may say. It allows nothing by itself: what passes is marked with the table that this script is given, by
-- which the gate judges, too. So what closes is closed here first, and what opens is open last at the gate.
-- Beside the mark it leaves what it reads with, for the gate to read with. Needs json.lua, token.lua and TABLE.
local READERS = {
  json_read = json_read, json_null = json_null, json_is_array = json_is_array, json_is_object = json_is_object,
  token_parts = token_parts, unreadable = unreadable,
}
local FORGEABLE = {
  ['forwarded'] = true, ['x-original-url'] = true, ['x-rewrite-url'] = true, ['x-original-method'] = true,
  ['x-http-method'] = true, ['x-http-method-override'] = true, ['x-method-override'] = true,
  ['x-anonymous-consumer'] = true,
  -- What other proxies say of a user or a client certificate; nobody in front of this gateway may.
  ['remote-user'] = true, ['x-forwarded-user'] = true, ['x-forwarded-email'] = true, ['x-forwarded-groups'] = true,
  ['x-forwarded-preferred-username'] = true, ['x-forwarded-access-token'] = true, ['x-userinfo'] = true,
  ['x-forwarded-client-cert'] = true, ['x-client-cert'] = true,
  -- A header that Connection names is dropped on the way upstream: it could delete the gate's own.
  ['connection'] = true,
}
local FORGEABLE_PREFIXES = { 'x-auth-', 'x-consumer-', 'x-credential-', 'x-authenticated-', 'x-remote-', 'x-ssl-' }

-- Upstreams fold names as CGI does: X_Auth_Client and x.auth.client may arrive as X-Auth-Client.
local function forgeable(name)
  local folded = string.gsub(string.lower(name), '[^%w]', '-')
  if FORGEABLE[folded] then return true end
  for _, prefix in ipairs(FORGEABLE_PREFIXES) do
    if string.sub(folded, 1, #prefix) == prefix then return true end
  end
  return false
end

local function bearer_mentioned(values)
  for _, value in ipairs(values) do
    if string.find(string.lower(value), 'bearer', 1, true) then return true end
  end
  return false
end

local function append(values, value)   -- a header that stands more than once comes as a table
  for _, one in ipairs(type(value) == 'table' and value or { value }) do values[#values + 1] = one end
end

-- Key ids are looked up in Kong's database: plain and short ones only.
local function is_key_id(kid)
  return type(kid) == 'string' and #kid <= 128 and string.find(kid, '^[%w._~:=+/-]+$') ~= nil
end

-- False where a header that mentions bearer could be read as more than one token, or as a token that `jwt` and the gate
-- would read differently (`jwt` prefers a key id in the payload; odd key ids make it fail with a 500, as do signatures of
-- ES256 that are not of 64 bytes, which are 86 characters).
local function credible(values)
  if not bearer_mentioned(values) then return true end
  local token = #values == 1 and string.match(values[1], '^Bearer ([%w_-]+%.[%w_-]+%.[%w_-]+)$')
  if not token then return false end
  local header, payload, signature = token_parts(token)
  return header ~= nil and is_key_id(header.kid) and payload.kid == nil
    and (header.alg ~= 'ES256' or #signature == 86)
end

-- A target in absolute form names a host of its own, which upstreams are told of beside the Host header's.
local function names_one_host()
  return string.match(ngx.var.request, '^%S+ /') ~= nil
end

local function admit()
  local path = string.match(ngx.var.request_uri, '^[^?]*')
  if not names_one_host() or unreadable(path) then return 400, 'The path could be read in more than one way' end
  local authorization = {}
  for name, value in pairs(ngx.req.get_headers(0, true)) do
    if string.lower(name) == 'authorization' then append(authorization, value) end
    if forgeable(name) then ngx.req.clear_header(name) end
  end
  if not credible(authorization) then return 401, "The Authorization header is not exactly 'Bearer <token>'" end
end

return function()
  local ok, status, message = pcall(admit)
  if not ok then
    kong.log.err('admission failed, request refused: ', status)
    status, message = 500, 'Admission failed'
  end
  if status then
    kong.response.exit(status, { message = message }, status == 401 and { ['WWW-Authenticate'] = 'Bearer' } or nil)
    error('the request was refused and went on', 0)   -- never reached, unless the exit failed to be one
  end
  kong.ctx.shared.kong_oam_admitted, kong.ctx.shared.kong_oam_readers = TABLE, READERS
end

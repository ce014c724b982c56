-- Old credentials until a date: keys and passwords that the plugins key-auth and basic-auth find.
-- Runs in admission's plugin, before these plugins, and leaves a function for the gate. A request
-- has one credential: with a bearer header beside a key it has none. Only in tables with `before`.
local SEVERAL = 'several-credentials'
local function is_key(credential)
  return type(credential.key) == 'string' and credential.secret == nil and credential.algorithm == nil
    and credential.username == nil
end
local function is_password(credential)
  return type(credential.username) == 'string' and type(credential.password) == 'string' and credential.key == nil
end
-- Kong does not name the plugin that found a credential, but each kind has its own fields.
local KINDS = { ['key-auth'] = is_key, ['basic-auth'] = is_password }

-- Whether the request has a value where the plugin looks for a key.
local function shows_key(places)
  local headers, arguments = ngx.req.get_headers(0), places.query and ngx.req.get_uri_args(0) or {}
  for _, name in ipairs(places.names) do
    if places.header and headers[name] ~= nil then return true end
    if arguments[name] ~= nil then return true end
  end
  return false
end

local function note(places)
  local shared = kong.ctx.shared
  local authorization = shared.kong_oam_hidden_token or ngx.req.get_headers(0)['authorization']
  local text = string.lower(tostring(authorization))
  shared.kong_oam_bearer = string.find(text, 'bearer', 1, true) ~= nil
  if places.by == 'basic-auth' then
    kong.service.request.clear_header('Proxy-Authorization')   -- the plugin would read it first
  elseif shared.kong_oam_bearer and shows_key(places) then
    shared.kong_oam_several = true
    for _, name in ipairs(places.header and places.names or {}) do kong.service.request.clear_header(name) end
  end
end

-- The credential of the request, if a plugin of this kind found it.
local function found(by)
  local consumer, credential = kong.client.get_consumer(), kong.client.get_credential()
  local is_of_kind = KINDS[by]
  if type(consumer) ~= 'table' or type(credential) ~= 'table' or not is_of_kind then return nil end
  if kong.ctx.shared.authenticated_jwt_token ~= nil or not is_of_kind(credential) then return nil end
  if type(credential.consumer) ~= 'table' or credential.consumer.id ~= consumer.id then return nil end
  return consumer
end

-- old_credential(table) -> the caller's identity; or nil and a code; or nil without an old
-- credential. Entries of another form are errors.
local function old_credential(gate)
  local shared, consumer = kong.ctx.shared, found(gate.before_in.by)
  if shared.kong_oam_several or (consumer and shared.kong_oam_bearer) then return nil, SEVERAL end
  if not consumer then return nil end
  local entry = consumer.username ~= gate.ring and gate.before[consumer.username]
  if not entry then return nil, 'credential-not-accepted' end
  if ngx.now() >= entry.ends then return nil, 'credential-ended' end
  local scopes = {}
  for _, scope in ipairs(entry.scopes) do scopes[scope] = true end
  return { client = entry.client, subject = entry.client, caller = entry.caller, by = gate.before_in.by,
    scopes = scopes, for_us = true }
end

return function()
  local shared = kong.ctx.shared
  local readers = shared.kong_oam_readers
  readers.old_credential = old_credential
  local ok, why = pcall(function()
    local places = readers.left_table().before_in
    if places then note(places) end
  end)
  if not ok then
    kong.log.err('old credentials do not count: ', why)
    shared.kong_oam_several = true
  end
end

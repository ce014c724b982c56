-- The gate: decides, from TABLE (JSON, see table.py), and knows where the workload is, from UPSTREAM (JSON). It runs last,
-- trusts no other plugin to have decided, and says no whenever anything is not as it must be. Where admission's table is
-- another one, both must allow. It reads JSON, tokens, paths and rules with what admission left, without which it
-- refuses. What it decides it leaves in `kong_oam_decision`. Needs answer.lua, addresses.lua, TABLE and UPSTREAM.
-- Both are JSON with other quotes (script.py). Nothing out here may fail, whatever they are: that would leave the gate out.
TABLE, UPSTREAM = string.gsub(tostring(TABLE), "'", '"'), string.gsub(tostring(UPSTREAM), "'", '"')
local VERSION = 4
local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true }
local ALGORITHMS = { RS256 = true, ES256 = true }
local LONGEST = 480 * 60  -- seconds for which something may be open in an emergency
local VERIFIED_HEADER = 'x-auth-verified-token'   -- table.py names it, too: it is where openid-connect is told to put it
local gate               -- the table that is judged by
local read = {}          -- tables by their text, kept once they were read: the gate's own, and the last of admission's
local upstream           -- where the workload is, kept once it was read
local readers            -- what admission left to read with, and was read with
local json_read, json_null, json_is_array, json_is_object, token_parts, unreadable
local owners_of, owned, rule_of, tree_of, contains
-- What a table and its spelling have, and of which kind. Nothing is guessed where a piece is missing.
local PIECES = {
  audiences = 'array', authentication = 'text', component = 'text', depth = 'number', forward_token = 'boolean',
  groups = 'object', hosts = 'object', issuer = 'text or null', on_behalf = 'object', per_api = 'boolean',
  ring = 'text', rules = 'object', services = 'object', spelling = 'object',
}
local SPELLING = {
  client = 'text', groups = 'text', marks = 'array', overage = 'array', own = 'text', own_value = 'text or null',
  scopes = 'object', service_scopes = 'object', subject = 'text', user = 'text',
}

local function is_of(kind, value)
  if kind == 'object' then return json_is_object(value) end
  if kind == 'array' then return json_is_array(value) end
  if kind == 'number' or kind == 'boolean' then return type(value) == kind end
  return type(value) == 'string' or (kind == 'text or null' and value == json_null)
end

local function is_texts(value)
  if not json_is_array(value) then return false end
  for _, item in ipairs(value) do
    if type(item) ~= 'string' then return false end
  end
  return true
end

local function need(pieces, value)
  for name, kind in pairs(pieces) do
    if not is_of(kind, value[name]) then error("the table has no '" .. name .. "' that is a " .. kind, 0) end
  end
end

-- The networks of a table, {path: {method or '*': [texts]}}, each as it is compared.
local function networks_in(addresses)
  local result = {}
  need({ addresses = 'object' }, { addresses = addresses })
  for path, methods in pairs(addresses) do
    if type(path) == 'string' then
      need({ [path] = 'object' }, addresses)
      result[path] = {}
      for method, listed in pairs(methods) do
        if type(method) == 'string' then
          if not is_texts(listed) then error('the table has no list of networks where one is', 0) end
          result[path][method] = {}
          for number, text in ipairs(listed) do result[path][method][number] = network_of(text) end
        end
      end
    end
  end
  return result
end

local function table_of(text)
  local value, why = json_read(text)
  if not json_is_object(value) then error('the table cannot be read: ' .. tostring(why), 0) end
  if value.version ~= VERSION then error('the table is of another version', 0) end
  need(PIECES, value)
  need(SPELLING, value.spelling)
  value.tree = tree_of(value.rules)
  if value.addresses ~= nil then value.networks = networks_in(value.addresses) end
  return value
end

local function take(given)
  if given == readers then return end
  readers, read, upstream = given, {}, nil   -- what others have read is nothing to these: a null of theirs is another one
  json_read, json_null, json_is_array = given.json_read, given.json_null, given.json_is_array
  json_is_object, token_parts, unreadable = given.json_is_object, given.token_parts, given.unreadable
  owners_of, owned, rule_of, tree_of = given.owners_of, given.owned, given.rule_of, given.tree_of
  contains = given.contains
end

local function kept(text)
  if not read[text] then read = { [TABLE] = read[TABLE], [text] = table_of(text) } end
  return read[text]
end

local function load_upstream()
  local value, why = json_read(UPSTREAM)
  if not json_is_object(value) then error("the workload's address cannot be read: " .. tostring(why), 0) end
  local host, port = value.host, value.port
  local named = type(host) == 'string' and (find(host, '^[%w._-]+$') or find(host, '^%[[%x:.]+%]$'))
  if not named then error('the workload has no host', 0) end
  if type(port) ~= 'number' or port % 1 ~= 0 or port < 1 or port > 65535 then error('the workload has no port', 0) end
  local name = value.name
  if name ~= nil and (type(name) ~= 'string' or not find(name, '^[%w.-]+$')) then
    error('the workload has a name that no certificate bears', 0)
  end
  return { host = host, port = port, name = name }
end

-- By what is sent to it. Where it has a name its certificate has to bear that, which is what Kong asks for and verifies by
-- the Host header: to a service that does not, nothing is sent.
local function host_of_workload()
  if not upstream.name then return ngx.var.http_host end
  local service = kong.router.get_service()
  if not service or service.protocol ~= 'https' or service.tls_verify ~= true then
    error("the workload's certificate would not be verified", 0)
  end
  return upstream.name
end

local function is_name(value)
  return type(value) == 'string' and value ~= '' and not find(value, '%c')
end

local function timely(payload)
  local now, from = ngx.now(), payload.nbf
  return type(payload.exp) == 'number' and payload.exp > now
    and (from == nil or (type(from) == 'number' and from <= now))
end

local function is_of_issuer(payload, ring)
  local issuer = gate.issuer ~= json_null and gate.issuer or ring.custom_id
  return is_name(issuer) and payload.iss == issuer
end

-- Whether the token is for this service; nil where it does not say whom it is for.
local function is_for_us(payload)
  local named = payload.aud
  if type(named) == 'string' then return contains(gate.audiences, named) end
  if not is_texts(named) or #named == 0 then return nil end
  for _, audience in ipairs(named) do
    if contains(gate.audiences, audience) then return true end
  end
  return false
end

local function is_access_token(payload)
  for _, mark in ipairs(gate.spelling.marks) do
    local value = payload[mark.claim]
    if type(value) ~= 'string' then return false end
    if mark.prefix then value = sub(value, 1, #mark.value) end
    if value ~= mark.value then return false end
  end
  for _, claim in ipairs(gate.spelling.overage) do
    if payload[claim] ~= nil then return false end
  end
  return true
end

-- What follows the prefix in each of the names that begin with it.
local function after_prefix(prefix, names)
  if prefix == '' then return names end
  local result = {}
  for _, name in ipairs(names) do
    if sub(name, 1, #prefix) == prefix then result[#result + 1] = sub(name, #prefix + 1) end
  end
  return result
end

local function listed(payload, listing)
  local value = payload[listing.claim]
  if value == nil then return {} end
  if listing.form == 'list' then return is_texts(value) and after_prefix(listing.prefix, value) or nil end
  if type(value) ~= 'string' then return nil end
  local words = {}
  for word in string.gmatch(value, '[^ ]+') do words[#words + 1] = word end
  return after_prefix(listing.prefix, words)
end

-- What of these scopes one of the names holds, by a map from names to lists of scopes. A set.
local function cut(scopes, names, holdings)
  local held, result = {}, {}
  for _, name in ipairs(names) do
    for _, scope in ipairs(holdings[name] or {}) do held[scope] = true end
  end
  for scope in pairs(scopes) do
    if held[scope] then result[scope] = true end
  end
  return result
end

-- The scopes that count: those that the client holds here, as itself or for its users, and for a user only those that the
-- roles of their groups hold. What the token lists besides is somebody else's by now, or was never granted. A set.
local function effective(issued, client, groups)
  local scopes = {}
  for _, scope in ipairs(issued) do scopes[scope] = true end
  if not groups then return cut(scopes, { client }, gate.services) end
  return cut(cut(scopes, { client }, gate.on_behalf), groups, gate.groups)
end

local function identity_of(payload)
  local spelling = gate.spelling
  local client, subject, user = payload[spelling.client], payload[spelling.subject], payload[spelling.user]
  if not is_name(client) or not is_name(subject) then return nil end
  if user ~= nil and not is_name(user) then return nil end
  if user == nil and payload[spelling.own] ~= (spelling.own_value == json_null and client or spelling.own_value) then
    return nil
  end
  local issued = listed(payload, user ~= nil and spelling.scopes or spelling.service_scopes)
  local groups = payload[spelling.groups]
  if not issued or (groups ~= nil and not is_texts(groups)) then return nil end
  groups = user and (groups or {}) or nil
  return { client = client, subject = subject, groups = groups, scopes = effective(issued, client, groups) }
end

-- How each plugin says which token it verified for the consumer: the token's header and payload; nil where it did not.
local VERIFIED_BY = {}

-- `jwt` leaves token and credential. It verifies with a key of any consumer: only those of the ring may sign here.
VERIFIED_BY['jwt'] = function(ring)
  local token, credential = kong.ctx.shared.authenticated_jwt_token, kong.client.get_credential()
  if type(token) ~= 'string' or not credential then return nil end
  local header, payload = token_parts(token)
  if type(credential.consumer) == 'table' and credential.consumer.id == ring.id
      and header and header.kid == credential.key and header.alg == credential.algorithm then
    return header, payload
  end
end

-- `openid-connect` verifies with the issuer's published keys, finds the ring by `iss`, and puts the token that it verified
-- into a header that admission took from everybody else. It looks for tokens in other headers than Authorization, too:
-- only the one there counts.
VERIFIED_BY['openid-connect'] = function()
  local headers = ngx.req.get_headers(0)
  local token = headers[VERIFIED_HEADER]
  if type(token) == 'string' and headers['authorization'] == 'Bearer ' .. token then return token_parts(token) end
end

local function is_bearer(authorization)   -- admission lets such a header through only where it is the only one
  return type(authorization) == 'string' and find(string.lower(authorization), 'bearer', 1, true) ~= nil
end

-- Who calls, from a token that counts; nil and why not.
local function identified()
  local ring = kong.client.get_consumer()
  if not ring or ring.username ~= gate.ring then
    return nil, is_bearer(ngx.req.get_headers(0)['authorization']) and 'token-not-verified' or 'token-needed'
  end
  local header, payload = VERIFIED_BY[gate.authentication](ring)
  if not header or not ALGORITHMS[header.alg] then return nil, 'token-not-of-issuer' end
  local for_us = is_for_us(payload)
  if payload.kid ~= nil or not is_of_issuer(payload, ring) or not (for_us or (gate.per_api and for_us == false)) then
    return nil, 'token-not-for-us'
  end
  if not timely(payload) then return nil, 'token-untimely' end
  local identity = is_access_token(payload) and identity_of(payload)
  if not identity then return nil, 'token-unreadable' end
  identity.for_us = for_us
  return identity
end

local function holds(identity, scopes)
  if not is_texts(scopes) then error('a rule of the table is no list of scopes', 0) end
  for _, scope in ipairs(scopes) do
    if not identity.scopes[scope] then return false end
  end
  return true
end

-- Whether the rule of a path was opened to everybody, in an emergency (kong_oam.emergency), and still is.
local function is_opened(path, method)
  local opened = gate.opened
  if opened == nil or opened.path ~= path or not contains(opened.methods, method) then return false end
  local left = opened.ends - ngx.now()
  return left > 0 and left <= LONGEST
end

-- The last thing that is judged, so that from elsewhere one learns of tokens and rules what all others do.
local function from_there(owner, method, code, identity)
  local methods = gate.networks and gate.networks[owner]
  local networks = methods and (methods[method] or methods['*'])
  if networks and not is_in_one_of(networks, kong.client.get_forwarded_ip()) then return 403, 'address-not-allowed' end
  return 200, code, identity
end

-- Where the rule stands, or the one of its alternatives that is meant; nil where the table does not say.
local function place_of(path, method, alternative)
  local methods = gate.log and gate.places[path]
  local lines = methods and (methods[method] or methods['*'])
  local line = lines and lines[alternative or 1]
  return type(line) == 'number' and gate.log.file .. ':' .. line or line
end

local function judge(text_of_table)
  gate = kept(text_of_table)
  local decision = { log = gate.log }
  kong.ctx.shared.kong_oam_decision = decision
  local ambiguous, text, signs = unreadable(match(ngx.var.upstream_uri, '^[^?]*'))
  local owners = not ambiguous and owners_of(gate, text)
  if not owners then return 400, 'ambiguous-path' end
  local method = ngx.req.get_method()
  if owned(gate, owners) ~= true then return 404, 'not-exposed' end
  if not METHODS[method] then return 404, 'method-unknown' end
  local rule, owner = rule_of(gate, owners, signs)
  local ambiguous_rule = rule == true
  local alternatives, everybody = rule and not ambiguous_rule and (rule[method] or rule['*']), 'public'
  decision.owner, decision.rule = owner, alternatives and place_of(owner, method)
  if not ambiguous_rule and is_opened(owner, method) then alternatives, everybody = 'public', 'opened' end
  local identity, why = identified()
  decision.identity = identity
  if alternatives == 'public' then
    return from_there(owner, method, everybody, identity and identity.for_us and identity or nil)
  end
  if not identity then return 401, why end
  if ambiguous_rule then return 400, 'ambiguous-path' end
  if not identity.for_us then return 403, 'other-api' end
  for number, scopes in ipairs(alternatives or {}) do
    if holds(identity, scopes) then
      decision.rule = place_of(owner, method, number)
      return from_there(owner, method, 'allowed', identity)
    end
  end
  return 403, alternatives and 'scope-missing' or rule and 'method-not-listed' or 'no-rule'
end

-- By the gate's table and by admission's, which is told of by leaving it: a request that admission has not seen is refused.
local function judge_by_both()
  local admitted, given = kong.ctx.shared.kong_oam_admitted, kong.ctx.shared.kong_oam_readers
  if type(admitted) ~= 'string' or type(given) ~= 'table' then return 503, 'not-admitted' end
  take(given)
  local status, code, identity = judge(TABLE)
  local forwards = gate.forward_token
  if admitted == TABLE or status ~= 200 then return status, code, identity, forwards end
  local decision, reason = kong.ctx.shared.kong_oam_decision, code
  local other
  status, code, other = judge(admitted)
  if status ~= 200 then return status, code end
  kong.ctx.shared.kong_oam_decision = decision
  forwards = forwards and gate.forward_token
  if not identity or not other then return 200, reason, nil, forwards end
  for scope in pairs(identity.scopes) do identity.scopes[scope] = other.scopes[scope] end
  return 200, reason, identity, forwards
end

local function say(name, value)
  local request = kong.service.request
  if value then request.set_header(name, value) else request.clear_header(name) end
end

-- The verified identity travels on, and nothing else under these names. The token itself only where both tables say so: who
-- has it can call other APIs with it.
local function tell(identity, forwards)
  local scopes = {}
  for scope in pairs(identity and identity.scopes or {}) do scopes[#scopes + 1] = scope end
  table.sort(scopes)
  local text = table.concat(scopes, ' ')
  say('X-Auth-Client', identity and identity.client)
  say('X-Auth-Subject', identity and identity.subject)
  say('X-Auth-Scopes', text ~= '' and text)
  say('X-Auth-Budget')
  say(VERIFIED_HEADER)
  if not forwards and is_bearer(ngx.req.get_headers(0)['authorization']) then
    kong.service.request.clear_header('Authorization')
  end
end

-- The one way to the workload: the service itself leads nowhere. The call below makes the target's host the Host header.
local function send(identity, forwards)
  tell(identity, forwards)
  upstream = upstream or load_upstream()
  local host = host_of_workload()
  kong.service.set_target(upstream.host, upstream.port)
  kong.service.request.set_header('Host', host)
end

return function()
  local ok, status, code, identity, forwards = pcall(judge_by_both)
  local why = status
  if ok and status == 200 then
    local decision = kong.ctx.shared.kong_oam_decision
    decision.status, decision.code = status, code
    ok, why = pcall(send, identity, forwards)
    if ok then return end
  end
  if not ok then
    kong.log.err('the gate failed, request refused: ', why)
    status, code = 500, 'failed'
  end
  refuse(status, code)
end

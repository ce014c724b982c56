-- The gate: decides, from TABLE (JSON, see table.py), and knows where the workload is, from UPSTREAM (JSON). It runs last,
-- trusts no other plugin to have decided, and says no whenever anything is not as it must be. Where admission's table is
-- another one, both must allow. It reads JSON, tokens and paths with what admission left, without which it refuses.
local VERSION = 4
local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true }
local ALGORITHMS = { RS256 = true, ES256 = true }
local LONGEST = 480 * 60  -- seconds for which something may be open in an emergency
local RULE = true         -- no element is called that
local VERIFIED_HEADER = 'x-auth-verified-token'   -- table.py names it, too: it is where openid-connect is told to put it
local gate               -- the table that is judged by
local read = {}          -- tables by their text, kept once they were read: the gate's own, and the last of admission's
local upstream           -- where the workload is, kept once it was read
local readers            -- what admission left to read with, and was read with
local json_read, json_null, json_is_array, json_is_object, token_parts, unreadable, elements_of, spelled, meets
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

local function need(pieces, value)
  for name, kind in pairs(pieces) do
    if not is_of(kind, value[name]) then error("the table has no '" .. name .. "' that is a " .. kind, 0) end
  end
end

-- A tree of the rules' paths in small letters, element by element; RULE where one ends.
local function plant(tree, elements)
  for _, element in ipairs(elements) do
    tree[element] = tree[element] or {}
    tree = tree[element]
  end
  tree[RULE] = true
end

local function table_of(text)
  local value, why = json_read(text)
  if not json_is_object(value) then error('the table cannot be read: ' .. tostring(why), 0) end
  if value.version ~= VERSION then error('the table is of another version', 0) end
  need(PIECES, value)
  need(SPELLING, value.spelling)
  value.tree = {}
  for path in pairs(value.rules) do
    if type(path) == 'string' then plant(value.tree, elements_of(string.lower(path))) end
  end
  return value
end

local function take(given)
  if given == readers then return end
  readers, read, upstream = given, {}, nil   -- what others have read is nothing to these: a null of theirs is another one
  json_read, json_null, json_is_array = given.json_read, given.json_null, given.json_is_array
  json_is_object, token_parts, unreadable = given.json_is_object, given.token_parts, given.unreadable
  elements_of, spelled, meets = given.elements_of, given.spelled, given.meets
end

local function kept(text)
  if not read[text] then read = { [TABLE] = read[TABLE], [text] = table_of(text) } end
  return read[text]
end

local function load_upstream()
  local value, why = json_read(UPSTREAM)
  if not json_is_object(value) then error("the workload's address cannot be read: " .. tostring(why), 0) end
  local host, port = value.host, value.port
  local named = type(host) == 'string' and (string.find(host, '^[%w._-]+$') or string.find(host, '^%[[%x:.]+%]$'))
  if not named then error('the workload has no host', 0) end
  if type(port) ~= 'number' or port % 1 ~= 0 or port < 1 or port > 65535 then error('the workload has no port', 0) end
  return { host = host, port = port }
end

-- The paths that may own `text`, longest first, as the table writes them; none is longer than its longest.
-- nil where a dot segment is left, which Kong resolves before it routes.
local function owners_of(text)
  local owners, path = { '/' }, ''
  for number, element in ipairs(elements_of(text)) do
    if element == '.' or element == '..' then return nil end
    if number <= gate.depth then
      path = path .. '/' .. element
      table.insert(owners, 1, path)
    end
  end
  return owners
end

-- How many elements the longest rule below `tree` has that another server may read in the path; none: -1.
local function deepest(tree, patterns, depth)
  local found, pattern = tree[RULE] and depth or -1, patterns[depth + 1]
  if not pattern then return found end
  for element, below in pairs(string.find(pattern, '*', 1, true) and tree or { [pattern] = tree[pattern] }) do
    if element ~= RULE and meets(pattern, element) then found = math.max(found, deepest(below, patterns, depth + 1)) end
  end
  return found
end

-- The methods of the rule that owns the path, and its path; true instead of the methods where another server may read in
-- it what a longer rule owns.
local function rule_of(owners, signs)
  local rule, owner, depth
  for number, path in ipairs(owners) do
    if gate.rules[path] then
      rule, owner, depth = gate.rules[path], path, #owners - number
      break
    end
  end
  local patterns = {}
  for number, element in ipairs(elements_of(signs, gate.depth)) do patterns[number] = spelled(element) end
  return deepest(gate.tree, patterns, 0) > (depth or -1) or rule, owner
end

local function first_of(paths, owners)
  for _, path in ipairs(owners) do
    if paths[path] ~= nil then return paths[path] end
  end
end

-- Whether this component owns host and path: the exact host before wildcards, then the longest path. Longer paths and
-- nearer hosts of other components stand in the table as false, so that nothing is decided here that is theirs.
local function owned(owners)
  local rest = string.gsub(ngx.var.http_host or '', ':%d+$', '')
  if #rest > 253 then return false end                         -- no DNS name is longer
  if string.find(rest, '[^a-z0-9._-]') then return false end   -- as Kong's router: capitals reach no route
  local pattern = rest
  while pattern do
    local paths = gate.hosts[pattern]
    local mine = paths and first_of(paths, owners)
    if mine ~= nil then return mine end
    local dot = string.find(rest, '.', 1, true)
    rest = dot and string.sub(rest, dot + 1)
    pattern = dot and '*.' .. rest
  end
  return false
end

local function is_name(value)
  return type(value) == 'string' and value ~= '' and not string.find(value, '%c')
end

local function is_texts(value)
  if not json_is_array(value) then return false end
  for _, item in ipairs(value) do
    if type(item) ~= 'string' then return false end
  end
  return true
end

local function contains(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
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
    if mark.prefix then value = string.sub(value, 1, #mark.value) end
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
    if string.sub(name, 1, #prefix) == prefix then result[#result + 1] = string.sub(name, #prefix + 1) end
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
  return { client = client, subject = subject, scopes = effective(issued, client, user and (groups or {}) or nil) }
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

-- Who calls, from a token that counts; nil and why not.
local function identified()
  local ring = kong.client.get_consumer()
  if not ring or ring.username ~= gate.ring then return nil, 'A token of this issuer is needed' end
  local header, payload = VERIFIED_BY[gate.authentication](ring)
  if not header or not ALGORITHMS[header.alg] then return nil, 'The token is not signed by this issuer' end
  local for_us = is_for_us(payload)
  if payload.kid ~= nil or not is_of_issuer(payload, ring) or not (for_us or (gate.per_api and for_us == false)) then
    return nil, 'The token is not for this service'
  end
  if not timely(payload) then return nil, 'The token has expired or is not valid yet' end
  local identity = is_access_token(payload) and identity_of(payload)
  if not identity then return nil, 'The token is not an access token that can be read' end
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

local function judge(text_of_table)
  gate = kept(text_of_table)
  local ambiguous, text, signs = unreadable(string.match(ngx.var.upstream_uri, '^[^?]*'))
  local owners = not ambiguous and owners_of(text)
  if not owners then return 400, 'The path could be read in more than one way' end
  local method = ngx.req.get_method()
  if not METHODS[method] or owned(owners) ~= true then return 404, 'Nothing is exposed here' end
  local rule, owner = rule_of(owners, signs)
  local ambiguous_rule = rule == true
  local alternatives = rule and not ambiguous_rule and (rule[method] or rule['*'])
  if not ambiguous_rule and is_opened(owner, method) then alternatives = 'public' end
  local identity, why = identified()
  if alternatives == 'public' then return 200, nil, identity and identity.for_us and identity or nil end
  if not identity then return 401, why end
  if ambiguous_rule then return 400, 'The path could be read in more than one way' end
  if not identity.for_us then return 403, 'The token is for another API' end
  for _, scopes in ipairs(alternatives or {}) do
    if holds(identity, scopes) then return 200, nil, identity end
  end
  return 403, 'The token does not allow this'
end

-- By the gate's table and by admission's, which is told of by leaving it: a request that admission has not seen is refused.
local function judge_by_both()
  local admitted, given = kong.ctx.shared.kong_oam_admitted, kong.ctx.shared.kong_oam_readers
  if type(admitted) ~= 'string' or type(given) ~= 'table' then return 503, 'The request was not admitted' end
  take(given)
  local status, message, identity = judge(TABLE)
  local forwards = gate.forward_token
  if admitted == TABLE or status ~= 200 then return status, message, identity, forwards end
  local other
  status, message, other = judge(admitted)
  if status ~= 200 then return status, message end
  forwards = forwards and gate.forward_token
  if not identity or not other then return 200, nil, nil, forwards end
  for scope in pairs(identity.scopes) do identity.scopes[scope] = other.scopes[scope] end
  return 200, nil, identity, forwards
end

local function is_bearer(authorization)   -- admission lets such a header through only where it is the only one
  return type(authorization) == 'string' and string.find(string.lower(authorization), 'bearer', 1, true) ~= nil
end

-- The verified identity travels on, and nothing else under these names. The token itself only where both tables say so: who
-- has it can call other APIs with it.
local function tell(identity, forwards)
  local scopes = {}
  for scope in pairs(identity and identity.scopes or {}) do scopes[#scopes + 1] = scope end
  table.sort(scopes)
  local text = table.concat(scopes, ' ')
  local headers = {
    ['X-Auth-Client'] = identity and identity.client,
    ['X-Auth-Subject'] = identity and identity.subject,
    ['X-Auth-Scopes'] = text ~= '' and text,
  }
  for _, name in ipairs({ 'X-Auth-Client', 'X-Auth-Subject', 'X-Auth-Scopes', VERIFIED_HEADER }) do
    if headers[name] then
      kong.service.request.set_header(name, headers[name])
    else
      kong.service.request.clear_header(name)
    end
  end
  if not forwards and is_bearer(ngx.req.get_headers(0)['authorization']) then
    kong.service.request.clear_header('Authorization')
  end
end

-- The one way to the workload: the service itself leads nowhere. The call below makes the target's host the Host header.
local function send(identity, forwards)
  tell(identity, forwards)
  upstream = upstream or load_upstream()
  kong.service.set_target(upstream.host, upstream.port)
  kong.service.request.set_header('Host', ngx.var.http_host)
end

return function()
  local ok, status, message, identity, forwards = pcall(judge_by_both)
  local why = status
  if ok and status == 200 then
    ok, why = pcall(send, identity, forwards)
    if ok then return end
  end
  if not ok then
    kong.log.err('the gate failed, request refused: ', why)
    status, message = 500, 'The gate failed'
  end
  kong.response.exit(status, { message = message }, status == 401 and { ['WWW-Authenticate'] = 'Bearer' } or nil)
  error('the request was refused and went on', 0)   -- what follows an exit is never reached, unless it failed to be one
end

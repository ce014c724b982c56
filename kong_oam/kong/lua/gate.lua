-- The gate: decides by TABLE (JSON, see table.py) and knows the workload's address from UPSTREAM
-- (JSON). It runs last, trusts no other plugin to decide, and denies the request in any unexpected
-- case. If admission has another table, both must allow the request. The gate reads JSON, tokens,
-- paths and rules with admission's functions, and denies the request without them. It stores its
-- decision in `kong_oam_decision`. Needs answer.lua, addresses.lua, TABLE and UPSTREAM.
-- Both inputs are JSON with other quotes (script.py). Top-level code must not fail for any input:
-- Kong would then skip the gate.
TABLE, UPSTREAM = string.gsub(tostring(TABLE), "'", '"'), string.gsub(tostring(UPSTREAM), "'", '"')
local VERSION = 4
local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true }
local ALGORITHMS = { RS256 = true, ES256 = true }
local LONGEST = 480 * 60  -- longest emergency opening, in seconds
local VERIFIED_HEADER = 'x-auth-verified-token'   -- openid-connect's header for the verified token, as in table.py
local MALFORMED = 'malformed-authorization'
local gate               -- the current table
local tables = {}          -- a cache of tables by their text: the gate's own, and the last of admission's
local upstream           -- a cache of the workload's address
local readers            -- admission's functions, with which the caches were filled
local json_read, json_null, json_is_array, json_is_object, token_parts, unreadable
local owners_of, owned, rule_of, tree_of, refuses, contains
-- The required entries of a table and its spelling, with their types. A missing entry is an error.
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

-- The networks of a table, {path: {method or '*': [texts]}}, in comparable form.
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

-- With tools:
local CALL = 'call '   -- the method of a tool begins with it

-- An entry for every method would allow calls of tools that no rule names.
local function check_tools(value)
  if value.tools == nil then return end
  need({ tools = 'object' }, value)
  for path, largest in pairs(value.tools) do
    if type(path) == 'string' then
      need({ [path] = 'number' }, value.tools)
      need({ [path] = 'object' }, value.rules)
      local refusing = value.refusing and value.refusing[path]
      if value.rules[path]['*'] ~= nil or refusing and refusing['*'] ~= nil then
        error('the table has an entry for every method where rules name tools', 0)
      end
    end
  end
end

-- End of tools.
local function table_of(text)
  local value, why = json_read(text)
  if not json_is_object(value) then error('the table cannot be read: ' .. tostring(why), 0) end
  if value.version ~= VERSION then error('the table is of another version', 0) end
  need(PIECES, value)
  need(SPELLING, value.spelling)
  value.tree = tree_of(value.rules)
  for _, name in ipairs({ 'refusing', 'forward' }) do
    if value[name] ~= nil then need({ [name] = 'object' }, value) end
  end
  if value.addresses ~= nil then value.networks = networks_in(value.addresses) end
  -- With tools:
  check_tools(value)
  -- End of tools.
  return value
end

local function take(new_readers)
  if new_readers == readers then return end
  -- Each set of functions has its own json_null, so the caches are emptied.
  readers, tables, upstream = new_readers, {}, nil
  json_read, json_null, json_is_array = new_readers.json_read, new_readers.json_null, new_readers.json_is_array
  json_is_object, token_parts, unreadable = new_readers.json_is_object, new_readers.token_parts, new_readers.unreadable
  owners_of, owned, rule_of, tree_of =
    new_readers.owners_of, new_readers.owned, new_readers.rule_of, new_readers.tree_of
  refuses, contains = new_readers.refuses, new_readers.contains
end

local function cached_table(text)
  if not tables[text] then tables = { [TABLE] = tables[TABLE], [text] = table_of(text) } end
  return tables[text]
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
  local header = value.host_header
  local readable = type(header) == 'string' and (find(header, '^[%w._-]+$') or find(header, '^[%w._-]+:%d*$'))
  if header ~= nil and not readable then
    error('the workload has an unreadable Host header', 0)
  end
  if header and name and match(header, '^[^:]+') ~= name then
    error("the workload's certificate would be verified by another name", 0)
  end
  return { host = host, port = port, name = name, header = header }
end

-- The Host header for the workload. If the workload has a name in its certificate, Kong requests
-- and verifies that name by the Host header, without its port. A service that does not verify gets
-- no requests.
local function host_of_workload()
  if not upstream.name then return upstream.header or ngx.var.http_host end
  local service = kong.router.get_service()
  if not service or service.protocol ~= 'https' or service.tls_verify ~= true then
    error("the workload's certificate would not be verified", 0)
  end
  return upstream.header or upstream.name
end

local function is_name(value)
  return type(value) == 'string' and value ~= '' and not find(value, '%c')
end

local function is_current(payload)
  local now, from = ngx.now(), payload.nbf
  return type(payload.exp) == 'number' and payload.exp > now
    and (from == nil or (type(from) == 'number' and from <= now))
end

local function is_of_issuer(payload, ring)
  local issuer = gate.issuer ~= json_null and gate.issuer or ring.custom_id
  return is_name(issuer) and payload.iss == issuer
end

-- Whether the token is for this service; nil if it has no audience.
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

-- The rest of each name that begins with the prefix.
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

-- The set of those scopes that some of the names hold, by a map from names to lists of scopes.
local function granted_scopes(scopes, names, holdings)
  local held, result = {}, {}
  for _, name in ipairs(names) do
    for _, scope in ipairs(holdings[name] or {}) do held[scope] = true end
  end
  for scope in pairs(scopes) do
    if held[scope] then result[scope] = true end
  end
  return result
end

-- The set of effective scopes: the client's grants here, as itself or for its users. For a user,
-- the roles of the user's groups must give them, too. Other scopes in the token were revoked or
-- never granted.
local function effective(issued, client, groups)
  local scopes = {}
  for _, scope in ipairs(issued) do scopes[scope] = true end
  if not groups then return granted_scopes(scopes, { client }, gate.services) end
  return granted_scopes(granted_scopes(scopes, { client }, gate.on_behalf), groups, gate.groups)
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

-- For each plugin, a function that returns header and payload of the token that the plugin
-- verified, or nil.
local VERIFIED_BY = {}

-- `jwt` leaves token and credential. It verifies with keys of any consumer, but only the ring's
-- keys are valid here.
VERIFIED_BY['jwt'] = function(ring)
  local token, credential = kong.ctx.shared.authenticated_jwt_token, kong.client.get_credential()
  if type(token) ~= 'string' or not credential then return nil end
  local header, payload = token_parts(token)
  if type(credential.consumer) == 'table' and credential.consumer.id == ring.id
      and header and header.kid == credential.key and header.alg == credential.algorithm then
    return header, payload
  end
end

-- `openid-connect` verifies with the issuer's published keys and finds the ring by `iss`. It puts
-- the verified token into a header that admission removed from requests. It also reads tokens from
-- other headers than Authorization, but only Authorization is valid here.
VERIFIED_BY['openid-connect'] = function()
  local headers = ngx.req.get_headers(0)
  local token = headers[VERIFIED_HEADER]
  if type(token) == 'string' and headers['authorization'] == 'Bearer ' .. token then return token_parts(token) end
end

local function is_bearer(authorization)   -- admission allows such a header only once
  return type(authorization) == 'string' and find(string.lower(authorization), 'bearer', 1, true) ~= nil
end

-- The caller's identity, from an old credential or a valid token; or nil and the reason.
local function identified()
  if gate.before ~= nil and readers.old_credential then
    local caller, code = readers.old_credential(gate)
    if caller or code then return caller, code end
  end
  if kong.ctx.shared.kong_oam_hidden_token then return nil, MALFORMED end
  local ring = kong.client.get_consumer()
  if not ring or ring.username ~= gate.ring then
    local has_bearer = kong.ctx.shared.kong_oam_bearer or is_bearer(ngx.req.get_headers(0)['authorization'])
    return nil, has_bearer and 'token-not-verified' or 'token-needed'
  end
  local header, payload = VERIFIED_BY[gate.authentication](ring)
  if not header or not ALGORITHMS[header.alg] then return nil, 'token-not-of-issuer' end
  local for_us = is_for_us(payload)
  if payload.kid ~= nil or not is_of_issuer(payload, ring) or not (for_us or (gate.per_api and for_us == false)) then
    return nil, 'token-not-for-us'
  end
  if not is_current(payload) then return nil, 'token-untimely' end
  local identity = is_access_token(payload) and identity_of(payload)
  if not identity then return nil, 'token-unreadable' end
  identity.for_us = for_us
  return identity
end

local function has_scopes(identity, scopes)
  if not is_texts(scopes) then error('a rule of the table is no list of scopes', 0) end
  for _, scope in ipairs(scopes) do
    if not identity.scopes[scope] then return false end
  end
  return true
end

-- Whether the rule of a path is open to everybody in an emergency (kong_oam.emergency).
local function is_opened(path, method)
  local opened = gate.opened
  if opened == nil or opened.path ~= path or not contains(opened.methods, method) then return false end
  local left = opened.ends - ngx.now()
  return left > 0 and left <= LONGEST
end

-- The last check. A caller from a wrong address therefore learns about tokens and rules only what
-- others learn.
local function check_address(owner, method, code, identity)
  local methods = gate.networks and gate.networks[owner]
  local networks = methods and (methods[method] or methods['*'])
  if networks and not is_in_one_of(networks, kong.client.get_forwarded_ip()) then return 403, 'address-not-allowed' end
  return 200, code, identity
end

-- The position of the rule, or of one alternative; nil if the table has no positions.
local function place_of(path, method, alternative)
  local methods = gate.log and gate.places[path]
  local lines = methods and (methods[method] or methods['*'])
  local line = lines and lines[alternative or 1]
  return type(line) == 'number' and gate.log.file .. ':' .. line or line
end

-- The alternatives of a rule for a method, without the alternatives that refuse the path, or
-- 'public'. The second value has the position of each alternative in the table. The third value is
-- true if all alternatives refuse the path.
local function alternatives_of(rule, owner, method, text, signs)
  local always = rule[method] or rule['*']
  local methods = gate.refusing and gate.refusing[owner]
  local more = methods and (methods[method] or methods['*'])
  if not more or always == 'public' then return always, {} end
  local remaining, positions = {}, {}
  for number, scopes in ipairs(always or {}) do remaining[number], positions[number] = scopes, number end
  for number, entry in ipairs(more) do
    if not refuses(entry[2], text, signs, gate.depth) then
      local position = #(always or {}) + number
      if entry[1] == 'public' then return 'public', { position } end
      remaining[#remaining + 1], positions[#remaining + 1] = entry[1], position
    end
  end
  if #remaining == 0 then return nil, positions, true end
  return remaining, positions
end

-- The path for the workload, joined as Kong joins a service's path and the rest behind a route's
-- path; nil if it stays. `path` has the encoding that goes upstream.
local function sent_path(owners, path)
  for number, key in ipairs(gate.forward and owners or {}) do
    local target = gate.forward[key]
    if target ~= nil then
      if type(target) ~= 'string' or not find(target, '^/') then error('the table forwards to no path', 0) end
      if path == '/' then return target end
      for _ = 1, #owners - number do path = match(path, '^/[^/]*(.*)$') end
      path = string.gsub(target, '/$', '') .. path
      return path == '' and '/' or path
    end
  end
end

-- With tools:
-- Whether a message to the path may be allowed to a caller without a token.
local function may_be_public(rule, owner)
  if gate.opened ~= nil and gate.opened.path == owner then return true end
  for _, alternatives in pairs(rule) do
    if alternatives == 'public' then return true end
  end
  for _, entries in pairs(gate.refusing and gate.refusing[owner] or {}) do
    for _, entry in ipairs(type(entries) == 'table' and entries or {}) do
      if entry[1] == 'public' then return true end
    end
  end
  return false
end

-- Whether the caller may call a tool, by the rules of the path.
local function may_call(rule, owner, tool, text, signs, identity)
  local method = CALL .. tool
  local alternatives = alternatives_of(rule, owner, method, text, signs)
  local is_met = alternatives == 'public'
  for _, scopes in ipairs(not is_met and identity and identity.for_us and alternatives or {}) do
    is_met = is_met or has_scopes(identity, scopes)
  end
  return is_met and check_address(owner, method) == 200
end

-- The set of tools that the caller may call.
local function callable_tools(rule, owner, text, signs, identity)
  local tools = {}
  for _, methods in ipairs({ rule, gate.refusing and gate.refusing[owner] }) do
    for method in pairs(methods) do
      local tool = type(method) == 'string' and match(method, '^call (.*)$')
      if tool and may_call(rule, owner, tool, text, signs, identity) then tools[tool] = true end
    end
  end
  return tools
end

-- Adds the scopes of the first alternative that a token of the caller may have, or of the first.
local function add_needed(needed, alternatives, identity)
  local chosen
  for _, scopes in ipairs(alternatives ~= 'public' and alternatives or {}) do
    local possible = { scopes = effective(scopes, identity.client, identity.groups) }
    if has_scopes(possible, scopes) then chosen = chosen or scopes end
  end
  local first = alternatives and alternatives ~= 'public' and alternatives[1]
  for _, scope in ipairs(chosen or first or {}) do needed[scope] = true end
end

-- The set of all scopes that a token for the message needs: to connect, and to call.
local function needed_scopes(rule, owner, alternatives, text, signs, identity)
  local needed = {}
  add_needed(needed, alternatives_of(rule, owner, 'POST', text, signs), identity)
  add_needed(needed, alternatives, identity)
  return needed
end

-- End of tools.
local function judge(text_of_table)
  gate = cached_table(text_of_table)
  local decision = { log = gate.log, facts = gate }
  kong.ctx.shared.kong_oam_decision = decision
  local path = match(ngx.var.upstream_uri, '^[^?]*')
  local ambiguous, text, signs = unreadable(path)
  local owners = not ambiguous and owners_of(gate, text)
  if not owners then return 400, 'ambiguous-path' end
  local method = ngx.req.get_method()
  if owned(gate, owners) ~= true then return 404, 'not-exposed' end
  if not METHODS[method] then return 404, 'method-unknown' end
  local rule, owner = rule_of(gate, owners, signs)
  local ambiguous_rule = rule == true
  local alternatives, positions, refused
  local everybody = 'public'
  if rule and not ambiguous_rule then
    alternatives, positions, refused = alternatives_of(rule, owner, method, text, signs)
  end
  decision.sent = sent_path(owners, path)
  decision.owner = owner
  decision.rule = (alternatives or refused) and place_of(owner, method, positions[1])
  -- An opening replaces the requirement of a rule. It concerns no path that the rule refuses.
  if not ambiguous_rule and not refused and is_opened(owner, method) then
    alternatives, everybody = 'public', 'opened'
  end
  if kong.ctx.shared.kong_oam_hidden_token and not gate.forward_token then return 401, MALFORMED end
  local identity, why = identified()
  decision.identity = identity
  -- With tools:
  local largest = method == 'POST' and not ambiguous_rule and gate.tools and gate.tools[owner]
  if largest then
    if not identity and not may_be_public(rule, owner) then return 401, why end
    local message, status, code = read_message(largest, readers)
    if not message then return status, code end
    if message.tool then
      method = CALL .. message.tool
      decision.method, everybody = method, 'public'
      alternatives, positions, refused = alternatives_of(rule, owner, method, text, signs)
      decision.rule = (alternatives or refused) and place_of(owner, method, positions[1])
    elseif message.method == 'tools/list' then
      decision.tools = callable_tools(rule, owner, text, signs, identity)
    end
  elseif method == 'GET' and not ambiguous_rule and gate.tools and gate.tools[owner] then
    decision.tools = callable_tools(rule, owner, text, signs, identity)   -- a server may send a list again
  end
  -- End of tools.
  if alternatives == 'public' then
    return check_address(owner, method, everybody, identity and identity.for_us and identity or nil)
  end
  if not identity then return 401, why end
  if ambiguous_rule then return 400, 'ambiguous-path' end
  if not identity.for_us then return 403, 'other-api' end
  for number, scopes in ipairs(alternatives or {}) do
    if has_scopes(identity, scopes) then
      decision.rule = place_of(owner, method, positions[number] or number)
      return check_address(owner, method, 'allowed', identity)
    end
  end
  -- With tools:
  if alternatives and gate.tools and gate.tools[owner] then
    decision.needed = needed_scopes(rule, owner, alternatives, text, signs, identity)
  end
  if decision.method and not alternatives and not refused then return 403, 'tool-not-listed' end
  -- End of tools.
  return 403, alternatives and 'scope-missing' or refused and 'path-refused' or rule and 'method-not-listed' or 'no-rule'
end

-- Judges by the gate's table and by admission's. A request without admission's table was not
-- admitted, so it is denied.
local function judge_by_both()
  local admitted, new_readers = kong.ctx.shared.kong_oam_admitted, kong.ctx.shared.kong_oam_readers
  if type(admitted) ~= 'string' or type(new_readers) ~= 'table' then return 503, 'not-admitted' end
  take(new_readers)
  local status, code, identity = judge(TABLE)
  local forwards = gate.forward_token
  if admitted == TABLE or status ~= 200 then return status, code, identity, forwards end
  local decision, reason = kong.ctx.shared.kong_oam_decision, code
  local other
  status, code, other = judge(admitted)
  if status ~= 200 then return status, code end
  decision.also = kong.ctx.shared.kong_oam_decision.identity
  -- With tools:
  for tool in pairs(decision.tools or {}) do
    local others = kong.ctx.shared.kong_oam_decision.tools
    if others and not others[tool] then decision.tools[tool] = nil end
  end
  -- End of tools.
  kong.ctx.shared.kong_oam_decision = decision
  forwards = forwards and gate.forward_token
  if not identity or not other then return 200, reason, nil, forwards end
  -- The workload gets the scopes that both count. The record has the scopes that either counts.
  decision.scopes, identity.scopes = identity.scopes, {}
  for scope in pairs(decision.scopes) do identity.scopes[scope] = other.scopes[scope] end
  return 200, reason, identity, forwards
end

local function set_or_clear(name, value)
  local request = kong.service.request
  if value then request.set_header(name, value) else request.clear_header(name) end
end

-- Sends the verified identity to the workload, and removes all other values of these headers. The
-- token itself is sent only if both tables say so, since it also works for other APIs.
local function set_identity_headers(identity, forwards)
  local scopes = {}
  for scope in pairs(identity and identity.scopes or {}) do scopes[#scopes + 1] = scope end
  table.sort(scopes)
  local text = table.concat(scopes, ' ')
  set_or_clear('X-Auth-Client', identity and identity.client)
  set_or_clear('X-Auth-Subject', identity and identity.subject)
  set_or_clear('X-Auth-Scopes', text ~= '' and text)
  set_or_clear('X-Auth-Budget')
  set_or_clear(VERIFIED_HEADER)
  local hidden = kong.ctx.shared.kong_oam_hidden_token
  if forwards and hidden then kong.service.request.set_header('Authorization', hidden) end
  if not forwards and is_bearer(ngx.req.get_headers(0)['authorization']) then
    kong.service.request.clear_header('Authorization')
  end
end

-- The only way to the workload, since the Kong service points to the empty Upstream. `set_target`
-- changes the Host header to the target's host.
local function send(identity, forwards)
  set_identity_headers(identity, forwards)
  -- With tools:
  set_message_headers()
  -- End of tools.
  upstream = upstream or load_upstream()
  local host = host_of_workload()
  kong.service.set_target(upstream.host, upstream.port)
  kong.service.request.set_header('Host', host)
  local decision = kong.ctx.shared.kong_oam_decision
  if decision.sent then
    decision.path = match(ngx.var.upstream_uri, '^[^?]*')   -- later scripts read the decided path
    kong.service.request.set_path(decision.sent)
  end
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

-- Describes MCP endpoints to clients: documents for everybody (RFC 9728), and the header
-- WWW-Authenticate of denials, which leads to a document (RFC 6750). Writes the ids of messages in
-- answers. Only ports with tools have this script. Needs json.lua, path.lua, rules.lua.
local describe, challenge, endpoint_of, written_id
do
  local WELL_KNOWN = '/.well-known/oauth-protected-resource'

  local function escaped(character) return string.format('\\u%04x', byte(character)) end

  -- The text as JSON.
  local function quoted(text) return '"' .. gsub(text, '[%c"\\]', escaped) .. '"' end

  -- written_id(id) -> the id of a message as JSON: a text, a whole number, or nil for null.
  function written_id(id)
    if type(id) == 'number' then return string.format('%.0f', id) end
    return id and quoted(id) or 'null'
  end

  -- The URL on the host of the request, which `owned` has read.
  local function url(gate, path) return gate.discovery.scheme .. '://' .. ngx.var.http_host .. path end

  -- The scopes, sorted, as the provider spells them. A provider whose tokens are for one API knows
  -- the API by the URL of the endpoint.
  local function spelled_scopes(gate, owner, scopes)
    local result = {}
    for scope in pairs(scopes) do
      result[#result + 1] = gate.per_api and url(gate, owner) .. '/' .. scope or scope
    end
    table.sort(result)
    return result
  end

  local function add_scopes(found, alternative)
    if not json_is_array(alternative) then return end
    for _, scope in ipairs(alternative) do found[scope] = true end
  end

  -- The set of scopes of an endpoint's rules without tools.
  local function connecting_scopes(gate, owner)
    local found = {}
    for method, alternatives in pairs(gate.rules[owner]) do
      local is_plain = type(method) == 'string' and not find(method, '^call ')
      for _, alternative in ipairs(is_plain and json_is_array(alternatives) and alternatives or {}) do
        add_scopes(found, alternative)
      end
    end
    for method, entries in pairs(gate.refusing and gate.refusing[owner] or {}) do
      local is_plain = type(method) == 'string' and not find(method, '^call ')
      for _, entry in ipairs(is_plain and entries or {}) do add_scopes(found, entry[1]) end
    end
    return found
  end

  local function path_of_request() return match(ngx.var.upstream_uri, '^[^?]*') end

  -- The path of an endpoint in URLs.
  local function suffix(owner) return owner == '/' and '' or owner end

  -- describe(gate) -> the document that the request asks for; nil for any other request. The
  -- component owns the document if it owns the endpoint, whoever owns the document's path.
  function describe(gate)
    local path = path_of_request()
    if ngx.req.get_method() ~= 'GET' or not find(path, WELL_KNOWN, 1, true) then return nil end
    local ambiguous, text = unreadable(path)
    if ambiguous or sub(text, 1, #WELL_KNOWN) ~= WELL_KNOWN then return nil end
    local owner = sub(text, #WELL_KNOWN + 1)
    if owner == '/' then return nil end
    owner = owner == '' and '/' or owner
    local owners = gate.tools[owner] and owners_of(gate, owner)
    if not owners or owned(gate, owners) ~= true then return nil end
    local scopes = spelled_scopes(gate, suffix(owner), connecting_scopes(gate, owner))
    for number, scope in ipairs(scopes) do scopes[number] = quoted(scope) end
    return '{"resource":' .. quoted(url(gate, suffix(owner)))
      .. ',"authorization_servers":[' .. quoted(gate.discovery.issuer) .. ']'
      .. ',"scopes_supported":[' .. table.concat(scopes, ',') .. ']'
      .. ',"bearer_methods_supported":["header"]}'
  end

  -- endpoint_of(gate) -> the path of the MCP endpoint that the request is for; nil without one.
  function endpoint_of(gate)
    gate.tree = gate.tree or tree_of(gate.rules)
    local decision = kong.ctx.shared.kong_oam_decision or {}
    local ambiguous, text, signs = unreadable(decision.path or path_of_request())
    local owners = not ambiguous and owners_of(gate, text)
    if not owners or owned(gate, owners) ~= true then return nil end
    local rule, owner = rule_of(gate, owners, signs)
    return rule and gate.tools[owner] and owner or nil
  end

  -- challenge(gate, owner, needed) -> the value of WWW-Authenticate. `needed`: the set of scopes
  -- that a token lacks; nil: there is no valid token.
  function challenge(gate, owner, needed)
    local scopes = spelled_scopes(gate, suffix(owner), needed or connecting_scopes(gate, owner))
    local value = needed and 'Bearer error="insufficient_scope", ' or 'Bearer '
    value = value .. 'resource_metadata="' .. url(gate, WELL_KNOWN .. suffix(owner)) .. '"'
    if #scopes > 0 then value = value .. ', scope="' .. table.concat(scopes, ' ') .. '"' end
    return value
  end
end

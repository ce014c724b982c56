-- Reads the message of a request to an MCP server as all parsers read it, or rejects it. Only ports
-- with tools have this script. The gate calls it when it knows the caller. A request's own headers
-- never count. Source: Model Context Protocol, versions 2025-03-26 to 2026-07-28.
local lower, gsub = string.lower, string.gsub
local LARGEST_ID = 9007199254740991   -- the largest integer that all parsers read exactly

local function set_of(words)
  local set = {}
  for word in string.gmatch(words, '%S+') do set[word] = true end
  return set
end

-- The methods that clients send, and the key of the object that each names.
local REQUESTS = set_of('completion/complete initialize logging/setLevel ping prompts/get prompts/list '
  .. 'resources/list resources/read resources/subscribe resources/templates/list resources/unsubscribe '
  .. 'server/discover subscriptions/listen tasks/cancel tasks/get tasks/list tasks/result tools/call tools/list')
local NOTIFICATIONS = set_of('notifications/cancelled notifications/initialized notifications/progress '
  .. 'notifications/roots/list_changed notifications/tasks/status')
local NAMED_BY = { ['tools/call'] = 'name', ['prompts/get'] = 'name', ['resources/read'] = 'uri' }

-- Keys with a meaning in the specification. Some parsers read `Name` as `name`.
local ENVELOPE = set_of('jsonrpc id method params result error')
local PARAMS = {}
for key in pairs(set_of('_meta argument arguments capabilities clientInfo context cursor inputResponses level message '
  .. 'name notifications progress progressToken protocolVersion reason ref requestId requestState task taskId total uri')) do
  PARAMS[lower(key)] = key
end

-- Upstreams fold names of headers as CGI does.
local function fold(name) return (gsub(lower(name), '[^%w]', '-')) end

-- The values of each header, by folded name; nil if a header that decides has another spelling.
local function headers_by_name()
  local found = {}
  for name, value in pairs(ngx.req.get_headers(0, true)) do
    local folded = fold(name)
    local values = found[folded] or {}
    found[folded] = values
    for _, item in ipairs(type(value) == 'table' and value or { value }) do values[#values + 1] = item end
    if folded ~= lower(name) and find(folded, '^content%-') then return nil end
  end
  return found
end

-- Whether the headers say JSON in UTF-8, unpacked, and at most one version of the protocol.
local function are_plain(headers)
  if not headers or headers['content-encoding'] then return false end
  local kinds, versions = headers['content-type'] or {}, headers['mcp-protocol-version'] or {}
  if #kinds ~= 1 or type(kinds[1]) ~= 'string' then return false end
  local kind, rest = match(lower(kinds[1]), '^ *([%w/+.-]+)(.*)$')
  if kind ~= 'application/json' or not (rest == '' or find(rest, '^ *; *charset=utf%-8 *$')) then return false end
  return #versions == 0 or (#versions == 1 and type(versions[1]) == 'string' and find(versions[1], '^[%w.-]+$') ~= nil)
end

-- Whether no parser may take a key of the envelope for another key.
local function is_envelope(message)
  for key in pairs(message) do
    if type(key) == 'string' and not ENVELOPE[key] then return false end
  end
  return message.jsonrpc == '2.0'
end

local function is_text_or_missing(value) return value == nil or type(value) == 'string' end

-- Whether no parser may take a key of the parameters for another key. Some parsers read capitals as
-- small letters, and some letters outside ASCII as letters.
local function is_plain_object(params)
  local seen = {}
  for key in pairs(params) do
    if type(key) == 'string' then
      local folded = lower(key)
      if find(key, '[^\32-\126]') or seen[folded] or (PARAMS[folded] or key) ~= key then return false end
      seen[folded] = true
    end
  end
  return is_text_or_missing(params.name) and is_text_or_missing(params.uri)
end

local function is_id(id)
  if type(id) == 'string' then return true end
  return type(id) == 'number' and id % 1 == 0 and id <= LARGEST_ID and id >= -LARGEST_ID
end

-- Whether the message is a response to a request of the server.
local function is_response(message, is_object)
  if message.method ~= nil or message.params ~= nil or not is_id(message.id) then return false end
  if message.result ~= nil then return message.error == nil and is_object(message.result) end
  return is_object(message.error)
end

-- The message's {method, name, tool}, all empty for a response; nil if the message may mean
-- something else to somebody.
local function meaning_of(message, is_object)
  if not is_object(message) or not is_envelope(message) then return nil end
  if is_response(message, is_object) then return {} end
  local method, params = message.method, message.params
  if type(method) ~= 'string' or message.result ~= nil or message.error ~= nil then return nil end
  if params ~= nil and not (is_object(params) and is_plain_object(params)) then return nil end
  if NOTIFICATIONS[method] then return message.id == nil and { method = method } or nil end
  if not REQUESTS[method] or not is_id(message.id) then return nil end
  local key = NAMED_BY[method]
  if not key then return { method = method } end
  local name = params and params[key]
  if type(name) ~= 'string' then return nil end
  if method ~= 'tools/call' then return { method = method, name = name } end
  if #name > 128 or not find(name, '^[%w_./-]+$') then return nil end
  return { method = method, name = name, tool = name }
end

-- read_message(largest, readers) -> {method, id, name, tool}, or nil with a status and a code. The body
-- is read once for both tables. `readers`: admission's functions. `largest`: the most bytes.
local function read_message(largest, readers)
  local shared = kong.ctx.shared
  local known = shared.kong_oam_message
  if not known then
    local length = ngx.var.http_content_length
    if length and not (tonumber(length) and tonumber(length) <= largest) then return nil, 413, 'body-too-large' end
    if not length and (ngx.req.http_version() or 0) >= 2 then return nil, 411, 'length-needed' end   -- it cannot be read
    local body, why = kong.request.get_raw_body(largest)
    if not body then
      kong.log.debug('the body of a message was not read: ', why)
      return nil, 413, 'body-too-large'
    end
    known = { bytes = #body }
    if #body <= largest and are_plain(headers_by_name()) then
      local message = readers.json_read(body)
      known.meaning = meaning_of(message, readers.json_is_object)
      if known.meaning and known.meaning.method then known.meaning.id = message.id end
    end
    shared.kong_oam_message = known
  end
  if known.bytes > largest then return nil, 413, 'body-too-large' end
  if not known.meaning then return nil, 400, 'message-unreadable' end
  return known.meaning
end

-- A value for a header, as the specification encodes it.
local function header_value(text)
  if find(text, '^[\33-\126]+$') and not find(text, '^=%?base64%?.*%?=$') then return text end
  return '=?base64?' .. ngx.encode_base64(text) .. '?='
end

-- Tells the workload what was decided on, and removes what the caller told, in any spelling. A list
-- of tools has to come unpacked.
local function set_message_headers()
  if kong.ctx.shared.kong_oam_decision.tools then kong.service.request.set_header('Accept-Encoding', 'identity') end
  local known = kong.ctx.shared.kong_oam_message
  if not known then return end
  for name in pairs(ngx.req.get_headers(0, true)) do
    local folded = fold(name)
    if folded == 'mcp-method' or folded == 'mcp-name' then ngx.req.clear_header(name) end
  end
  local method, name = known.meaning.method, known.meaning.name
  if method then kong.service.request.set_header('Mcp-Method', method) end
  if name then kong.service.request.set_header('Mcp-Name', header_value(name)) end
end

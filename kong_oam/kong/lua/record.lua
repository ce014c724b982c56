-- One record of each request, in place of Kong's own, which has cookies, keys and query strings in it: whatever writes logs
-- at this service runs after this, and gets what is here and nothing else. docs/reference/records.md says what the fields
-- are. A function, a number that is none or a sparse table would lose the record, as bytes that are no UTF-8 would its line.
-- Needs queries.lua.
local VERSION = 1
local ANSWERED = { answered = true, preflight = true }   -- codes of what the gateway answers in the workload's place

local function request_id() return ngx.var.kong_request_id or ngx.var.request_id end
local function hex(byte) return string.format('%02x', string.byte(byte)) end

local function list(values)   -- none: an empty table would be read as an object
  return #values > 0 and values or nil
end

local function time_of(milliseconds)
  return os.date('!%Y-%m-%dT%H:%M:%S', math.floor(milliseconds / 1000)) .. string.format('.%03dZ', milliseconds % 1000)
end

-- The parameters that the stack lists, each as text: the last one where it stands more than once.
local function query_of(names)
  local found, some = {}, false
  local given = #names > 0 and ngx.req.get_uri_args(0) or {}
  for _, name in ipairs(names) do
    local value = given[name]
    if type(value) == 'table' then value = value[#value] end
    if value ~= nil then found[name], some = plain(tostring(value)), true end
  end
  return some and found or nil
end

local function hashed(subject, key)
  local ok, secret = pcall(kong.vault.get, key)
  if ok and secret then return (string.gsub(ngx.hmac_sha1(secret, subject), '.', hex)) end
  kong.log.err('the key that subjects are hashed with cannot be read: ', secret)
end

-- Who called, of whom a token that counts tells.
local function caller(record, identity, facts, log)
  local groups, scopes, caller = {}, {}, facts.callers[identity.client]
  for _, group in ipairs(identity.groups or {}) do
    if facts.groups[group] then groups[#groups + 1] = facts.logical[group] or group end
  end
  for scope in pairs(identity.scopes) do scopes[#scopes + 1] = scope end
  table.sort(scopes)
  record.client, record.caller, record.user = identity.client, caller and caller[1], identity.groups ~= nil
  record.groups, record.scopes = list(groups), list(scopes)
  if log.subjectKey then
    record.subjectHash = hashed(identity.subject, log.subjectKey)
  else
    record.subject = identity.subject
  end
end

local function code_of(decision, status)
  local answered = kong.ctx.shared.kong_oam_answer
  if answered then return answered end
  if status == 499 and decision.status == 200 then return 'client-closed' end
  return decision.code or (status < 400 and 'answered' or 'refused')
end

local function record_of(said, facts)
  local shared = kong.ctx.shared
  local decision, status, trace = shared.kong_oam_decision or {}, kong.response.get_status(), ngx.var.http_traceparent
  local log, took, code = decision.log or facts.log, said.latencies, code_of(decision, status)
  local record = {
    version = VERSION, time = time_of(said.started_at), requestId = request_id(),
    traceparent = trace and #trace == 55 and string.match(trace, '^%x%x%-%x+%-%x+%-%x%x$') or nil,
    stack = log.stack, component = facts.component,
    port = log.port, method = plain(string.match(ngx.var.request, '^%S+')), host = plain(ngx.var.http_host),
    path = path_of(ngx.var.request_uri), query = query_of(log.query),
    decision = decision.status == 200 and 'allowed' or ANSWERED[code] and 'answered' or 'refused', status = status, code = code,
    rule = decision.rule, rulePath = decision.owner, revision = log.revision, address = kong.client.get_forwarded_ip(),
    latencies = { request = took.request, kong = took.kong, proxy = took.proxy >= 0 and took.proxy or nil },
  }
  if decision.identity then caller(record, decision.identity, facts, log) end
  return record
end

-- What Kong's plugins that count and time requests (prometheus, others' too) go by: without it they count nothing.
local function counted(said)
  return {
    service = said.service and { name = said.service.name }, route = said.route and { name = said.route.name },
    response = { status = kong.response.get_status() }, workspace_name = said.workspace_name,
  }
end

-- The record for plugin opentelemetry, which takes none from the others: its fields as attributes, lists as words.
local function tell_telemetry(record)
  local attributes = {}
  for name, value in pairs(record) do
    if type(value) ~= 'table' then
      attributes[name] = value
    elseif value[1] then
      attributes[name] = table.concat(value, ' ')
    else
      for part, one in pairs(value) do attributes[name .. '.' .. part] = one end
    end
  end
  local told = (record.method or '') .. ' ' .. (record.path or '') .. ' ' .. record.code
  -- Called through pcall: what calls is told, too, with all of its script.
  local ok, done, why = pcall(kong.telemetry.log, 'kong-oam', {}, 'request', told, attributes)
  if not ok or not done then kong.log.err('a record did not reach opentelemetry: ', why or done) end
end

return function()
  local facts   -- the table, read below: nothing of Kong's record stays where that fails
  local said, set = kong.log.serialize(), kong.log.set_serialize_value
  for name in pairs(said) do set(name, nil) end
  local ok, record = pcall(function()
    facts = kong.ctx.shared.kong_oam_readers.left_table()
    return record_of(said, facts)
  end)
  if not ok then
    kong.log.err('the record of a request failed: ', record)
    record = { version = VERSION, requestId = request_id(), code = 'record-failed' }
  end
  for name, value in pairs(record) do set(name, value) end
  for name, value in pairs(counted(said)) do set(name, value) end
  kong.ctx.shared.kong_oam_recorded = true   -- else each sink clears the record by itself
  without_queries(ngx.ctx.KONG_SPANS)
  if ok and facts.log.otlp then tell_telemetry(record) end
end

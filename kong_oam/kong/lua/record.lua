-- Writes one record of each request, instead of Kong's own record, which contains cookies, keys and
-- query strings. Every plugin that writes logs at this service runs later and gets only this
-- record. docs/reference/records.md describes the fields. A function, a NaN or a sparse table would
-- lose the record, and bytes that are not UTF-8 would lose its line. Needs queries.lua.
local VERSION = 1
local ANSWERED = { answered = true, preflight = true }   -- codes of answers by the gateway itself

-- The node, the worker with the time of its first record, and the number of the last record: the
-- log alone shows lost records. A change of plugins, and a restart, start again.
local node, worker, sequence = nil, nil, 0

local function request_id()
  return kong.ctx.shared.kong_oam_request_id or ngx.var.kong_request_id or ngx.var.request_id
end
local function hex(byte) return string.format('%02x', string.byte(byte)) end

local function list(values)   -- nil if empty, since an empty table would become an object
  return #values > 0 and values or nil
end

local function time_of(milliseconds)
  return os.date('!%Y-%m-%dT%H:%M:%S', math.floor(milliseconds / 1000)) .. string.format('.%03dZ', milliseconds % 1000)
end

-- The parameters that the stack lists, as texts. The last value counts if a parameter is repeated.
local function query_of(names)
  local found, has_any = {}, false
  local arguments = #names > 0 and ngx.req.get_uri_args(0) or {}
  for _, name in ipairs(names) do
    local value = arguments[name]
    if type(value) == 'table' then value = value[#value] end
    if value ~= nil then found[name], has_any = plain(tostring(value)), true end
  end
  return has_any and found or nil
end

local function hashed(subject, key)
  local ok, secret = pcall(kong.vault.get, key)
  if ok and secret then return (string.gsub(ngx.hmac_sha1(secret, subject), '.', hex)) end
  kong.log.err('the key that subjects are hashed with cannot be read: ', secret)
end

-- A group's logical name, if either table gives the group scopes here.
local function name_of(group, tables)
  for _, entries in ipairs(tables) do
    if entries.groups[group] then return entries.logical[group] or group end
  end
end

-- The sorted scopes that either table counts. With fewer, the decision of the other would differ.
local function scopes_of(sets)
  local seen, scopes = {}, {}
  for _, set in ipairs(sets) do
    for scope in pairs(set) do
      if not seen[scope] then seen[scope], scopes[#scopes + 1] = true, scope end
    end
  end
  table.sort(scopes)
  return scopes
end

-- Adds the caller, from a valid token. `facts` is admission's table.
local function caller(record, decision, facts, log)
  local identity, also = decision.identity or decision.also, decision.also or {}
  local tables, groups = { decision.facts, facts }, {}
  for _, group in ipairs(identity.groups or {}) do groups[#groups + 1] = name_of(group, tables) end
  local scopes = scopes_of({ decision.scopes or identity.scopes, also.scopes })
  local caller = decision.facts.callers[identity.client] or facts.callers[identity.client]
  record.client, record.caller = identity.client, identity.caller or caller and caller[1]
  record.user, record.by = identity.groups ~= nil, identity.by
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

local function record_of(serialized, facts)
  local shared = kong.ctx.shared
  local decision, status, trace = shared.kong_oam_decision or {}, kong.response.get_status(), ngx.var.http_traceparent
  local log, latencies, code = decision.log or facts.log, serialized.latencies, code_of(decision, status)
  local record = {
    version = VERSION, time = time_of(serialized.started_at), requestId = request_id(),
    traceparent = trace and #trace == 55 and string.match(trace, '^%x%x%-%x+%-%x+%-%x%x$') or nil,
    stack = log.stack, component = facts.component,
    port = log.port, method = plain(string.match(ngx.var.request, '^%S+')), host = plain(ngx.var.http_host),
    path = path_of(ngx.var.request_uri), query = query_of(log.query),
    decision = decision.status == 200 and 'allowed' or ANSWERED[code] and 'answered' or 'refused', status = status, code = code,
    rule = decision.rule, rulePath = decision.owner, revision = log.revision, address = kong.client.get_forwarded_ip(),
    admitted = facts.log.revision ~= log.revision and facts.log.revision or nil,
    latencies = { request = latencies.request, kong = latencies.kong,
      proxy = latencies.proxy >= 0 and latencies.proxy or nil },
  }
  -- With tools:
  record.method = decision.method or record.method
  if code == 'discovery' then record.decision = 'answered' end
  -- End of tools.
  if decision.identity or decision.also then caller(record, decision, facts, log) end
  return record
end

-- The fields that Kong's plugins need to count and time requests (prometheus and others).
local function counted(serialized)
  return {
    service = serialized.service and { name = serialized.service.name },
    route = serialized.route and { name = serialized.route.name },
    response = { status = kong.response.get_status() }, workspace_name = serialized.workspace_name,
  }
end

-- Sends the record to plugin opentelemetry, which ignores the others' record: fields as attributes,
-- lists as words.
local function send_telemetry(record)
  local attributes = {}
  for name, value in pairs(record) do
    if type(value) ~= 'table' then
      attributes[name] = value
    elseif value[1] then
      attributes[name] = table.concat(value, ' ')
    else
      for part, item in pairs(value) do attributes[name .. '.' .. part] = item end
    end
  end
  local message = (record.method or '') .. ' ' .. (record.path or '') .. ' ' .. record.code
  local telemetry = kong.telemetry   -- nil before Kong 3.8; an error here would stop all other logs
  if not telemetry then return kong.log.err('a record did not reach opentelemetry: it needs Kong 3.8') end
  -- Called through pcall, since the message otherwise includes the calling script.
  local ok, done, why = pcall(telemetry.log, 'kong-oam', {}, 'request', message, attributes)
  if not ok or not done then kong.log.err('a record did not reach opentelemetry: ', why or done) end
end

return function()
  local facts   -- the table, read below; if that fails, Kong's own record is removed all the same
  sequence = sequence + 1
  local serialized, set = kong.log.serialize(), kong.log.set_serialize_value
  for name in pairs(serialized) do set(name, nil) end
  local ok, record = pcall(function()
    facts = kong.ctx.shared.kong_oam_readers.left_table()
    node = node or kong.node.get_id()
    worker = worker or string.format('%d-%.0f', ngx.worker.pid(), 1000 * ngx.now())
    return record_of(serialized, facts)
  end)
  if not ok then
    kong.log.err('the record of a request failed: ', record)
    record = { version = VERSION, requestId = request_id(), code = 'record-failed' }
  end
  record.node, record.worker, record.sequence = node, worker, sequence
  for name, value in pairs(record) do set(name, value) end
  for name, value in pairs(counted(serialized)) do set(name, value) end
  kong.ctx.shared.kong_oam_recorded = true   -- otherwise each sink clears the record
  without_queries(ngx.ctx.KONG_SPANS)
  if ok and facts.log.otlp then send_telemetry(record) end
end

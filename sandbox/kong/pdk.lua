-- The environment of a serverless function: Lua in Kong's default sandbox, and the parts of ngx and
-- kong that decide
-- about a request. Missing functions are nil, and calling them is the same error as in a real
-- sandbox without them.
-- `host` is the Python side: plain functions on the current request. `run` swaps `P`, the request's
-- own tables.
-- Sources: Kong's PDK reference, lua-nginx-module's reference, kong/tools/sandbox,
-- kong/plugins/pre-function.

local host = ...

local P                                   -- shared, plugin: tables of the request at hand
local EXIT = {}                           -- what a chunk yields to end its request
local null = newproxy(false)
local yield, type, tostring, select, pairs, ipairs = coroutine.yield, type, tostring, select, pairs, ipairs
local setmetatable, error, unpack, lower, gsub = setmetatable, error, unpack, string.lower, string.gsub

-- the sandbox's Lua -------------------------------------------------------------------------------------------------

local extra = {
  table = {
    new = require("table.new"),
    clear = require("table.clear"),
    pack = function(...) return { n = select("#", ...), ... } end,
    unpack = unpack,
    clone = function(t) local copy = {} for k, v in pairs(t) do copy[k] = v end return copy end,
    isempty = function(t) return next(t) == nil end,
    nkeys = function(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end,
    isarray = function(t)
      for k in pairs(t) do if type(k) ~= "number" or k < 1 or k ~= math.floor(k) then return false end end
      return true
    end,
  },
}

local ALLOWED = [[
  _VERSION assert error ipairs next pairs pcall print select tonumber tostring type unpack xpcall
  bit.arshift bit.band bit.bnot bit.bor bit.bswap bit.bxor bit.lshift bit.rol bit.ror bit.rshift bit.tobit bit.tohex
  coroutine.create coroutine.resume coroutine.running coroutine.status coroutine.wrap coroutine.yield
  io.type jit.os jit.arch jit.version jit.version_num
  math.abs math.acos math.asin math.atan math.atan2 math.ceil math.cos math.cosh math.deg math.exp math.floor
  math.fmod math.frexp math.huge math.ldexp math.log math.log10 math.max math.min math.modf math.pi math.pow
  math.rad math.random math.sin math.sinh math.sqrt math.tan math.tanh
  os.clock os.date os.difftime os.time
  string.byte string.char string.find string.format string.gmatch string.gsub string.len string.lower string.match
  string.rep string.reverse string.sub string.upper
  table.clear table.clone table.concat table.foreach table.foreachi table.getn table.insert table.isarray
  table.isempty table.maxn table.move table.new table.nkeys table.pack table.remove table.sort table.unpack
]]

local globals = _G
local function base_environment()
  local env, modules = {}, {}
  for path in ALLOWED:gmatch("%S+") do
    local module, name = path:match("^(%w+)%.(%w+)$")
    if module then
      modules[module] = modules[module] or {}
      modules[module][name] = globals[module][name] or (extra[module] and extra[module][name])
    else
      env[path] = globals[path]
    end
  end
  for name, content in pairs(modules) do
    env[name] = setmetatable({}, {
      __index = content,
      __newindex = function(_, key) error("Cannot modify " .. name .. "." .. tostring(key) .. ". Protected by the sandbox.", 2) end,
    })
  end
  env.print = function() end
  env.require = function(name) error("require '" .. tostring(name) .. "' not allowed within sandbox", 2) end
  return env
end

-- shared functions
-- -------------------------------------------------------------------------------------------

local function texts(value)
  if type(value) ~= "table" then return tostring(value) end
  local list = {}
  for i, one in ipairs(value) do list[i] = tostring(one) end
  return unpack(list)
end

-- names and values in turn, folded into a table: repeated names make lists
local function folded(flat, transform)
  local found = {}
  for i = 1, #flat, 2 do
    local name, value = transform and transform(flat[i]) or flat[i], flat[i + 1]
    local old = found[name]
    if old == nil then
      found[name] = value
    elseif type(old) == "table" then
      old[#old + 1] = value
    else
      found[name] = { old, value }
    end
  end
  return found
end

local by_any_name = { __index = function(t, name)
  if type(name) ~= "string" then return nil end
  return rawget(t, (gsub(lower(name), "_", "-")))
end }

local function request_headers(limit, raw)
  limit = limit or 100
  local flat, truncated = host.headers(limit)
  local found = raw and folded(flat) or setmetatable(folded(flat, lower), by_any_name)
  if truncated then return found, "truncated" end
  return found
end

local function arguments(limit)
  return folded(host.arguments(limit or 100))
end

local function first(value)
  if type(value) == "table" then return value[1] end
  return value
end

local function spelt(...)
  local list = {}
  for i = 1, select("#", ...) do list[i] = tostring((select(i, ...))) end
  return table.concat(list)
end

local function need_string(value, where)
  if type(value) ~= "string" then error(where .. " must be a string", 3) end
  return value
end

-- ngx ---------------------------------------------------------------------------------------------------------------

local ngx = {
  null = null, OK = 0, ERROR = -1, AGAIN = -2, DONE = -4, DECLINED = -5,
  STDERR = 0, EMERG = 1, ALERT = 2, CRIT = 3, ERR = 4, WARN = 5, NOTICE = 6, INFO = 7, DEBUG = 8,
  HTTP_OK = 200, HTTP_NO_CONTENT = 204, HTTP_BAD_REQUEST = 400, HTTP_UNAUTHORIZED = 401, HTTP_FORBIDDEN = 403,
  HTTP_NOT_FOUND = 404, HTTP_NOT_ALLOWED = 405, HTTP_TOO_MANY_REQUESTS = 429, HTTP_INTERNAL_SERVER_ERROR = 500,
  HTTP_BAD_GATEWAY = 502, HTTP_SERVICE_UNAVAILABLE = 503, HTTP_GATEWAY_TIMEOUT = 504,
  time = function() return math.floor(host.now()) end,
  now = function() return host.now() end,
  update_time = function() end,
  log = function(level, ...) host.log(tostring(level), spelt(...)) end,
  get_phase = function() return P.phase end,
  decode_base64 = function(text)
    if type(text) ~= "string" then error("string argument only", 2) end
    return host.decode_base64(text)
  end,
  encode_base64 = function(text) return host.encode_base64(text) end,
  md5 = function(text) return host.md5(tostring(text)) end,
  worker = { count = function() return 1 end, id = function() return 0 end, pid = function() return 2 end },
  hmac_sha1 = function(key, text) return host.hmac_sha1(key, text) end,
}

ngx.var = setmetatable({}, {
  __index = function(_, name) return host.var(need_string(name, "variable name")) end,
  __newindex = function(_, name, value) host.set_var(name, value == nil and "" or tostring(value)) end,
})

ngx.header = setmetatable({}, {
  __index = function(_, name) return host.response_header((gsub(name, "_", "-"))) end,
  __newindex = function(_, name, value)
    if value == nil then return host.set_response_header((gsub(name, "_", "-"))) end
    return host.set_response_header((gsub(name, "_", "-")), texts(value))
  end,
})

-- an answer's body is a single chunk
ngx.arg = setmetatable({}, {
  __index = function(_, place)
    if place == 1 then return host.body_chunk() end
    return place == 2 or nil
  end,
  __newindex = function(_, place, value) if place == 1 then host.set_body_chunk(value) end end,
})

ngx.req = {
  get_headers = request_headers,
  get_method = function() return host.method() end,
  get_uri_args = arguments,
  http_version = function() return host.http_version() end,
  set_header = function(name, value)
    if value == nil then return host.clear_header(tostring(name)) end
    return host.set_header(tostring(name), texts(value))
  end,
  clear_header = function(name) host.clear_header(tostring(name)) end,
  read_body = function() end,
  discard_body = function() host.discard_body() end,
  get_body_data = function() return host.body() end,
  is_internal = function() return false end,
}

-- kong --------------------------------------------------------------------------------------------------------------

local function quiet() end
local kong = { version = host.version, ctx = {}, client = {}, router = {}, response = {}, request = {}, service = { request = {} } }

kong.log = setmetatable({ inspect = setmetatable({ on = quiet, off = quiet }, { __call = quiet }) }, {
  __call = function(_, ...) host.log("notice", spelt(...)) end,
})
for _, level in ipairs({ "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug" }) do
  kong.log[level] = function(...) host.log(level, spelt(...)) end
end

-- whether Kong's JSON encoder rejects the value: a function, NaN or infinity, a sparse list
local function broken(value)
  local kind = type(value)
  if kind == "number" then return value ~= value or value == math.huge or value == -math.huge end
  if kind ~= "table" then return kind == "function" or kind == "userdata" or kind == "thread" end
  local highest, count = 0, 0
  for key, item in pairs(value) do
    if broken(item) then return true end
    if type(key) == "number" then highest, count = math.max(highest, key), count + 1 end
  end
  return highest > 10 and highest > 2 * count
end

kong.log.serialize = function() return host.record() end
kong.log.set_serialize_value = function(key, value) host.edit_record(need_string(key, "key"), value, broken(value)) end

-- vaults: Kong's built-in vault of environment variables
kong.vault = { get = function(reference)
  local name = type(reference) == "string" and reference:match("^{vault://env/([%w_-]+)}$")
  if not name then return nil, "could not find vault" end
  return host.environment((name:upper():gsub("-", "_")))
end }

setmetatable(kong.ctx, { __index = function(_, name)
  if name == "shared" then return P.shared end
  if name == "plugin" then return P.plugins[P.current] end
end })

local request = kong.request
request.get_method = function() return host.method() end
request.get_scheme = function() return host.var("scheme") end
request.get_host = function() return host.var("host") end
request.get_port = function() return host.port() end
request.get_path = function() return host.path() end
request.get_raw_path = function() return host.raw_path() end
request.get_raw_query = function() return host.var("args") or "" end
request.get_path_with_query = function()
  local query = host.var("args")
  return host.path() .. (query and query ~= "" and "?" .. query or "")
end
request.get_http_version = function() return host.http_version() end
request.get_header = function(name) return first(request_headers()[need_string(name, "header name")]) end
request.get_headers = function(limit) return (request_headers(limit)) end
request.get_query = arguments
request.get_query_arg = function(name) return first(arguments()[need_string(name, "query argument name")]) end
-- nginx spools a larger body to a file (client_body_buffer_size), which only a caller with a limit reads
request.get_raw_body = function(largest_file)
  local body = host.body() or ""
  if #body <= 8192 then return body end
  if not largest_file or largest_file < 0 then return nil, "request body did not fit into client body buffer" end
  if largest_file > 0 and #body > largest_file then return nil, "request body file too big" end
  return body
end
request.get_forwarded_scheme = request.get_scheme
request.get_forwarded_host = request.get_host
request.get_forwarded_port = request.get_port
request.get_forwarded_path = request.get_path

-- the PDK's own check: its message names no place in the script
local function only_in(...)
  for i = 1, select("#", ...) do if P.phase == (select(i, ...)) then return end end
  error("function cannot be called in " .. P.phase .. " phase (only in: " .. table.concat({ ... }, ", ") .. ")", 0)
end

kong.service.set_target = function(name, port)
  only_in("rewrite", "access", "balancer", "preread")
  if type(name) ~= "string" then error("host must be a string", 2) end
  if type(port) ~= "number" or math.floor(port) ~= port then error("port must be an integer", 2) end
  if port < 0 or port > 65535 then error("port must be an integer between 0 and 65535: given " .. port, 2) end
  host.set_target(name, port)
end

kong.service.set_retries = function(count)
  only_in("access")
  if type(count) ~= "number" or math.floor(count) ~= count then error("retries must be an integer", 2) end
  if count < 0 or count > 32767 then error("retries must be an integer between 0 and 32767: given " .. count, 2) end
  host.set_retries(count)
end

local upstream = kong.service.request
upstream.set_header = function(name, value) host.set_upstream_header(need_string(name, "header"), texts(value)) end
upstream.add_header = function(name, value) host.add_header(need_string(name, "header"), texts(value)) end
upstream.clear_header = function(name) host.clear_header(need_string(name, "header")) end
upstream.set_headers = function(headers)
  for name, value in pairs(headers) do upstream.set_header(name, value) end
end
upstream.set_path = function(path)
  if need_string(path, "path"):sub(1, 1) ~= "/" then error("path must start with /", 2) end
  host.set_var("upstream_uri", host.escaped(path))
end

kong.node = { get_id = function() return host.node end }
kong.client.get_consumer = function() return host.consumer() end
kong.client.get_credential = function() return host.credential() end
kong.client.get_ip = function() return host.var("realip_remote_addr") end
kong.client.get_forwarded_ip = function() return host.var("remote_addr") end
kong.client.get_port = function() return 0 end
kong.router.get_route = function() return host.route() end
kong.router.get_service = function() return host.service() end

local response = kong.response
response.set_header = function(name, value) host.set_response_header(need_string(name, "header"), texts(value)) end
response.add_header = function(name, value) host.add_response_header(need_string(name, "header"), texts(value)) end
response.clear_header = function(name) host.set_response_header(need_string(name, "header")) end
response.get_header = function(name) return host.response_header(name) end
response.set_headers = function(headers)
  for name, value in pairs(headers) do response.set_header(name, value) end
end
response.set_status = function(status) host.set_status(status) end
response.get_status = function() return host.status() end
response.get_source = function() return host.source() end
response.set_raw_body = function(body) host.set_body_chunk(need_string(body, "body")) end
response.get_raw_body = function() return host.body_chunk() end
response.exit = function(status, body, headers)
  if type(status) ~= "number" then error("code must be a number", 2) end
  if body ~= nil and type(body) ~= "string" and type(body) ~= "table" then error("body must be a nil, string or table", 2) end
  for name, value in pairs(headers or {}) do host.set_response_header(name, texts(value)) end
  host.exit(status, body)
  return yield(EXIT)
end
response.error = function(status, message, headers)
  if type(status) ~= "number" then error("code must be a number", 2) end
  for name, value in pairs(headers or {}) do host.set_response_header(name, texts(value)) end
  host.error(status, message ~= nil and tostring(message) or nil)
  return yield(EXIT)
end

setmetatable(ngx, {
  __index = function(_, name)
    if name == "ctx" then return P.ngx_ctx end
    if name == "status" then return host.status() end
  end,
  __newindex = function(t, name, value)
    if name == "status" then return host.set_status(value) end
    if name == "ctx" then P.ngx_ctx = value return end
    rawset(t, name, value)
  end,
})

-- running -----------------------------------------------------------------------------------------------------------

local function load_chunk(code)
  local env = setmetatable(base_environment(), { __index = { kong = kong, ngx = ngx } })
  env._G = env
  return assert(load(code, nil, "t", env))
end

-- One phase of one plugin. A chunk is run once as a whole; if it returns a function, that function
-- runs from then on.
-- If its first run fails, the whole chunk runs every time, and its function is never called.
local function phase(codes)
  local steps = {}
  for i = 1, #codes do
    local chunk, begun = load_chunk(codes[i]), false
    steps[i] = function()
      if begun then
        steps[i] = chunk
        return chunk()
      end
      begun = true
      local result = chunk()
      if type(result) == "function" then
        steps[i] = result
        chunk = result
        return result()
      end
      steps[i] = chunk
    end
  end
  return function()
    for i = 1, #steps do steps[i]() end
  end
end

local function begin()
  return { shared = {}, plugins = {}, ngx_ctx = {} }
end

-- Runs a phase for a request: "done", "exit" (an answer was given), or "error" and its message.
local function run(steps, tables, plugin, name, token)
  P = tables
  P.current, P.phase = plugin, name
  P.plugins[plugin] = P.plugins[plugin] or {}
  if token then P.shared.authenticated_jwt_token = token end
  local thread = coroutine.create(steps)
  local ok, outcome = coroutine.resume(thread)
  P = nil
  if not ok then return "error", tostring(outcome) end
  return outcome == EXIT and "exit" or "done"
end

-- Kong's own reading of a request header (kong/tools/http.lua): the first value, among the first
-- hundred headers. With
-- `tables` Kong reads a copy in ngx.ctx, and creates it if it is missing. A script that empties it
-- therefore has an effect.
local function read_header(name, tables)
  local context = tables and tables.ngx_ctx or {}
  context.cached_request_headers = context.cached_request_headers or request_headers()
  return first(context.cached_request_headers[name])
end

return phase, begin, run, read_header

-- Admission: runs before authentication, on every request. It refuses requests that two servers could read differently,
-- and takes away headers that only the gate may set. It allows nothing by itself: a request that passes is marked with
-- the table, by which the gate judges, too. So what closes is closed here first, and what opens is open last at the gate.
-- Of every request it leaves the readers that the gate and the other scripts use, so that a port has each of them once.
-- TABLE (JSON, see table.py) and MORE (names of headers) stand in front of it. Nothing out here may fail, whatever they
-- are: that would leave admission out. Needs json.lua, path.lua, token.lua, answer.lua, rules.lua, contains.lua.
local TEXT = gsub(tostring(TABLE), "'", '"')   -- it is JSON with other quotes (script.py)
local table_left
local READERS = {
  json_read = json_read, json_null = json_null, json_is_array = json_is_array, json_is_object = json_is_object,
  token_parts = token_parts, unreadable = unreadable, owners_of = owners_of, owned = owned, rule_of = rule_of,
  tree_of = tree_of, contains = contains, refuse = refuse, separates = separates,
}

-- left_table() -> the table, read once; nil where it cannot be read.
function READERS.left_table()
  table_left = table_left or json_read(TEXT)
  return table_left
end

-- Names, and beginnings of names before a dash, of what only the gateway says, or what proxies say of a user, a client
-- certificate or a method: nobody in front of this gateway may. docs/reference/paths-and-headers.md says whose they are.
local FORGEABLE = {}
for name in gmatch(
  'connection forwarded x-original x-rewrite x-http-method x-method x-anonymous x-auth x-consumer '
  .. 'x-credential x-authenticated x-remote x-ssl x-forwarded-user x-forwarded-email x-forwarded-groups '
  .. 'x-forwarded-roles x-forwarded-preferred x-forwarded-access x-forwarded-client-cert x-forwarded-tls '
  .. 'x-userinfo x-client-cert x-arr-clientcert x-webauth remote x-amzn-oidc x-amzn-mtls '
  .. 'x-ms-client-principal x-ms-token x-goog-authenticated x-goog-iap x-pomerium x-apigateway-api '
  .. 'x-endpoint-api x-jwt x-id-token cf-access tailscale impersonate ssl client-cert iv sm shib',
  '%S+') do
  FORGEABLE[name] = true
end

-- What Connection may name: how the connection itself is used. Kong deletes every other header that it names on the way to
-- the workload: those of the gate, and the length of a body, whose bytes are then a request of their own. HTTP2-Settings
-- comes with an offer of HTTP/2, which Kong does not hand on.
local CONNECTION_OPTIONS = { close = true, ['http2-settings'] = true, ['keep-alive'] = true, te = true, upgrade = true }

-- Headers that nginx and Kong read, and write anew for the workload. Each of them, and the workload, may take another
-- spelling (Content_Length, X_Forwarded_For) for the same header, or for none.
local WRITTEN_ANEW = {}
for name in gmatch('content-length transfer-encoding keep-alive proxy-connection x-real-ip x-forwarded-for '
  .. 'x-forwarded-host x-forwarded-path x-forwarded-port x-forwarded-prefix x-forwarded-proto x-kong-request-id', '%S+') do
  WRITTEN_ANEW[name] = true
end

-- Headers that the stack takes from callers beside these.
local STRIPPED = {}
for name in gmatch(tostring(MORE), '%S+') do STRIPPED[name] = true end

-- Upstreams fold names as CGI does: X_Auth_Client and x.auth.client may arrive as X-Auth-Client.
local function fold(name)
  return (gsub(lower(name), '[^%w]', '-'))
end

-- Some fold letters that are not ASCII, too (a long s, the Kelvin sign): no name of a header has such (RFC 9110).
local function forgeable(name)
  if find(name, '[\128-\255]') then return true end
  local folded, stop = fold(name), 0
  repeat
    stop = find(folded, '-', stop + 1, true)
    local beginning = sub(folded, 1, (stop or 0) - 1)
    if FORGEABLE[beginning] or STRIPPED[beginning] then return true end
  until not stop or stop > 64   -- no name of the list is longer
  return false
end

local function bearer_mentioned(values)
  for _, value in ipairs(values) do
    if find(lower(value), 'bearer', 1, true) then return true end
  end
  return false
end

local function append(values, value)   -- a header that stands more than once comes as a table
  for _, one in ipairs(type(value) == 'table' and value or { value }) do values[#values + 1] = one end
end

-- Whether a value of Connection names nothing but such options.
local function names_only_options(value)
  for part in gmatch(value, '[^,]+') do
    local option = match(part, '^[ \t]*(.-)[ \t]*$')
    if option ~= '' and not CONNECTION_OPTIONS[lower(option)] then return false end
  end
  return true
end

-- Whether two servers could read the request differently because of this header.
local function ambiguous(name, value)
  local small, folded = lower(name), fold(name)
  if WRITTEN_ANEW[folded] and small ~= folded then return true end
  if small ~= 'connection' then return false end
  local values = {}
  append(values, value)
  for _, one in ipairs(values) do
    if not names_only_options(one) then return true end
  end
  return false
end

-- Key ids are looked up in Kong's database: plain and short ones only.
local function is_key_id(kid)
  return type(kid) == 'string' and #kid <= 128 and find(kid, '^[%w._~:=+/-]+$') ~= nil
end

-- False where a header that mentions bearer could be read as more than one token, or as a token that `jwt` and the gate
-- would read differently (`jwt` prefers a key id in the payload; odd key ids make it fail with a 500, as do signatures of
-- ES256 that are not of 64 bytes, which are 86 characters).
local function credible(values)
  if not bearer_mentioned(values) then return true end
  local token = #values == 1 and match(values[1], '^Bearer ([%w_-]+%.[%w_-]+%.[%w_-]+)$')
  if not token then return false end
  local header, payload, signature = token_parts(token)
  return header ~= nil and is_key_id(header.kid) and payload.kid == nil
    and (header.alg ~= 'ES256' or #signature == 86)
end

-- A target in absolute form names a host of its own, which upstreams are told of beside the Host header's.
local function names_one_host()
  return match(ngx.var.request, '^%S+ /') ~= nil
end

local function admit()
  local path = match(ngx.var.request_uri, '^[^?]*')
  if not names_one_host() or unreadable(path) then return 400, 'ambiguous-path' end
  local authorization, misread = {}, false
  for name, value in pairs(ngx.req.get_headers(0, true)) do
    misread = misread or ambiguous(name, value)
    if lower(name) == 'authorization' then append(authorization, value) end
    if forgeable(name) then ngx.req.clear_header(name) end
  end
  ngx.ctx.cached_request_headers = nil   -- a copy from before this, in which Kong 3.7 to 3.9 read Connection
  if misread then return 400, 'ambiguous-header' end
  if not credible(authorization) then return 401, 'malformed-authorization' end
end

return function()
  kong.ctx.shared.kong_oam_readers = READERS
  local ok, status, code = pcall(admit)
  if not ok then
    kong.log.err('admission failed, request refused: ', status)
    status, code = 500, 'failed'
  end
  if status then refuse(status, code) end
  kong.ctx.shared.kong_oam_admitted = TEXT
end

-- Admission: runs before authentication, on every request. It rejects requests that two servers
-- could read differently, and removes headers that only the gate may set. It allows nothing by
-- itself. It marks an admitted request with its table, and the gate judges by that table too.
-- During an update, a rule that closes therefore takes effect here first, and a rule that opens
-- takes effect last, at the gate.
-- Admission stores the functions that the gate and the other scripts use, so that a port has each
-- function once.
-- TABLE (JSON, see table.py) and MORE (names of headers) stand in front of the script. Top-level
-- code must not fail for any input: Kong would then skip admission. Needs json.lua, path.lua,
-- token.lua, answer.lua, rules.lua, refusals.lua, contains.lua.
local TEXT = gsub(tostring(TABLE), "'", '"')   -- JSON with other quotes (script.py)
local loaded_table
local READERS = {
  json_read = json_read, json_null = json_null, json_is_array = json_is_array, json_is_object = json_is_object,
  token_parts = token_parts, unreadable = unreadable, owners_of = owners_of, owned = owned, rule_of = rule_of,
  tree_of = tree_of, refuses = refuses, contains = contains, refuse = refuse, separates = separates,
}

-- left_table() -> the table, read once; nil if it cannot be read.
function READERS.left_table()
  loaded_table = loaded_table or json_read(TEXT)
  return loaded_table
end

-- With tools:
READERS.json_spans, READERS.written_id, READERS.challenge, READERS.endpoint_of = json_spans, written_id, challenge, endpoint_of

-- End of tools.
-- Names of headers, and their prefixes before a dash, that callers must not send. Only the gateway
-- sets them, or proxies use them for a user, a client certificate or a method.
-- docs/reference/paths-and-headers.md names their sources.
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

-- Allowed options of Connection. Kong deletes every other header that Connection names before it
-- calls the workload. Such a header could be a header of the gate, or the length of a body, whose
-- bytes would then become another request. HTTP2-Settings comes with an offer of HTTP/2, which Kong
-- does not forward.
local CONNECTION_OPTIONS = { close = true, ['http2-settings'] = true, ['keep-alive'] = true, te = true, upgrade = true }

-- Headers that nginx and Kong read and write anew for the workload. Kong, nginx and the workload
-- may each ignore another spelling (Content_Length, X_Forwarded_For), or read it as the same
-- header.
local WRITTEN_ANEW = {}
for name in gmatch('content-length transfer-encoding keep-alive proxy-connection x-real-ip x-forwarded-for '
  .. 'x-forwarded-host x-forwarded-path x-forwarded-port x-forwarded-prefix x-forwarded-proto x-kong-request-id', '%S+') do
  WRITTEN_ANEW[name] = true
end

-- Further headers that the stack removes.
local STRIPPED = {}
for name in gmatch(tostring(MORE), '%S+') do STRIPPED[name] = true end

-- Upstreams fold names as CGI does: X_Auth_Client and x.auth.client may arrive as X-Auth-Client.
local function fold(name)
  return (gsub(lower(name), '[^%w]', '-'))
end

-- Some servers also fold letters outside ASCII (a long s, the Kelvin sign). Names of headers
-- contain none (RFC 9110).
local function forgeable(name)
  if find(name, '[\128-\255]') then return true end
  local folded, stop = fold(name), 0
  repeat
    stop = find(folded, '-', stop + 1, true)
    local beginning = sub(folded, 1, (stop or 0) - 1)
    if FORGEABLE[beginning] or STRIPPED[beginning] then return true end
  until not stop or stop > 64   -- no listed name is longer
  return false
end

local function bearer_mentioned(values)
  for _, value in ipairs(values) do
    if find(lower(value), 'bearer', 1, true) then return true end
  end
  return false
end

local function append(values, value)   -- the value of a repeated header is a table
  for _, entry in ipairs(type(value) == 'table' and value or { value }) do values[#values + 1] = entry end
end

-- Whether a value of Connection names only allowed options.
local function names_only_options(value)
  for part in gmatch(value, '[^,]+') do
    local option = match(part, '^[ \t]*(.-)[ \t]*$')
    if option ~= '' and not CONNECTION_OPTIONS[lower(option)] then return false end
  end
  return true
end

-- Whether two servers could read the request differently because of this header.
local function ambiguous(name, value)
  local lowercase, folded = lower(name), fold(name)
  if WRITTEN_ANEW[folded] and lowercase ~= folded then return true end
  if lowercase ~= 'connection' then return false end
  local values = {}
  append(values, value)
  for _, entry in ipairs(values) do
    if not names_only_options(entry) then return true end
  end
  return false
end

-- Kong looks key ids up in its database, so only plain and short ids are allowed.
local function is_key_id(kid)
  return type(kid) == 'string' and #kid <= 128 and find(kid, '^[%w._~:=+/-]+$') ~= nil
end

-- False if a header with "bearer" could contain several tokens, or a token that `jwt` and the gate
-- would read differently. `jwt` prefers a key id in the payload. It answers 500 to odd key ids, and
-- to signatures of ES256 that are not 64 bytes (86 characters) long.
local function credible(values)
  if not bearer_mentioned(values) then return true end
  local token = #values == 1 and match(values[1], '^Bearer ([%w_-]+%.[%w_-]+%.[%w_-]+)$')
  if not token then return false end
  local header, payload, signature = token_parts(token)
  return header ~= nil and is_key_id(header.kid) and payload.kid == nil
    and (header.alg ~= 'ES256' or #signature == 86)
end

-- Whether the only Authorization header has exactly one bearer token, of any form (RFC 6750, 2.1).
local function is_one_token(values)
  return #values == 1 and find(values[1], '^[Bb]earer [%w._~+/-]+=*$') ~= nil
end

-- A workload with `forwardToken` may know tokens that no provider of ours issued. Such a token is
-- hidden from all plugins, so it proves nothing. The gate passes it on where a rule is public.
local function hides(values)
  if not is_one_token(values) or not READERS.left_table().forward_token then return false end
  kong.ctx.shared.kong_oam_hidden_token = values[1]
  ngx.req.clear_header('Authorization')
  return true
end

-- An absolute target names a second host, which upstreams get beside the Host header.
local function names_one_host()
  return match(ngx.var.request, '^%S+ /') ~= nil
end

local function admit()
  local path = match(ngx.var.request_uri, '^[^?]*')
  if not names_one_host() or unreadable(path) then return 400, 'ambiguous-path' end
  -- With tools:
  kong.ctx.shared.kong_oam_document = describe(READERS.left_table())
  if kong.ctx.shared.kong_oam_document then return 200, 'discovery' end
  -- End of tools.
  local authorization, is_ambiguous = {}, false
  for name, value in pairs(ngx.req.get_headers(0, true)) do
    is_ambiguous = is_ambiguous or ambiguous(name, value)
    if lower(name) == 'authorization' then append(authorization, value) end
    if forgeable(name) then ngx.req.clear_header(name) end
  end
  if is_ambiguous then return 400, 'ambiguous-header' end
  if not credible(authorization) and not hides(authorization) then return 401, 'malformed-authorization' end
  ngx.ctx.cached_request_headers = nil   -- an old copy, in which Kong 3.7 to 3.9 read Connection
end

-- With tools:
-- Answers with the document about an endpoint, before any rule. Neither `jwt` nor a workload gets
-- the request.
local function answer_with_document()
  kong.ctx.shared.kong_oam_decision = { status = 200, code = 'discovery' }
  kong.response.exit(200, kong.ctx.shared.kong_oam_document, { ['Content-Type'] = 'application/json' })
  error('a document was answered and the request went on', 0)
end

-- End of tools.
return function()
  kong.ctx.shared.kong_oam_readers = READERS
  local ok, status, code = pcall(admit)
  if not ok then
    kong.log.err('admission failed, request refused: ', status)
    status, code = 500, 'failed'
  end
  -- With tools:
  if status == 200 then answer_with_document() end
  -- End of tools.
  if status then refuse(status, code) end
  kong.ctx.shared.kong_oam_admitted = TEXT
end

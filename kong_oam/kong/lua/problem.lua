-- Writes answers that are not the workload's as problem details (RFC 9457). Answers of admission
-- and the gate have their codes; answers of Kong or its plugins get a code by status.
-- docs/reference/decisions.md lists the codes. The type of a problem is stable and reveals nothing
-- about rules: revealing codes have a plainer type. Runs in the phase for headers of answers;
-- problem_body.lua then writes the body.
local TITLES = {
  ['address-not-allowed'] = 'This may not be called from this address',
  ['ambiguous-header'] = 'A header could be read in more than one way',
  ['ambiguous-path'] = 'The path could be read in more than one way',
  ['body-too-large'] = 'The body is larger than is allowed',
  ['credential-ended'] = 'The key or password is no longer accepted',
  ['credential-not-accepted'] = 'The key or password is not accepted here',
  ['failed'] = 'The gateway failed',
  ['length-needed'] = 'The length of the body has to be said',
  ['malformed-authorization'] = "The Authorization header is not exactly 'Bearer <token>'",
  ['not-admitted'] = 'The request was not admitted',
  ['not-exposed'] = 'Nothing is exposed here',
  ['not-allowed'] = 'The token does not allow this',
  ['other-api'] = 'The token is for another API',
  ['refused'] = 'The gateway refused the request',
  ['too-large'] = 'The request is too large',
  ['too-many-requests'] = 'There were too many requests',
  ['several-credentials'] = 'A request has one credential',
  ['token-needed'] = 'A token of this issuer is needed',
  ['token-not-for-us'] = 'The token is not for this service',
  ['token-not-of-issuer'] = 'The token is not signed by this issuer',
  ['token-not-verified'] = 'The token could not be verified, or has expired',
  ['token-unreadable'] = 'The token is not an access token that can be read',
  ['token-untimely'] = 'The token has expired or is not valid yet',
  ['unavailable'] = 'The service is not available',
  ['upstream-failed'] = 'The service did not answer',
  ['upstream-timeout'] = 'The service did not answer in time',
}
-- With tools:
TITLES['message-unreadable'] = 'The message could be read in more than one way'
-- End of tools.
local PLAINER = {
  ['method-not-listed'] = 'not-allowed', ['method-unknown'] = 'not-exposed', ['no-rule'] = 'not-allowed',
  ['path-refused'] = 'not-allowed',
  ['scope-missing'] = 'not-allowed',
}
-- With tools:
PLAINER['tool-not-listed'] = 'not-allowed'
-- End of tools.
-- With tools:
-- Completes a denial at an MCP endpoint of admission's table. Returns the body of the answer to a
-- message, since clients show its text; nil elsewhere.
local function answer_at_endpoint(status, name, id)
  local shared = kong.ctx.shared
  local readers, decision = shared.kong_oam_readers, shared.kong_oam_decision or {}
  if not readers or not readers.endpoint_of then return nil end
  local gate = readers.left_table()
  local owner = readers.endpoint_of(gate)
  if not owner then return nil end
  local needed = status == 403 and decision.needed or nil
  if status == 401 or needed then
    kong.response.set_header('WWW-Authenticate', readers.challenge(gate, owner, needed))
  end
  if string.match(ngx.var.request, '^%S+') ~= 'POST' then return nil end
  local message = (shared.kong_oam_message or {}).meaning or {}
  local shown = readers.written_id(message.id)
  return string.format('{"jsonrpc":"2.0","id":%s,"error":{"code":-32010,"message":"%s",'
    .. '"data":{"type":"urn:kong-oam:problem:%s","status":%d,"requestId":"%s"}}}', shown, TITLES[name], name, status, id)
end

-- End of tools.
local BY_STATUS = {
  [413] = 'too-large', [429] = 'too-many-requests', [500] = 'failed', [502] = 'upstream-failed', [503] = 'unavailable',
  [504] = 'upstream-timeout',
}

local function code_of(status)
  if status == 401 then   -- from `jwt`, which ignores other kinds of credentials
    if kong.ctx.shared.kong_oam_hidden_token then return 'malformed-authorization' end
    local authorization = string.lower(ngx.var.http_authorization or '')
    return string.find(authorization, 'bearer', 1, true) and 'token-not-verified' or 'token-needed'
  end
  return BY_STATUS[status]
end

-- Kong's own texts are JSON, except its errors. A page of another plugin is not replaced.
local function is_kongs_own(source)
  local kind = kong.response.get_header('Content-Type')
  return source == 'error' or (source == 'exit' and (not kind or string.find(kind, 'application/json', 1, true) == 1))
end

-- The code of the answer; nil for a foreign answer, or an answer without a code.
local function code_of_answer(status)
  local decision = kong.ctx.shared.kong_oam_decision
  if decision and decision.status == status then return decision.code end
  if not is_kongs_own(kong.response.get_source()) then return nil end
  local code = code_of(status)
  kong.ctx.shared.kong_oam_answer = code or 'refused'
  return code
end

return function()
  local status = kong.response.get_status()
  local code = status >= 400 and code_of_answer(status)
  if not code then return end
  local name = PLAINER[code] or code
  -- The record has the same id. Kong before 3.5 makes a new request_id each time.
  local id = ngx.var.kong_request_id or ngx.var.request_id
  kong.ctx.shared.kong_oam_request_id = id
  local body = string.format('{"type":"urn:kong-oam:problem:%s","title":"%s","status":%d,"requestId":"%s"}',
    name, TITLES[name], status, id)
  kong.response.set_header('Content-Type', 'application/problem+json')
  -- With tools:
  local ok, answer = pcall(answer_at_endpoint, status, name, id)
  if not ok then kong.log.err('a denial at an endpoint is not complete: ', answer) end
  if ok and answer then
    body = answer
    kong.response.set_header('Content-Type', 'application/json')
  end
  -- End of tools.
  kong.response.set_header('Content-Length', #body)
  kong.ctx.shared.kong_oam_problem = body
end

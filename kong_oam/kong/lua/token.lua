-- The parts of a compact JSON Web Token. Needs json.lua.
local base64url_decode, token_parts
do
  local last = {}   -- the last token; several scripts read the same token, and none changes the result

  function base64url_decode(text)
    local rest = #text % 4
    if rest == 1 or find(text, '[^%w_-]') then return nil end
    local padded = gsub(gsub(text, '%-', '+'), '_', '/') .. (rest == 0 and '' or string.rep('=', 4 - rest))
    return ngx.decode_base64(padded)
  end

  -- token_parts("a.b.c") -> header, payload: both JSON objects, and "c"; nil for an invalid token.
  function token_parts(token)
    if token == last.token then return last.header, last.payload, last.signature end
    local head, body, signature = match(token, '^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$')
    if not head then return nil end
    local header, payload = json_read(base64url_decode(head)), json_read(base64url_decode(body))
    if not json_is_object(header) or not json_is_object(payload) then return nil end
    last = { token = token, header = header, payload = payload, signature = signature }
    return header, payload, signature
  end
end

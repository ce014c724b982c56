-- The parts of a compact JSON Web Token, and the one reading of a path. Needs json.lua.
local base64url_decode, token_parts, unreadable
do
  local find, gsub, lower, match = string.find, string.gsub, string.lower, string.match

  function base64url_decode(text)
    local rest = #text % 4
    if rest == 1 or find(text, '[^%w_-]') then return nil end
    local padded = gsub(gsub(text, '%-', '+'), '_', '/') .. (rest == 0 and '' or string.rep('=', 4 - rest))
    return ngx.decode_base64(padded)
  end

  -- token_parts("a.b.c") -> header, payload: both JSON objects, and "c"; nil where anything is not as it must be.
  function token_parts(token)
    local head, body, signature = match(token, '^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$')
    if not head then return nil end
    local header, payload = json_read(base64url_decode(head)), json_read(base64url_decode(body))
    if not json_is_object(header) or not json_is_object(payload) then return nil end
    return header, payload, signature
  end

  local function refused(hex)   -- encodings of control bytes and of / \ ; ? %
    local code = tonumber(hex, 16)
    return code < 32 or code == 127 or code == 47 or code == 92 or code == 59 or code == 63 or code == 37
  end

  local function decoded(hex) return string.char(tonumber(hex, 16)) end

  -- unreadable(path) -> true where two servers could read the path differently; else false and the path, decoded.
  function unreadable(path)
    if type(path) ~= 'string' or not find(path, '^/') or find(path, '[%c \\;#]') then return true end
    if find(gsub(path, '%%%x%x', ''), '%%') then return true end
    for hex in string.gmatch(path, '%%(%x%x)') do
      if refused(lower(hex)) then return true end
    end
    local text = gsub(path, '%%(%x%x)', decoded)
    return not utf8_valid(text), text
  end
end

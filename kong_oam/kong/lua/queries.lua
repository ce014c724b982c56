-- Removes possible queries and tokens from a path: the rest after ? # ; in any spelling. These
-- include signs of path.lua, bytes that are not UTF-8, and foreign escapes (%u003F). The sign
-- itself stays, so that the record explains a denial. Bytes outside ASCII are percent-encoded.
local function escaped(byte) return string.format('%%%02X', string.byte(byte)) end
local function before(text, at) return at and string.sub(text, 1, at - 1) or text end
local function decoded(hex) return string.char(tonumber(hex, 16)) end

-- The text with all bytes outside ASCII percent-encoded.
local function plain(text)
  return text and (string.gsub(text, '[^\32-\126]', escaped))
end

-- Without this version's admission the separators are unknown. Every non-ASCII character then
-- counts as a separator.
local function without_marks(text)
  local separates = (kong.ctx.shared.kong_oam_readers or {}).separates
  local at = string.find(text, '[\128-\255]')
  while at do
    local character = string.match(text, '^[\194-\244][\128-\191]+', at)
    if not character or not separates or separates(character) then
      return string.sub(text, 1, at + #(character or '?') - 1)
    end
    at = string.find(text, '[\128-\255]', at + #character)
  end
  return text
end

local function path_of(target)
  local path = string.match(target, '^[^?]*')
  path = string.match(path, '^[^#;]*[#;]?')
  path = before(path, string.match(path, '%%3[BbFf]()'))
  path = before(path, string.match(path, '%%2[35]()'))
  path = before(path, string.match(path, '%%()%X'))
  path = before(path, string.match(path, '%%()%x%X'))
  return plain(without_marks((string.gsub(path, '%%([89A-Fa-f]%x)', decoded))))
end

-- Cuts query strings from traces. Spans exist only if Kong's own configuration turns tracing on.
local function without_queries(spans)
  for _, span in ipairs(spans or {}) do
    local url = span.attributes and span.attributes['http.url']
    if type(url) == 'string' then span.attributes['http.url'] = path_of(url) end
  end
end

-- Without what may be a query or a token to those who wrote it: behind ? # ; however they are spelled. The mark stays, so
-- that the record explains a refusal.
local function path_of(target)
  local path = string.match(target, '^[^?]*')
  path = string.match(path, '^[^#;]*[#;]?')
  local _, stop = string.find(path, '%%3[BbFf]')
  path = string.sub(path, 1, stop or #path)
  _, stop = string.find(path, '%%2[35]')
  return string.sub(path, 1, stop or #path)
end

-- Cuts query strings from traces. Spans are there where Kong's own configuration turns tracing on.
local function without_queries(spans)
  for _, span in ipairs(spans or {}) do
    local url = span.attributes and span.attributes['http.url']
    if type(url) == 'string' then span.attributes['http.url'] = path_of(url) end
  end
end

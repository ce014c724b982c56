-- Sets the table's headers in requests to the workload, and removes callers' headers of the same
-- names in any spelling.
local function folded(name) return (string.gsub(string.lower(name), '[^%w]', '-')) end

return function()
  local headers = {}
  for _, pair in ipairs(kong.ctx.shared.kong_oam_readers.left_table().headers.request) do
    headers[folded(pair[1])] = pair
  end
  if not next(headers) then return end
  for name in pairs(ngx.req.get_headers(0, true)) do
    if headers[folded(name)] then ngx.req.clear_header(name) end
  end
  for _, pair in pairs(headers) do kong.service.request.set_header(pair[1], pair[2]) end
end

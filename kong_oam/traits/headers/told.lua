-- Tells the workload what the table says, and nothing that a caller sends under these names, in whichever spelling servers
-- may read it.
local function folded(name) return (string.gsub(string.lower(name), '[^%w]', '-')) end

return function()
  local told = {}
  for _, pair in ipairs(kong.ctx.shared.kong_oam_readers.left_table().headers.request) do told[folded(pair[1])] = pair end
  if not next(told) then return end
  for name in pairs(ngx.req.get_headers(0, true)) do
    if told[folded(name)] then ngx.req.clear_header(name) end
  end
  for _, pair in pairs(told) do kong.service.request.set_header(pair[1], pair[2]) end
end
